"""Bad input: one clear line, the right exit code, no hang, nothing half written."""

import json
import os
import resource
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flowgraphs import cli
from gvc.paths import ROOT
from tests.flowgraphs.conftest import GVC

BACK = ("--set", "model.decoder=tests.flowgraphs.plain_codec:PlainDecoder")
PLAIN = ("--radio", "sim-awgn", "--set", "model.encoder=tests.flowgraphs.plain_codec:PlainEncoder")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("link", "--clip", "bikez.mp4"), "no such clip"),
        (("link", "--clip", "CLIP", "--radio", "sim-tdl-c-901ns"), "sim-tdl-c-900ns"),
        (("link", "--clip", "CLIP", "--set", "channel.snr_bd=3"), "channel.snr_db"),
        (("link", "--clip", "CLIP", "--set", "channel.snr_db=99"), "channel.snr_db"),
        (("link", "--clip", "CLIP", "--set", "channel.snr_db=nan"), "channel.snr_db"),
        (("link", "--clip", "CLIP", "--set", "channel.name=tdl-x"), "tdl-"),
        (("link", "--clip", "CLIP", "--set", "phy.equaliser=mmsee"), "mmse"),
        (("link", "--clip", "CLIP", "--set", "video.size=big"), "256x256"),
        (("link", "--clip", "CLIP", "--set", "model.cbr=1/7"), "1/48"),
        (("link", "--clip", "CLIP", "--set", "dump.tz=/tmp/x"), "dump.tx"),
        (("link", "--clip", "CLIP", "--set", "dump.tx=/nowhere/x"), "/nowhere/x"),
        (("link", "--clip", "CLIP", "--arms", "jsc"), "jscc"),
        (("link", "--clip", "CLIP", "--metrics", "pnsr_db"), "psnr_db"),
        (("link", "--clip", "CLIP", "--pace", "slow"), "source"),
        (("link", "--clip", "CLIP", "--frames", "-1"), "frames"),
        (("link", "--clip", "NOISE"), "cannot be read as a video"),
        (("tx", "CLIP", "-o", "/nowhere/x.cf32"), "/nowhere/x.cf32"),
        (("rx", "/nowhere/x.cf32", "-o", "OUT"), "/nowhere/x.cf32"),
        (("rx", "EMPTY", "-o", "OUT"), "is empty"),
        (("rx", "ODD", "-o", "OUT"), "not a whole number"),
        (("rx", "SHORTS.sigmf-meta", "-o", "OUT"), "ri16_le"),
        (("bench", "lonk"), "link"),
    ],
)
def test_refused_with_code_2_before_anything_runs(
    capfd: pytest.CaptureFixture[str], clip: Path, tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    files = {"CLIP": clip, "OUT": tmp_path / "out"}
    for name, content in (
        ("EMPTY", b""),
        ("ODD", bytes(8001)),
        ("NOISE", os.urandom(5000)),
    ):
        files[name] = tmp_path / name
        files[name].write_bytes(content)
    files["SHORTS.sigmf-meta"] = tmp_path / "shorts.sigmf-meta"
    files["SHORTS.sigmf-meta"].write_text(json.dumps({"global": {"core:datatype": "ri16_le"}}))
    before = sorted(tmp_path.iterdir())
    command = [str(files.get(argument, argument)) for argument in arguments]
    if arguments[0] == "link":
        command += ["--out", str(tmp_path / "out")]
    code = cli.run(command)
    _, said = capfd.readouterr()
    assert code == 2, said
    assert told in " ".join(said.replace("│", " ").split())
    assert "Traceback" not in said
    assert sorted(tmp_path.iterdir()) == before


def test_a_sample_that_is_not_a_number_is_counted_and_told(gvc, tmp_path: Path) -> None:
    samples = np.zeros(80_000, np.complex64)
    samples[70_000] = np.nan
    samples.tofile(tmp_path / "nan.cf32")
    done = gvc("rx", tmp_path / "nan.cf32", "-o", tmp_path / "out", *BACK, "--arm", "jscc", "--json", "-")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["bad_samples"] == 1
    assert "1 samples were no finite numbers" in done.stderr


def test_altered_weights_are_refused(gvc, clip: Path, tmp_path: Path) -> None:
    """The check is that of `models`; here, that `tx` says so with code 2 and writes nothing."""
    code = (
        "import models.weights as w, shutil, sys; from pathlib import Path; "
        "original = w.folder('jscc', 'small'); copy = Path(sys.argv[1]) / 'weights'; shutil.copytree(original, copy); "
        "file = copy / 'encoder.safetensors'; data = bytearray(file.read_bytes()); data[-1] ^= 1; "
        "file.write_bytes(data); "
        "import models.arms as a; a.weights.folder = lambda network, preset: copy; "
        "from flowgraphs import cli; cli.main(sys.argv[2:])"
    )
    out = tmp_path / "clip.cf32"
    command = [GVC[0], "-c", code, str(tmp_path), "tx", str(clip), "-o", str(out), "--set", "model.preset=small"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2, done.stderr
    assert "altered" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["weights"]


def small_files() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))


