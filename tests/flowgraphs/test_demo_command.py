"""`gvc demo` from clip to report, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.gr
def test_demo_leaves_a_report_and_prints_its_path(tmp_path: Path) -> None:
    run = tmp_path / "run"
    code = "from flowgraphs.cli import main; main()"
    options = [
        "--frames",
        "4",
        "--set",
        "video.size=192x176",
        "--set",
        "model.preset=small",
        "--out",
        str(run),
        "--json",
        "-",
    ]
    command = [sys.executable, "-c", code, "demo", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=115)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["clip"], result["frames_sent"], set(result["arms"])) == ("bikes.mp4", 4, {"jscc", "jscc+cddm"})
    report = Path(result["report"])
    assert report == run / "report/index.html"
    assert "<img" in report.read_text() and (run / "report/comparison.mp4").stat().st_size > 0
    assert {row["snr_db"] for row in json.loads((run / "sweep.json").read_text())} >= {0, 10, 20}
