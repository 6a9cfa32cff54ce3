"""A metric that hangs, fails or is slow costs that metric at most, never the run."""

import time

import numpy as np
import pytest

from gvc.errors import LinkError
from gvc.evaluation.metrics import NotMeasured, vmaf
from gvc.evaluation.service.patience import measure_patiently
from gvc.evaluation.service.process import EvaluatorProcess
from gvc.evaluation.service.sender import Sender
from tests.evaluation import odd_metrics

HERE = "tests.evaluation.odd_metrics"


@pytest.fixture(scope="module")
def clip():
    return np.random.default_rng(0).integers(0, 255, (6, 24, 24, 3), dtype=np.uint8)


def test_the_limit_is_on_no_progress_not_on_time(clip):
    ticks = []
    values, reason = measure_patiently(
        f"{HERE}:slow", clip, clip, tick=lambda done, total: ticks.append((done, total)), stall_s=0.9
    )
    assert reason is None and values.tolist() == [1.0] * 6
    assert {total for _, total in ticks} == {6} and len({done for done, _ in ticks}) >= 3


def test_a_metric_that_hangs_or_fails_has_a_reason(clip):
    began = time.monotonic()
    values, reason = measure_patiently(f"{HERE}:hangs", clip, clip, stall_s=0.5)
    assert values is None and "no progress for 0.5 s, at frame 2 of 6" in reason
    assert time.monotonic() - began < 20
    odd_metrics.LET_GO.set()
    values, reason = measure_patiently(f"{HERE}:fails", clip, clip)
    assert values is None and "failed: TypeError" in reason
    values, reason = measure_patiently("nothing", clip, clip)
    assert values is None and "unknown metric 'nothing'" in reason


def test_the_evaluator_ends_with_all_other_metrics_and_tells_its_progress(tmp_path, clip):
    metrics = ["psnr_db", f"{HERE}:slow", f"{HERE}:hangs", f"{HERE}:fails", "ssim"]
    told = []
    with EvaluatorProcess(tmp_path, metrics, stall_s=1.0) as evaluator:
        with Sender(evaluator.endpoint, evaluator.token) as sender:
            for frame_id, picture in enumerate(clip):
                sender.send_reference(frame_id, picture)
                for arm in ("jscc", "other"):
                    sender.send_decoded(frame_id, arm, picture)
            sender.finish()
        result = evaluator.wait(told=lambda *step: told.append(step))
    assert result["complete"]
    for arm in ("jscc", "other"):
        measured = result["arms"][arm]
        assert measured["psnr_db"] == 100 and measured["ssim"] == pytest.approx(1) and measured[f"{HERE}:slow"] == 1
        assert measured[f"{HERE}:hangs"] is None and measured[f"{HERE}:fails"] is None
    assert set(result["not_measured"]) == {f"{HERE}:hangs", f"{HERE}:fails"}
    steps = [step for step in told if step[0] == f"jscc {HERE}:slow"]
    assert steps and all(total == 6 for _, _, total in steps) and len({done for _, done, _ in steps}) >= 2


def test_an_evaluator_that_tells_nothing_is_given_up(tmp_path, clip):
    with EvaluatorProcess(tmp_path, ["psnr_db", f"{HERE}:hangs"], stall_s=60.0) as evaluator:
        with Sender(evaluator.endpoint, evaluator.token) as sender:
            sender.send_reference(0, clip[0])
            sender.send_reference(1, clip[1])
            sender.send_decoded(0, "jscc", clip[0])
            sender.finish()
        with pytest.raises(LinkError, match="no progress for 3 s, at: "):
            evaluator.wait(silence_s=3.0)
        found = evaluator.salvage()
    assert found["arms"]["jscc"]["psnr_db"] > 0 and found["complete"] is False


def test_vmaf_is_given_up_when_its_program_takes_no_picture(clip, monkeypatch, tmp_path):
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(vmaf, "_program", lambda: str(program))
    monkeypatch.setattr(vmaf, "STALL_S", 0.5)
    began = time.monotonic()
    with pytest.raises(NotMeasured, match="no progress"):
        vmaf.vmaf(np.zeros((40, 128, 128, 3), np.uint8), np.zeros((40, 128, 128, 3), np.uint8))
    assert time.monotonic() - began < 40
