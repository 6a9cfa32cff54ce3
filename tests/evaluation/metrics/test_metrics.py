"""Metrics against closed forms, against libvmaf's own SSIM, and against values of the published weights."""

import json
import subprocess

import numpy as np
import pytest
import torch

from gvc.content import installed
from gvc.content.catalogue import METRICS
from gvc.errors import InputError
from gvc.evaluation.metrics import backbones, measure
from gvc.evaluation.metrics.lpips import distance
from gvc.evaluation.metrics.vmaf import ffmpeg
from gvc.paths import content_dir
from gvc.registry import names

ALL = names("metric")
LEARNED = ("lpips", "dists", "efficientnet")
DISTANCES = (*LEARNED, "flicker")


@pytest.fixture(scope="module")
def weights():
    assert installed.intact(METRICS, content_dir()), "metric weights are not installed: run ./testbed setup"


def value(name, first, second):
    values, reason = measure(name, first, second)
    assert reason is None
    return values


@pytest.mark.parametrize("step", [1, 5, 100])
def test_psnr_of_a_constant_difference(step):
    first = np.full((2, 20, 30, 3), 100, np.uint8)
    np.testing.assert_allclose(value("psnr_db", first, first + np.uint8(step)), 20 * np.log10(255 / step))


def test_psnr_is_capped():
    first = np.zeros((1, 8, 8, 3), np.uint8)
    assert value("psnr_db", first, first) == 100
    assert value("psnr_db", first, first + np.uint8(255)) == 0


def test_ssim_of_flat_pictures_is_its_luminance_term():
    first, second = (np.full((1, 180, 200, 3), level, np.uint8) for level in (60, 90))
    luminance = (2 * 60 * 90 + 6.5025) / (60**2 + 90**2 + 6.5025)
    np.testing.assert_allclose(value("ssim", first, second), luminance, atol=1e-4)
    # Only the coarsest scale of MS-SSIM has a luminance term.
    np.testing.assert_allclose(value("ms_ssim", first, second), luminance**0.1333, atol=1e-4)


@pytest.mark.parametrize(
    ("metric", "feature", "tolerance"), [("ssim", "float_ssim", 5e-4), ("ms_ssim", "float_ms_ssim", 5e-3)]
)
def test_ssim_agrees_with_libvmaf(tmp_path, pictures, noisy, metric, feature, tolerance):
    # libvmaf: the same Gaussian window on luma. Grey pictures, so that luma and every colour are the same numbers.
    # Its MS-SSIM filters with a 9/7 wavelet between scales where Wang's paper and ours take 2x2 means.
    first = np.repeat(pictures(2, 256, 256)[..., :1], 3, axis=3)
    second = np.repeat(noisy(first, 12)[..., :1], 3, axis=3)
    for name, clip in (("first", first), ("second", second)):
        planes = np.full((2, 3, 256, 256), 128, np.uint8)
        planes[:, 0] = clip[..., 0]
        (tmp_path / name).write_bytes(planes.tobytes())
    source = ["-f", "rawvideo", "-pix_fmt", "yuv444p", "-s", "256x256", "-i"]
    log = tmp_path / "log.json"
    graph = f"[0:v][1:v]libvmaf=feature='name={feature}':log_fmt=json:log_path={log}"
    inputs = [*source, str(tmp_path / "second"), *source, str(tmp_path / "first")]
    command = [ffmpeg(), "-nostdin", "-v", "error", *inputs, "-lavfi", graph, "-f", "null", "-"]
    subprocess.run(command, check=True, timeout=60)
    theirs = [frame["metrics"][feature] for frame in json.loads(log.read_text())["frames"]]
    np.testing.assert_allclose(value(metric, first, second), theirs, atol=tolerance)


@pytest.mark.parametrize("name", ALL)
def test_perfect_is_best_and_more_noise_is_worse(weights, pictures, noisy, name):
    clean = pictures(3, 176, 200)
    equal, little, much = (value(name, clean, d).mean() for d in (clean, noisy(clean, 4), noisy(clean, 24)))
    if name in DISTANCES:
        assert abs(equal) < 1e-4 and 0 < little < much
    else:
        assert equal > little > much
        assert equal == pytest.approx({"psnr_db": 100, "vmaf": 98, "vmaf_neg": 98}.get(name, 1), abs=2.5)


