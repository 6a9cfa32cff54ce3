"""`gvc link` as other programs call it: JSON, run folder, exit codes."""

import json
from pathlib import Path

import numpy as np
import pytest

import gvc as testbed

SMALL = ("--set", "model.preset=small", "--set", "video.size=48x32", "--metrics", "psnr_db,ssim")
UNGATED = ("--set", "model.gate=false")


@pytest.fixture(scope="module")
def run(gvc, clip: Path, tmp_path_factory: pytest.TempPathFactory):
    """(result, run folder) of one link over the default radio with both arms."""
    out = tmp_path_factory.mktemp("runs") / "first"
    done = gvc("link", "--clip", clip, "--frames", 6, *SMALL, *UNGATED, "--seed", 3, "--out", out, "--json", "-")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), out


def test_the_json_has_what_other_programs_rely_on(run) -> None:
    result, _ = run
    keys = "clip size fps_source frames_sent frames_received frames_lost bursts_sent bursts_lost cbr overhead "
    keys += "snr_set_db snr_est_db evm_db seconds realtime_factor latency_ms denoiser_active_fraction arms not_measured"
    assert set(keys.split()) <= result.keys()
    assert result["size"] == [48, 32]
    assert result["fps_source"] == 25.0
    assert result["frames_sent"] == 6 == result["frames_received"] + result["frames_lost"]
    assert result["cbr"] == pytest.approx(1 / 48)
    assert result["overhead"] > 0
    received = result["counters"]["receiver"]
    assert received["bad_headers"] == received["not_understood"] == received["bad_samples"] == 0
    assert result["denoiser_active_fraction"] == 1.0
    assert result["realtime_factor"] == pytest.approx(6 / 25 / result["seconds"])
    assert 0 < result["latency_ms"]["p50"] <= result["latency_ms"]["p95"] <= result["latency_ms"]["p99"]
    assert set(result["arms"]) == {"jscc", "jscc+cddm"}
    for arm in result["arms"].values():
        assert {"psnr_db", "ssim", "channel_uses", "energy"} <= arm.keys()
        assert arm["channel_uses"] == 6 * 48 * 32 * 3 / 48
        assert 0 < arm["psnr_db"] < 100
        assert arm["dists"] is None and arm["vmaf"] is None
    assert "not asked for" in result["not_measured"]["dists"]
    assert result["complete"] is True and result["frames_kept"] == 6


def test_the_run_folder_opens_in_one_line(run) -> None:
    result, out = run
    opened = testbed.load(out)
    assert opened.result["frames_sent"] == 6
    received = result["bursts_sent"] - result["bursts_lost"]
    assert len(opened.evm_db) == len(opened.snr_db) == len(opened.channel) == received
    assert opened.true_magnitude.shape == opened.channel.shape
    apart = np.abs(opened.channel) - opened.true_magnitude
    assert np.mean(apart**2) < 0.1 * np.mean(opened.true_magnitude**2)
    frame = opened.frame(0)
    assert len(frame.true) == len(frame.equalised) == len(frame.noise_map) == len(frame.denoised) == 96
    known = frame.noise_map < 10
    error = np.abs(frame.equalised - frame.true)[known] ** 2
    assert 0.3 < np.mean(error / frame.noise_map[known]) < 3
    assert len(list((out / "frames" / "jscc+cddm").glob("*.png"))) == 6
    assert not list(out.parent.glob(".*")), "drafts are left"


def test_a_finished_run_is_replaced_only_by_a_finished_one(gvc, run, clip: Path) -> None:
    _, out = run
    before = (out / "run.json").read_bytes()
    wrong = gvc("link", "--clip", clip, *SMALL, "--radio", "sim-awgn", "--out", out, "--set",
                "model.decoder=tests.flowgraphs.plain_codec:FailingDecoder")  # fmt: skip
    assert wrong.returncode == 1
    assert "fails at its fourth frame" in wrong.stderr
    assert (out / "run.json").read_bytes() == before
    # What came is kept beside it.
    assert f"kept in {out}-incomplete" in wrong.stderr
    kept = testbed.load(f"{out}-incomplete")
    assert kept.result["complete"] is False and 1 <= kept.result["frames_received"] < 12
    assert not list(out.parent.glob(".*")), "drafts are left"


def test_one_arm_unpaced(gvc, clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs" / "one"
    done = gvc("link", "--clip", clip, "--radio", "sim-awgn", "--frames", 3, *SMALL, "--arms", "jscc", "--pace", "none",
               "--out", out, "--json", tmp_path / "result.json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    assert list(result["arms"]) == ["jscc"]
    assert result["latency_ms"] == {"p50": None, "p95": None, "p99": None}
    assert "latency_ms" in result["not_measured"]
    assert result["denoiser_active_fraction"] == 0.0


def test_no_run_in_a_folder_that_is_something_else(gvc, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("diary")
    done = gvc("link", "--clip", clip, *SMALL, "--out", tmp_path / "letters")
    assert done.returncode == 2
    assert "is no run folder" in done.stderr
    assert (tmp_path / "letters" / "dear.txt").exists()
