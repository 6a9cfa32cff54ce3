"""Online training in a running flowgraph: frames reach the trainer, weights reach the denoiser, nothing waits."""

import json
from pathlib import Path

import numpy as np
import pytest

import gvc as testbed
from gvc.config import build

TRAINING = ("--set", "model.preset=small", "--set", "model.adapt.enabled=true", "--set", "channel.snr_db=8")
SAID = ("--metrics", "psnr_db", "--pace", "none", "--arms", "jscc+cddm", "--json", "-")


def test_a_link_with_online_training_has_its_curve_in_run_and_report(gvc, clip: Path, tmp_path: Path) -> None:
    done = gvc("link", "--clip", clip, "--out", tmp_path / "run", *TRAINING, *SAID)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["adaptation"]
    assert told["frames_offered"] == 12 and told["frames"] + told["frames_dropped"] == 12
    assert told["failure"] == "" and told["cpu_share_limit"] == 0.25
    assert told["swaps"] == sum(said["decision"] == "swap" for said in told["judgements"])
    run = testbed.load(tmp_path / "run")
    curve = run.result["adaptation"]["curve"]
    frame = run.frame(5)
    assert curve["frame_id"] == list(range(12))
    linear = np.mean(abs(frame.equalised / (1 + frame.noise_map) - frame.true) ** 2)
    assert curve["linear_db"][5] == pytest.approx(10 * np.log10(linear), abs=1e-3)
    if told["swaps"] == 0:
        assert curve["trained_db"] == pytest.approx(curve["shipped_db"], abs=1e-3)


def test_it_is_off_unless_asked_for() -> None:
    assert not build("sim-awgn").model.adapt.enabled


def test_a_denoiser_without_swap_is_refused(gvc, clip: Path, tmp_path: Path) -> None:
    plain = ("--set", "model.denoiser=tests.flowgraphs.plain_codec:PlainDenoiser")
    done = gvc("link", "--clip", clip, "--out", tmp_path / "run", *TRAINING, *plain, *SAID)
    assert done.returncode == 2 and "has no swap(state)" in done.stderr
    assert not (tmp_path / "run").exists()


def test_the_share_of_the_cpu_is_bounded_by_the_configuration(gvc, clip: Path, tmp_path: Path) -> None:
    done = gvc(
        "link", "--clip", clip, "--out", tmp_path / "run", "--set", "model.adapt.cpu_share=1.5", *TRAINING, *SAID
    )
    assert done.returncode == 2 and "model.adapt.cpu_share" in done.stderr