def test_learned_metrics_keep_their_values(weights, pictures, noisy):
    # The same code and weights gave the published 0.722 and 0.138 (LPIPS) and 0.3347 (DISTS): benchmarks/evaluation.py.
    clean = pictures(1, 96, 128)
    worse = noisy(clean, 16)
    np.testing.assert_allclose(value("lpips", clean, worse), 0.400402, rtol=2e-3)
    np.testing.assert_allclose(value("dists", clean, worse), 0.341726, rtol=2e-3)
    np.testing.assert_allclose(value("efficientnet", clean, worse), 0.345514, rtol=2e-3)


def test_lpips_as_a_loss_is_the_metric_and_leads_back_to_the_picture(weights, pictures, noisy):
    clean = pictures(1, 64, 64)
    worse = noisy(clean, 20)
    reference, start = backbones.tensor(clean[0]), backbones.tensor(worse[0])
    assert float(distance(reference, start)) == pytest.approx(value("lpips", clean, worse)[0], rel=1e-5)
    shown = start.clone().requires_grad_()
    distance(reference, shown).sum().backward()
    assert torch.isfinite(shown.grad).all()
    step = 0.02 * shown.grad / shown.grad.abs().max()
    assert float(distance(reference, start - step)) < float(distance(reference, start))


def test_learned_distances_are_symmetric(weights, pictures, noisy):
    clean = pictures(1, 64, 64)
    worse = noisy(clean, 20)
    for name in LEARNED:
        np.testing.assert_allclose(value(name, clean, worse), value(name, worse, clean), rtol=1e-4)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("size", [(1, 1), (16, 16), (31, 33), (161, 163), (200, 40)])
def test_any_size_gives_a_value_or_a_reason(weights, pictures, noisy, name, size):
    clean = pictures(2, *size)
    values, reason = measure(name, clean, noisy(clean, 5))
    assert (values is None) != (reason is None)
    assert values is None or (values.shape == (2,) and np.isfinite(values).all())
    least = {"psnr_db": 1, "ssim": 11, "ms_ssim": 161, "lpips": 31, "dists": 16, "vmaf": 17, "vmaf_neg": 17}
    least |= {"flicker": 16, "efficientnet": 32}
    if min(size) >= least[name]:
        assert values is not None, reason
    else:
        assert "at least" in reason


@pytest.mark.parametrize("name", LEARNED)
def test_missing_or_altered_weights_are_a_reason(tmp_path, monkeypatch, pictures, name):
    monkeypatch.setenv("GVC_HOME", str(tmp_path))
    clean = pictures(1, 64, 64)
    values, reason = measure(name, clean, clean)
    assert values is None and "./testbed setup" in reason
    folder = tmp_path / "content" / "metrics"
    folder.mkdir(parents=True)
    for file in METRICS.made:
        (folder / file).write_bytes(bytes(64))
    values, reason = measure(name, clean, clean)
    assert values is None and "SHA-256" in reason


def test_a_missing_binary_is_a_reason(monkeypatch, pictures):
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/nonexistent/ffmpeg")
    clean = pictures(1, 64, 64)
    values, reason = measure("vmaf", clean, clean)
    assert values is None and "ffmpeg" in reason


def test_pictures_that_do_not_match_are_refused(pictures):
    clean = pictures(2, 32, 32)
    with pytest.raises(InputError, match="pairs"):
        measure("psnr_db", clean, clean[:1])
    with pytest.raises(InputError, match="frame 0"):
        measure("psnr_db", clean, pictures(2, 32, 34))
    with pytest.raises(InputError, match="frame 0"):
        measure("psnr_db", clean, clean.astype(np.float32))
    with pytest.raises(InputError, match="did you mean"):
        measure("psnr", clean, clean)
    assert measure("psnr_db", clean[:0], clean[:0])[1] == "no frames"


def test_frames_are_read_one_after_the_other(pictures):
    class Lazy:
        def __init__(self, clip):
            self.clip, self.asked = clip, []

        def __len__(self):
            return len(self.clip)

        def __getitem__(self, index):
            self.asked.append(index)
            return self.clip[index]

    clip = Lazy(pictures(3, 32, 32))
    assert len(value("psnr_db", clip, clip)) == 3
    assert clip.asked == [0, 0, 1, 1, 2, 2]
