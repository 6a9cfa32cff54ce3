"""Power allocation against the closed form of Jakubczak and Katabi (2011), its equations 1 to 3."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvc.coding.schemes.softcast.allocation import PEAK, chunks_worth_sending, distortion, gains

VARIANCES = np.array([900.0, 400.0, 100.0, 25.0, 4.0, 1.0])
SIZES = np.array([2, 8, 16, 32, 64, 64])


def test_gains_are_the_fourth_root_of_the_variance_and_use_the_energy() -> None:
    found = gains(VARIANCES, SIZES, 186.0)
    np.testing.assert_allclose(found / found[0], (VARIANCES / VARIANCES[0]) ** -0.25, rtol=1e-6)
    assert np.sum(SIZES * found**2 * VARIANCES) == pytest.approx(186.0)


def test_no_other_gains_err_less_without_shrinking() -> None:
    """Inverted, y / g errs by s / g^2; the optimum is s (sum of sizes times root of variance)^2 / energy."""
    energy, noise = 186.0, 0.05
    best = np.sum(SIZES * noise / gains(VARIANCES, SIZES, energy) ** 2)
    assert best == pytest.approx(noise * np.sum(SIZES * np.sqrt(VARIANCES)) ** 2 / energy)
    random = np.random.default_rng(1)
    for _ in range(200):
        other = gains(VARIANCES, SIZES, energy) * np.exp(0.2 * random.standard_normal(len(SIZES)))
        other *= np.sqrt(energy / np.sum(SIZES * other**2 * VARIANCES))
        assert np.sum(SIZES * noise / other**2) > best


def test_distortion_is_that_of_gaussian_coefficients() -> None:
    random = np.random.default_rng(2)
    noise, trials = 0.2, 4000
    gain, variance = (np.repeat(part, SIZES) for part in (gains(VARIANCES, SIZES, 186.0), VARIANCES))
    sent = random.standard_normal((trials, SIZES.sum())) * np.sqrt(variance)
    received = gain * sent + np.sqrt(noise) * random.standard_normal(sent.shape)
    estimate = gain * variance * received / (gain**2 * variance + noise)
    measured = np.mean(np.sum((estimate - sent) ** 2, axis=1))
    assert distortion(VARIANCES, SIZES, 186.0, noise) == pytest.approx(measured, rel=0.01)


@given(st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=30), st.integers(1, 2000))
def test_peaks_are_limited_and_the_energy_kept(variances: list[float], last: int) -> None:
    sizes = np.array([1] * (len(variances) - 1) + [last])
    energy = 50 * PEAK
    power = gains(np.array(variances), sizes, energy) ** 2 * np.array(variances)
    assert power.max() <= PEAK * (1 + 1e-9)
    assert np.sum(sizes * power) <= energy * (1 + 1e-9)


def test_chunks_that_are_worth_their_power() -> None:
    assert chunks_worth_sending(VARIANCES, SIZES, 26, 13.0, 1e-3) == 3
    assert chunks_worth_sending(VARIANCES, SIZES, 1, 0.5, 1e-3) == 0
    # much noise: the weak ones would take the strong ones' power
    assert chunks_worth_sending(VARIANCES, SIZES, 186, 93.0, 20.0) < len(SIZES)
    assert chunks_worth_sending(VARIANCES, SIZES, 186, 93.0, 1e-6) == len(SIZES)
    # as many as can take the energy, useful or not
    assert chunks_worth_sending(VARIANCES, SIZES, 186, 20 * PEAK, 1e9) == 3
