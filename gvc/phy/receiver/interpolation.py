"""Following the channel in time, between the training symbols of a burst."""

import dataclasses
import functools
import math

import numpy as np

from gvc.phy.layout import burst_layout
from gvc.phy.numerology import Numerology
from gvc.phy.receiver.channel_estimator import Smoothing


@dataclasses.dataclass(frozen=True)
class TimeWeights:
    """Linear weights over the T training symbols of a burst.

    payload: float32 [M, T], response at the payload symbols. training: float32 [T, T], at the training symbols.
    noise_gain: float32 [M], noise variance after over before. bias: float32 [M], mean square ageing error in a
    channel of unit power.
    """

    payload: np.ndarray
    training: np.ndarray
    noise_gain: np.ndarray
    bias: np.ndarray

    def residual_share(self, smoothing: Smoothing) -> float:
        """Power of (observed - smoothed) training over the noise variance, behind that smoother over carriers.

        E |n - S W n|^2 = 1 - 2 S_kk W_tt + sum |S_k|^2 sum |W_t|^2, averaged over carriers k and training symbols t.
        """
        own = float(np.mean(np.diag(self.training))) * float(np.mean(smoothing.self_weight))
        gain = float(np.mean(np.sum(self.training**2, axis=1))) * float(np.mean(smoothing.noise_gain))
        return 1 - 2 * own + gain


class TimeInterpolator:
    """Wiener interpolation for a Doppler spectrum that is flat up to `max_doppler_hz` (robust design of Li, Cimini and
    Sollenberger, IEEE Trans. Commun. 46(7), 1998): right for every channel that changes no faster than that.
    """

    STEP_DB = 3.0

    def __init__(self, numerology: Numerology):
        self._numerology = numerology
        self._quantised = functools.lru_cache(maxsize=256)(self._design)

    def times(self, payload_symbols: int) -> tuple[np.ndarray, np.ndarray]:
        """Starts of the FFT windows after the first long training symbol's, in symbol periods: training symbols
        float64 [T] (long training, header, midambles), payload symbols float64 [M].
        """
        u = self._numerology
        layout = burst_layout(u, payload_symbols)
        rows = (2 * u.fft_size + u.cyclic_prefix) / u.symbol_samples + np.arange(layout.rows)
        long = np.array([0.0, u.fft_size / u.symbol_samples])
        training = np.concatenate([long, rows[: u.header_symbols], rows[layout.midamble_rows]])
        return training, rows[layout.payload_rows]

    def weights(self, payload_symbols: int, snr_db: float) -> TimeWeights:
        """For training estimates of this SNR (mean |H|^2 over their noise variance)."""
        return self._quantised(payload_symbols, min(20, max(-5, math.floor(snr_db / self.STEP_DB))))

    def _design(self, payload_symbols: int, level: int) -> TimeWeights:
        training, payload = self.times(payload_symbols)
        return self.design(training, payload, np.full(len(training), 10 ** (-(level + 0.5) * self.STEP_DB / 10)))

    def design(self, training: np.ndarray, payload: np.ndarray, noise: np.ndarray) -> TimeWeights:
        """For training estimates at times `training` whose noise over mean |H|^2 is `noise`, both float64 [T], and
        payload symbols at times `payload`, float64 [M], in symbol periods.
        """
        u = self._numerology

        def correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
            return np.sinc(2 * u.max_doppler_hz / u.symbol_rate_hz * (a[:, None] - b[None, :]))

        own = correlation(training, training)
        observed = own + np.diag(noise)
        at_payload = np.linalg.solve(observed, correlation(training, payload)).T
        at_training = np.linalg.solve(observed, own).T
        cross = correlation(payload, training)
        bias = 1 - 2 * np.sum(at_payload * cross, axis=1) + np.einsum("mi,ij,mj->m", at_payload, own, at_payload)
        return TimeWeights(
            at_payload.astype(np.float32),
            at_training.astype(np.float32),
            np.sum(at_payload**2, axis=1).astype(np.float32),
            np.maximum(bias, 0).astype(np.float32),
        )
