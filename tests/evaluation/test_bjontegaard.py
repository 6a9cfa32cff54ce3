"""Bjontegaard differences against closed forms and against the package `bjontegaard`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvc.errors import InputError
from gvc.evaluation.bjontegaard import NotComparable, RateCurve, bd_quality, bd_rate, over_clips

# README of the PyPI package bjontegaard 1.3.0 (FAU Erlangen-Nuernberg): libx265 at two presets, kbit/s and dB.
ANCHOR = RateCurve(np.array([9487.76, 4593.60, 2486.44, 1358.24]), np.array([40.037, 38.615, 36.845, 34.851]))
TEST = RateCurve(np.array([9787.80, 4469.00, 2451.52, 1356.24]), np.array([40.121, 38.651, 36.970, 34.987]))


# What that package computes for them; its authors found its PCHIP to be that of JVET's sheet to ten decimals.
@pytest.mark.parametrize(
    ("method", "rate", "psnr"),
    [
        ("pchip", -4.417485350589045, 0.11969278542479489),
        ("akima", -4.425245156997493, 0.11940927028529469),
    ],
)
def test_agrees_with_the_package_bjontegaard(method, rate, psnr):
    assert bd_rate(ANCHOR, TEST, method).value == pytest.approx(rate, rel=1e-9)
    assert bd_quality(ANCHOR, TEST, method).value == pytest.approx(psnr, rel=1e-9)


@given(st.floats(0.05, 20), st.sampled_from(["pchip", "akima"]), st.integers(2, 7), st.integers(0, 99))
def test_a_constant_rate_factor_is_that_factor(factor, method, points, seed):
    draw = np.random.default_rng(seed)
    anchor = RateCurve(np.cumsum(draw.uniform(0.1, 9, points)), 30 + np.cumsum(draw.uniform(0.1, 3, points)))
    found = bd_rate(anchor, RateCurve(factor * anchor.rate, anchor.quality), method)
    assert found.value == pytest.approx(100 * (factor - 1), rel=1e-7, abs=1e-7)
    assert found.overlap == 1


@pytest.mark.parametrize("method", ["pchip", "akima"])
def test_a_constant_quality_step_is_that_step(method):
    better = RateCurve(ANCHOR.rate, ANCHOR.quality + 1.25)
    assert bd_quality(ANCHOR, better, method).value == pytest.approx(1.25)
    assert bd_quality(better, ANCHOR, method).value == pytest.approx(-1.25)


def test_straight_lines_have_the_textbook_difference():
    """6 dB a doubling, shifted by 3 dB: half the rate of a doubling, i.e. a factor of 1 / sqrt(2)."""
    rate = 2.0 ** np.arange(6)
    anchor, test = RateCurve(rate, 6 * np.log2(rate)), RateCurve(rate, 6 * np.log2(rate) + 3)
    found = bd_rate(anchor, test)
    assert found.value == pytest.approx(100 * (2**-0.5 - 1))
    assert (found.low, found.high) == (3, 30) and found.overlap == pytest.approx(27 / 33)


def test_lower_is_better():
    """LPIPS: 20 % less rate for the same distance saves 20 %, and a lower distance counts as better."""
    anchor = RateCurve(np.array([1.0, 2, 4, 8]), np.array([0.5, 0.4, 0.2, 0.1]), higher_is_better=False)
    assert bd_rate(anchor, RateCurve(0.8 * anchor.rate, anchor.quality, False)).value == pytest.approx(-20)
    better = bd_quality(anchor, RateCurve(anchor.rate, anchor.quality - 0.05, False))
    assert better.value == pytest.approx(0.05)
    assert (better.low, better.high) == pytest.approx((1, 8))
    found = bd_rate(anchor, RateCurve(anchor.rate, anchor.quality - 0.05, False))
    assert found.value < 0 and (found.low, found.high) == pytest.approx((0.1, 0.45))


def test_order_of_points_does_not_matter():
    shuffled = RateCurve(TEST.rate[[2, 0, 3, 1]], TEST.quality[[2, 0, 3, 1]])
    assert bd_rate(ANCHOR, shuffled) == bd_rate(ANCHOR, TEST)


def test_what_cannot_be_compared_has_a_reason():
    far = RateCurve(ANCHOR.rate, ANCHOR.quality + 20)
    with pytest.raises(NotComparable, match="no quality in common"):
        bd_rate(ANCHOR, far)
    with pytest.raises(NotComparable, match="no rate in common"):
        bd_quality(ANCHOR, RateCurve(100 * ANCHOR.rate, ANCHOR.quality))
    with pytest.raises(NotComparable, match="two points"):
        bd_rate(ANCHOR, RateCurve(ANCHOR.rate[:1], ANCHOR.quality[:1]))
    falling = RateCurve(np.array([1.0, 2, 3]), np.array([30.0, 29, 40]))
    with pytest.raises(NotComparable, match="between the rates 1 and 2"):
        bd_rate(ANCHOR, falling)
    with pytest.raises(InputError, match="one of each"):
        RateCurve(np.ones(3), np.ones(2))
    with pytest.raises(InputError, match="above 0"):
        RateCurve(np.array([0.0, 1]), np.ones(2))
    with pytest.raises(InputError, match="two metrics"):
        bd_rate(ANCHOR, RateCurve(ANCHOR.rate, ANCHOR.quality, False))
    with pytest.raises(InputError, match="cubic"):
        bd_rate(ANCHOR, TEST, "cubic")


def test_pareto_leaves_out_points_that_others_beat():
    rate, quality = np.array([1.0, 2, 3, 3, 4, 8]), np.array([30.0, 29, 33, 32, 33, 38])
    rates, qualities = RateCurve(rate, quality, pareto=True).points()
    np.testing.assert_allclose(10**rates, [1, 3, 8])
    np.testing.assert_array_equal(qualities, [30, 33, 38])
    for rate, quality in (([], []), ([1], [30]), ([1, 2], [30, 29])):
        with pytest.raises(NotComparable, match="two points"):
            RateCurve(np.array(rate), np.array(quality), pareto=True).points()


def test_over_clips():
    clips = [(ANCHOR, RateCurve(factor * ANCHOR.rate, ANCHOR.quality)) for factor in (0.7, 0.8, 0.9)]
    found = over_clips([*clips, (ANCHOR, RateCurve(ANCHOR.rate, ANCHOR.quality + 20))], seed=1)
    np.testing.assert_allclose(found.values[:3], [-30, -20, -10])
    assert found.mean == pytest.approx(-20)
    assert found.ci95 is not None and found.ci95[0] < -20 < found.ci95[1]
    assert found.values[3] is None and "in common" in found.reasons[3]
    assert over_clips(clips[:1], 1).ci95 is None
    assert over_clips([], 1).mean is None
    assert over_clips(clips, 1, bd_quality, method="akima").values[0] > 0
