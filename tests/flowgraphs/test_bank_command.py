import json
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.numpy import load_file


def bank(*arguments: str) -> subprocess.CompletedProcess:
    code = "import sys; from flowgraphs.cli import main; sys.exit(main())"
    return subprocess.run([sys.executable, "-c", code, "bank", *arguments], capture_output=True, text=True, timeout=110)


def test_bank_of_two_radios_is_calibrated_and_fits_training(tmp_path: Path) -> None:
    out = tmp_path / "bank.safetensors"
    done = bank(
        "--radio",
        "sim-awgn",
        "--radio",
        "sim-rayleigh-block",
        "--frames",
        "24",
        "--size",
        "128x128",
        "--snr-db",
        "5,20",
        "-o",
        str(out),
        "--json",
        "-",
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["frames"] + result["frames_lost"] == 48
    assert result["error_over_claim"] == pytest.approx(1, abs=0.15)
    arrays = load_file(out)
    assert arrays["noise_map"].shape == arrays["error_re"].shape == (result["frames"], 16 * 8 * 8)


@pytest.mark.parametrize(
    "arguments",
    [("--snr-db", "5"), ("--frames", "0"), ("--radio", "sim-awg"), ("--cbr", "1/2"), ("--size", "source")],
)
def test_bad_requests_leave_no_file(tmp_path: Path, arguments: tuple[str, str]) -> None:
    done = bank("-o", str(tmp_path / "b.safetensors"), *arguments)
    assert done.returncode == 2, done.stderr
    assert not list(tmp_path.iterdir())
