"""Noise that differs by carrier or symbol is found, and even noise stays even."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import gamma

from gvc.phy import Numerology
from gvc.phy.receiver.channel_estimator import DftSmoothed, LeastSquares, LmmseExponential, Smoothing
from gvc.phy.receiver.interpolation import TimeInterpolator
from gvc.phy.receiver.uneven_noise import UnevenEstimate, UnevenEstimation, beside, highest

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

U = Numerology.load("ofdm64")
K = len(U.carriers)
GROUP = 2 + U.header_symbols
PAYLOAD = 86
INTERPOLATOR = TimeInterpolator(U)
T = len(INTERPOLATOR.times(PAYLOAD)[0])


def response(random: np.random.Generator, rx: int = 1) -> np.ndarray:
    """Four paths inside the prefix, [rx, 1, K], mean power 1."""
    taps = random.standard_normal((2, rx, 1, 4)) / 8**0.5
    delays = U.timing_advance + np.array([0, 1, 3, 5])
    return (taps[0] + 1j * taps[1]) @ np.exp(-2j * np.pi * delays[:, None] * U.carriers / U.fft_size)


def estimated(
    noise: np.ndarray, seed: int, rx: int = 1, loud: np.ndarray | None = None, estimator: Any = None
) -> tuple[UnevenEstimate, np.ndarray]:
    """The estimate for noise variance [T, K] (or what broadcasts to it), and the true response [rx, 1, K]."""
    random = np.random.default_rng(seed)
    h = response(random, rx)
    n = random.standard_normal((2, rx, T, K)) * np.sqrt(noise / 2)
    observed = (h + n[0] + 1j * n[1]).astype(np.complex64)
    own = estimator or DftSmoothed(U)
    estimation = UnevenEstimation(own, INTERPOLATOR, GROUP)
    smoothing = own.smoothing(10 * np.log10(GROUP / np.median(noise)))
    first, smoothing = estimation.first_look(observed[:, :GROUP], smoothing)
    loud = np.zeros(T, bool) if loud is None else loud
    return estimation.estimate(observed, np.zeros(T, bool), loud, first, smoothing, PAYLOAD), h


@pytest.mark.parametrize("count", [4, 15, 60])
def test_the_limit_is_the_gamma_quantile(count: int) -> None:
    """Monte Carlo: the mean of exponential squares passes it as often as it says."""
    means = np.random.default_rng(0).standard_exponential((40_000, count)).mean(axis=1)
    assert np.mean(means > highest(0.02, count)) == pytest.approx(0.02, abs=0.003)
    assert gamma.sf(highest(1e-5, count) * count, count) == pytest.approx(1e-5)


def test_beside() -> None:
    hit = np.array([0, 0, 0, 1, 0, 0, 0, 0, 0], bool)
    candidate = np.array([0, 1, 1, 0, 1, 0, 1, 1, 0], bool)
    assert np.flatnonzero(beside(hit, candidate)).tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("rx", [1, 2])
def test_flat_noise_stays_flat(rx: int) -> None:
    """The mean over carriers has the standard error of its squares; single ones stay within their neighbourhood's."""
    v = 10**-1.5
    ratios = []
    for seed in range(40):
        estimate, _ = estimated(np.full((1, 1), v), seed, rx)
        assert not estimate.symbols.any()
        assert estimate.carriers.max() < 2.0 * v and estimate.carriers.min() > 0.4 * v
        ratios.append(estimate.carriers.mean() / v)
    assert np.mean(ratios) == pytest.approx(1, abs=0.03)
    assert np.std(ratios) < 2.5 / np.sqrt(rx * T * K)


def test_carriers_that_are_hit_have_their_own_noise() -> None:
    v, strong = 10**-1.5, 10**-0.5
    noise = np.full((1, K), v)
    noise[:, 30:33] = strong
    hits, calms = [], []
    for seed in range(40):
        estimate, _ = estimated(noise, seed)
        hits.append(estimate.carriers[0, 30:33])
        calms.append(np.delete(estimate.carriers[0], slice(30, 33)))
    assert np.min(hits) > 3 * v  # each is found in every burst
    one = 1 / np.sqrt(T)  # standard error of one carrier's noise in one burst
    assert np.mean(hits) == pytest.approx(strong, rel=5 * one / np.sqrt(3 * 40))
    assert np.std(hits) < 1.5 * one * strong
    assert np.mean(calms) == pytest.approx(v, rel=0.05)


def test_a_loud_training_symbol_has_its_own_noise_and_no_other_suffers() -> None:
    v, strong = 10**-1.5, 10**0.5
    noise = np.full((T, 1), v)
    noise[16] = strong
    loud = np.arange(T) == 16
    found, rest = [], []
    for seed in range(20):
        estimate, _ = estimated(noise, seed, loud=loud)
        assert not estimate.symbols[0, ~loud].any()
        found.append(estimate.symbols[0, 16])
        rest.append(estimate.carriers.mean())
    assert np.mean(found) == pytest.approx(strong - v, rel=0.15)
    assert np.mean(rest) == pytest.approx(v, rel=0.05)


@pytest.mark.parametrize("estimator", [DftSmoothed, LeastSquares])
def test_the_claim_for_the_response_covers_its_error(estimator: type) -> None:
    """With carriers hit: where there is no `design`, the smoother stays and the claim follows."""
    noise = np.full((1, K), 10**-1.5)
    noise[:, 20:22] = 1.0
    errors, claims = [], []
    for seed in range(40):
        estimate, h = estimated(noise, seed, estimator=estimator(U))
        errors.append(np.abs(estimate.response - h) ** 2)
        claims.append(estimate.inherited)
    ratio = np.mean(errors) / np.mean(claims)
    assert 0.5 < ratio < 1.25  # the claim holds what ageing would bring too


@pytest.mark.parametrize("snr_db", [1.5, 10.5, 22.5])
@pytest.mark.parametrize("made", [DftSmoothed, LmmseExponential])
def test_design_for_even_noise_is_the_smoothing_of_that_snr(made: type, snr_db: float) -> None:
    estimator = made(U)
    designed = estimator.design(np.full(K, 10 ** (-snr_db / 10)))  # the middle of a step of 3 dB
    usual = estimator.smoothing(snr_db)
    for name in ("matrix", "noise_gain", "bias", "self_weight"):
        assert np.allclose(getattr(designed, name), getattr(usual, name), atol=1e-6)


def test_noise_after_is_what_the_smoother_leaves() -> None:
    """|S|^2 v, as noise put through it shows, and noise_gain v where it is even."""
    smoothing = DftSmoothed(U).smoothing(10.0)
    v = np.linspace(0.1, 3.0, K)
    random = np.random.default_rng(0)
    n = random.standard_normal((2, 20_000, K)) * np.sqrt(v / 2)
    through = np.mean(np.abs(smoothing.apply(n[0] + 1j * n[1])) ** 2, axis=0)
    assert smoothing.noise_after(v) == pytest.approx(through, rel=0.05)
    assert smoothing.noise_after(np.full(K, 2.0)) == pytest.approx(2 * smoothing.noise_gain, rel=1e-4)
    empty = np.zeros((0, 0), np.complex64)
    none = Smoothing(empty, np.ones(K, np.float32), np.zeros(K, np.float32), np.ones(K, np.float32))
    assert np.array_equal(none.noise_after(v), v)


def test_design_trusts_carriers_less_that_are_hit() -> None:
    noise = np.full(K, 0.03)
    noise[25] = 10.0
    smoothing = DftSmoothed(U).design(noise)
    assert smoothing.self_weight[25] < 0.02 < 0.1 < np.delete(smoothing.self_weight, 25).min()