def full_disk() -> dict[str, Any]:
    """Options of a process that gets no file beyond 4096 bytes."""
    # Python 3.11 would leave cut bytecode in the checkout, and every later import would fail on it.
    return {"preexec_fn": small_files, "env": {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}}


def test_a_full_disk_ends_tx_with_code_1_and_no_file(gvc, clip: Path, tmp_path: Path) -> None:
    done = gvc("tx", clip, "-o", tmp_path / "clip.cf32", *PLAIN, **full_disk())
    assert done.returncode == 1, done.stderr
    assert f"{tmp_path / 'clip.cf32'} cannot be written: File too large" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_full_disk_ends_link_with_code_1_and_no_run(gvc, clip: Path, tmp_path: Path) -> None:
    done = gvc("link", "--clip", clip, *PLAIN, "--set", "model.decoder=tests.flowgraphs.plain_codec:PlainDecoder",
               "--arms", "jscc", "--metrics", "psnr_db", "--out", tmp_path / "run", **full_disk())  # fmt: skip
    assert done.returncode == 1, done.stderr
    # The graph and its evaluator are both refused; who is first says so.
    assert any(words in done.stderr for words in ("cannot be written", "cannot write", "File too large")), done.stderr
    assert not list(tmp_path.iterdir())


def slow_link(clip: Path, out: Path) -> tuple[subprocess.Popen, int]:
    """A link that takes a second a frame, in its first frame, and the process id of its evaluator."""
    command = [*GVC, "link", "--clip", str(clip), *PLAIN, "--arms", "jscc", "--metrics", "psnr_db", "--out", str(out),
               "--set", "model.decoder=tests.flowgraphs.plain_codec:SlowDecoder"]  # fmt: skip
    mark = out.with_name("decoding")
    environment = {**os.environ, "SLOW_S": "1", "SLOW_MARK": str(mark)}
    child = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=environment)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and child.poll() is None:
        if mark.exists() and (evaluator := _evaluator_of(child.pid)):
            mark.unlink()
            return child, evaluator
        time.sleep(0.05)
    child.kill()
    raise AssertionError(f"no frame was decoded: {child.communicate()[1]}")


def test_an_evaluator_that_dies_ends_the_run_with_code_1(clip: Path, tmp_path: Path) -> None:
    child, evaluator = slow_link(clip, tmp_path / "run")
    try:
        os.kill(evaluator, signal.SIGKILL)
        _, told = child.communicate(timeout=60)
    finally:
        child.kill()
    assert child.returncode == 1, told
    assert "evaluator" in told
    assert not list(tmp_path.iterdir())


def test_terminating_a_run_leaves_nothing_behind(clip: Path, tmp_path: Path) -> None:
    child, evaluator = slow_link(clip, tmp_path / "run")
    try:
        child.send_signal(signal.SIGTERM)
        _, told = child.communicate(timeout=30)
    finally:
        child.kill()
    assert child.returncode == 130, told
    assert not list(tmp_path.iterdir())
    assert not Path(f"/proc/{evaluator}").exists()


def _evaluator_of(parent: int) -> int | None:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            if (
                int(fields[1]) == parent
                and b"gvc.evaluation.service.evaluator" in (stat.parent / "cmdline").read_bytes()
            ):
                return int(stat.parent.name)
        except OSError:
            continue
    return None
