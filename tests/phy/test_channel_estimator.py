"""Smoothers across carriers do what their formulas say."""

import numpy as np
import pytest

from gvc.phy.numerology import Numerology
from gvc.phy.receiver.channel_estimator import DftSmoothed, Lmmse, LmmseExponential

WAVEFORM = Numerology.load("ofdm64")


def responses(decay_samples: float, draws: int = 400) -> np.ndarray:
    """complex [draws, K]: Rayleigh paths at every tenth of a sample, their power falling by e in `decay_samples`."""
    rng = np.random.default_rng(7)
    delays = np.arange(0.05, 10 * decay_samples, 0.1)
    power = np.exp(-delays / decay_samples)
    power /= power.sum()
    gains = (rng.normal(size=(draws, delays.size, 2)) @ np.array([1, 1j])) * np.sqrt(power / 2)
    steering = np.exp(-2j * np.pi * np.outer(delays + WAVEFORM.timing_advance, WAVEFORM.carriers) / WAVEFORM.fft_size)
    return gains @ steering


def error_db(estimator: Lmmse, snr_db: float, decay_samples: float) -> float:
    rng = np.random.default_rng(8)
    true = responses(decay_samples)
    noise = (rng.normal(size=(*true.shape, 2)) @ np.array([1, 1j])) * np.sqrt(10 ** (-snr_db / 10) / 2)
    smoothed = (true + noise) @ estimator.smoothing(snr_db).matrix
    return float(10 * np.log10(np.mean(abs(smoothed - true) ** 2)))


def test_the_covariance_is_that_of_an_exponential_profile() -> None:
    estimator = LmmseExponential(WAVEFORM)
    estimator_covariance = estimator._covariance
    decay = WAVEFORM.cyclic_prefix * LmmseExponential.DECAY
    true = responses(decay, 20_000)
    measured = true.T @ true.conj() / len(true)
    apart = (WAVEFORM.carriers[:, None] - WAVEFORM.carriers[None, :]) / WAVEFORM.fft_size
    # the timing's own uncertainty is in the assumed one only
    expected = estimator_covariance / np.sinc(apart * LmmseExponential.TIMING_SAMPLES)
    assert abs(np.diag(estimator_covariance) - 1).max() < 1e-9
    near = abs(apart) < 0.3
    assert abs(measured - expected)[near].max() < 0.15


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 20.0])
def test_it_beats_the_uniform_profile_where_power_falls_off(snr_db: float) -> None:
    exponential, uniform = LmmseExponential(WAVEFORM), DftSmoothed(WAVEFORM)
    assert error_db(exponential, snr_db, 1.3) < error_db(uniform, snr_db, 1.3) - 0.5


def test_its_noise_gain_and_bias_are_what_it_does() -> None:
    estimator = LmmseExponential(WAVEFORM)
    smoothing = estimator.smoothing(10.0)
    rng = np.random.default_rng(9)
    noise = (rng.normal(size=(4000, len(WAVEFORM.carriers), 2)) @ np.array([1, 1j])) / 2**0.5
    assert np.mean(abs(noise @ smoothing.matrix) ** 2, axis=0) == pytest.approx(smoothing.noise_gain, rel=0.15)
    true = responses(WAVEFORM.cyclic_prefix * LmmseExponential.DECAY, 4000)
    assert np.mean(abs(true @ smoothing.matrix - true) ** 2) < 2 * smoothing.bias.mean() + 1e-3
