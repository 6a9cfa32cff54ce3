"""`gvc score` and `gvc models` as other programs call them: shipped weights, JSON on stdout, exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from gvc import seeds


def gvc(*arguments: str) -> subprocess.CompletedProcess:
    code = "import sys; from flowgraphs.cli import main; sys.exit(main())"
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=110)


def smooth(folder: Path) -> Path:
    coarse = seeds.stream(4, "picture").integers(0, 255, (6, 7, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((112, 96), Image.Resampling.BICUBIC).save(folder / "one.png")
    return folder


def test_score_prints_one_json_object_with_every_arm(tmp_path: Path) -> None:
    done = gvc(
        "score",
        "--images",
        str(smooth(tmp_path)),
        "--channel",
        "rayleigh",
        "--snr-db",
        "0,10",
        "--cbr",
        "1/48",
        "--preset",
        "small",
        "--json",
        "-",
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["images"] == 1
    assert [(r["snr_db"], r["arm"]) for r in result["rows"]] == [
        (snr, arm) for snr in (0, 10) for arm in ("A", "A+", "control", "C", "D")
    ]
    assert {"encoder", "denoiser", "decoder"} <= result["gmac"].keys()
    assert sum(result["gmac"][k] for k in ("encoder", "denoiser", "decoder")) <= 2.0


def test_score_accepts_the_arm_names_of_link_and_impairments(tmp_path: Path) -> None:
    done = gvc(
        "score",
        "--images",
        str(smooth(tmp_path)),
        "--channel",
        "awgn",
        "--arms",
        "jscc,jscc+cddm",
        "--preset",
        "small",
        "--erasure",
        "0.1",
        "--csi-error-var",
        "0.05",
        "--json",
        "-",
    )
    assert done.returncode == 0, done.stderr
    assert [r["arm"] for r in json.loads(done.stdout)["rows"]] == ["jscc", "jscc+cddm"]


def test_score_refuses_bad_input_with_exit_code_2(tmp_path: Path) -> None:
    folder = str(smooth(tmp_path))
    for arguments, word in (
        (("--images", "/nowhere", "--channel", "awgn"), "no pictures"),
        (("--images", folder, "--channel", "awgn", "--snr-db", "900"), "out of range"),
        (("--images", folder, "--channel", "awgn", "--cbr", "1/3"), "1/48"),
        (("--images", folder, "--channel", "awgn", "--arms", "E"), "unknown arm"),
        (("--images", folder, "--channel", "awgn", "--steps", "0"), "1 to 1000"),
        (("--images", folder, "--channel", "awgn", "--weights", "D"), "ARM=FILE"),
    ):
        done = gvc("score", "--preset", "small", *arguments)
        assert done.returncode == 2 and word in done.stderr, done.stderr
        assert "Traceback" not in done.stderr


def test_every_shipped_file_verifies() -> None:
    done = gvc("models", "verify", "--json", "-")
    assert done.returncode == 0, done.stderr
    files = {(r["network"], r["preset"]) for r in json.loads(done.stdout)["verified"]}
    assert {("jscc", "default"), ("cddm", "default"), ("jscc", "small"), ("cddm", "small")} <= files
