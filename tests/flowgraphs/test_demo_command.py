"""`gvc demo` from clip to report, in a process of its own, and `gvc report` on what it left."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from flowgraphs.commands import demo

SMALL = ["--set", "model.preset=small", "--set", "video.size=192x176"]


@pytest.mark.gr
def test_demo_leaves_a_report_and_prints_its_path(tmp_path: Path, gvc) -> None:
    run = tmp_path / "run"
    done = gvc("demo", "--frames", "4", *SMALL, "--out", run, "--json", "-")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["clip"], result["frames_sent"]) == ("bikes.mp4", 4)
    # the fair arm stands beside the others, and the headline is against it
    assert list(result["arms"]) == ["jscc", "control", "jscc+cddm"]
    report = Path(result["report"])
    assert report == run / "report/index.html"
    page = report.read_text()
    assert "<img" in page and (run / "report/comparison.mp4").stat().st_size > 0
    assert page.index("dB against Control") < page.index("dB against JSCC")
    assert {row["snr_db"] for row in json.loads((run / "sweep.json").read_text())} >= {0, 10, 20}
    assert (run / "report/delay_profile.png").is_file() and (run / "report/spectrum.png").is_file()
    versions = json.loads((run / "run.json").read_text())["versions"]
    assert versions["gnuradio"].startswith("3.") and versions["av"] and versions["libavcodec"]
    # the report again, from the folder alone
    again = gvc("report", run, "--json", "-")
    assert again.returncode == 0, again.stderr
    told = json.loads(again.stdout)
    assert told["report"] == str(report) and told["failed"] == [] and "recovery" not in told["left_out"]


@pytest.mark.gr
def test_a_broken_sweep_costs_its_figure_not_the_demo(tmp_path: Path, clip: Path) -> None:
    run = tmp_path / "run"
    code = """
from flowgraphs import cli
from flowgraphs.experiment import snr_sweep
def broken(*args, **kwargs):
    raise ValueError("operands could not be broadcast together")
snr_sweep.sweep = broken
cli.main()
"""
    options = ["--clip", str(clip), "--arms", "jscc", "--frames", "3", "--set", "model.preset=small"]
    command = [sys.executable, "-c", code, "demo", *options, "--metrics", "psnr_db", "--out", str(run)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=115)
    assert done.returncode == 0, done.stderr
    assert "the sweep over SNR failed: ValueError: operands could not be broadcast" in done.stderr
    *table, last = done.stdout.splitlines()
    assert last == f"report: {run / 'report/index.html'}"
    assert "The sweep over SNR failed: ValueError" in (run / "report/index.html").read_text()
    assert max(map(len, table)) <= 80


def test_a_preset_without_a_control_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, missing = demo._with_weights(["jscc", "control", "jscc+cddm"], "sim-awgn", ["model.preset=large"])
    assert kept == ["jscc", "jscc+cddm"] and "no control weights for preset large" in missing["control"]
    assert "no control weights for preset large" in capsys.readouterr().err
    assert demo._with_weights(["jscc", "control"], "sim-awgn", ["model.preset=small"]) == (["jscc", "control"], {})


def test_what_is_no_run_has_no_report(tmp_path: Path, gvc) -> None:
    done = gvc("report", tmp_path)
    assert done.returncode == 2 and "no run folder" in done.stderr
