"""Capacity against closed forms of information theory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import exp1

from gvc.errors import InputError
from gvc.noise_map import NU_MAX
from gvc.phy.fec import capacity


@pytest.mark.parametrize("snr_db", [-10.0, 0.0, 10.0, 25.0])
def test_awgn_is_shannons_formula(snr_db: float) -> None:
    noise_map = np.full((3, 50), 10 ** (-snr_db / 10), np.float32)
    expected = np.log2(1 + 10 ** (snr_db / 10))
    assert capacity.ergodic(noise_map) == pytest.approx(expected, rel=1e-6)
    assert capacity.outage(noise_map, 0.1) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("snr_db", [5.0, 10.0, 20.0])
def test_rayleigh_fading_has_the_ergodic_capacity_of_the_exponential_integral(snr_db: float) -> None:
    """e^(1/snr) E1(1/snr) / ln 2 (Alouini and Goldsmith, 1999, equation 34)."""
    snr = 10 ** (snr_db / 10)
    gain = np.random.default_rng(1).exponential(size=400_000)
    noise_map = 1 / (snr * gain)
    erased = noise_map >= NU_MAX
    assert 0 < erased.mean() < 0.02
    found = capacity.ergodic(np.minimum(noise_map, NU_MAX))
    assert found == pytest.approx(np.exp(1 / snr) * exp1(1 / snr) / np.log(2), rel=0.005)


def test_block_rayleigh_has_the_outage_capacity_of_the_exponential_distribution() -> None:
    """P(log2(1 + snr g) < R) = 1 - exp(-(2^R - 1) / snr), so R = log2(1 - snr ln(1 - p)) (Tse and Viswanath, 5.4)."""
    gain = np.random.default_rng(2).exponential(size=(1_000_000, 1))
    for probability in (0.01, 0.1, 0.5):
        found = capacity.outage(1 / (10.0 * gain), probability)
        # NU_MAX erases what carries less than 0.045 bit; none of these rates is that low
        assert found == pytest.approx(np.log2(1 - 10.0 * np.log(1 - probability)), rel=0.03)


def test_what_is_erased_carries_nothing() -> None:
    noise_map = np.array([[1.0, NU_MAX], [1.0, 1.0]], np.float32)
    assert capacity.ergodic(noise_map) == pytest.approx(0.75)
    assert capacity.outage(noise_map, 0) == pytest.approx(0.5)
    assert capacity.outage(noise_map, 0.5) == pytest.approx(1.0)


@given(st.integers(1, 40), st.floats(0, 0.999), st.integers(0, 2**32))
def test_no_more_code_words_fail_than_allowed(words: int, probability: float, seed: int) -> None:
    noise_map = np.random.default_rng(seed).exponential(size=(words, 3))
    rate = capacity.outage(noise_map, probability)
    failed = np.count_nonzero(capacity.information(noise_map).mean(1) < rate)
    assert failed == capacity.in_outage(words, probability) <= probability * words + 1e-6


def test_a_probability_out_of_range_is_refused() -> None:
    with pytest.raises(InputError, match=r"outage probability 1\.0"):
        capacity.outage(np.ones((2, 2)), 1.0)
