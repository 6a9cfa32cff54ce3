"""Flicker against closed forms, whole and a frame at a time, and the optical flow that it follows."""

import numpy as np
import pytest

from gvc.evaluation.metrics import measure
from gvc.evaluation.metrics.flicker import Flicker, flicker
from gvc.video.flow import flow, followed, warp

SHIFT = 3


@pytest.fixture(scope="module")
def moving():
    """uint8 [6, 96, 128, 3]: a textured picture, 3 pixels to the left a frame, in 40..200."""
    rng = np.random.default_rng(4)
    coarse = rng.uniform(40, 200, (18, 26, 3))
    wide = warp_up(coarse, 8).astype(np.uint8)
    return np.stack([wide[20:116, 10 + SHIFT * i : 138 + SHIFT * i] for i in range(6)])


def warp_up(coarse, times):
    """`coarse`, enlarged bilinearly."""
    height, width = (side * times for side in coarse.shape[:2])
    y, x = np.mgrid[:height, :width].astype(np.float32) / times
    own_y, own_x = np.mgrid[:height, :width].astype(np.float32)
    padded = np.zeros((height, width, 3), np.float32)
    padded[: coarse.shape[0], : coarse.shape[1]] = coarse
    return warp(padded, np.stack([x - own_x, y - own_y], -1))[: height - times, : width - times]


@pytest.mark.parametrize("amplitude", [1, 5, 20])
def test_brightness_that_flickers_has_its_amplitude(moving, amplitude):
    still = np.repeat(moving[:1], 5, axis=0)
    lit = still + (amplitude * (np.arange(5) % 2)).astype(np.uint8)[:, None, None, None]
    np.testing.assert_allclose(flicker(still, lit), amplitude, rtol=1e-6)


def test_in_a_moving_picture_too(moving):
    lit = moving + (20 * (np.arange(6) % 2)).astype(np.uint8)[:, None, None, None]
    np.testing.assert_allclose(flicker(moving, lit), 20, atol=0.5)


def test_a_still_picture_does_not_flicker_however_wrong_it_is(moving):
    still = np.repeat(moving[:1], 3, axis=0)
    assert (flicker(still, 255 - still) == 0).all()


def test_an_error_that_moves_with_the_picture_does_not_flicker(moving):
    """Coarser tones, the same in each frame, shifted; against the same size of error, drawn anew in each."""
    along = (moving // 16 * 16).astype(np.uint8)
    noise = np.random.default_rng(1).normal(0, 6, moving.shape)
    anew = np.clip(moving + noise, 0, 255).astype(np.uint8)
    stuck = np.clip(moving + noise[:1], 0, 255).astype(np.uint8)
    assert flicker(moving, along).mean() < 0.6
    assert flicker(moving, anew).mean() > 4
    # a pattern that stays on the screen while the picture moves under it: the shower door
    assert flicker(moving, stuck).mean() > 4


def test_what_is_calmer_than_the_reference_does_not_flicker(moving):
    grain = np.clip(moving + np.random.default_rng(2).normal(0, 5, moving.shape), 0, 255).astype(np.uint8)
    assert flicker(grain, moving).mean() < 0.05 * flicker(moving, grain).mean()


def test_a_cut_is_no_flicker(moving):
    cut = np.stack([moving[0], 255 - moving[0][::-1, ::-1]])
    assert (flicker(cut, cut) == 0).all()


def test_a_frame_at_a_time_gives_the_same(moving, noisy):
    worse = noisy(moving, 8)
    whole, meter = flicker(moving, worse), Flicker()
    pushed = []
    buffers = np.empty_like(moving[0]), np.empty_like(moving[0])
    for frames in zip(moving, worse, strict=True):
        for buffer, frame in zip(buffers, frames, strict=True):
            buffer[:] = frame  # a source may use its memory again
        pushed.append(meter.push(*buffers))
    assert pushed[0] is None and whole[0] == pushed[1]
    np.testing.assert_array_equal(whole[1:], pushed[1:])


def test_what_cannot_be_measured_has_a_reason(moving):
    assert measure("flicker", moving[:1], moving[:1])[1] == "flicker needs at least two frames"
    odd = [moving[0], moving[1][:80]]
    assert "one size" in measure("flicker", odd, odd)[1]


def test_flow_finds_a_shift_and_what_leaves_the_picture(moving):
    motion, back = flow(moving[0], moving[1]), flow(moving[1], moving[0])
    np.testing.assert_allclose(np.median(motion, (0, 1)), [-SHIFT, 0], atol=0.1)
    known = followed(motion, back)
    assert not known[:, : SHIFT - 1].any() and known[16:-16, 16:-16].mean() > 0.95
    np.testing.assert_allclose(warp(moving[1], motion)[known], moving[0][known].astype(float), atol=12)


def test_a_covered_pixel_is_not_followed(moving):
    """A square moves 8 pixels to the right over a still picture: it covers a band of 8 columns."""
    square = moving[5, :40, :40]
    here, there = moving[0].copy(), moving[0].copy()
    here[28:68, 40:80] = there[28:68, 48:88] = square
    known = followed(flow(here, there), flow(there, here))
    assert known[30:66, 81:87].mean() < 0.3 and known[30:66, 44:76].mean() > 0.9 and known[:, 100:].mean() > 0.95
