"""Channel estimation across carriers, one training symbol at a time; interpolation in time is in `interpolation`."""

import dataclasses
import functools
import math
from typing import Protocol

import numpy as np

from gvc.phy.numerology import Numerology


@dataclasses.dataclass(frozen=True)
class Smoothing:
    """A linear smoother over carriers and what it does to noise.

    matrix: complex64 [K, K] on the right of least-squares estimates [rows, K]; empty for none.
    noise_gain: float32 [K], noise variance after over before.
    bias: float32 [K], mean square error that it makes in a channel of unit power.
    self_weight: float32 [K], real part of the matrix's diagonal.
    """

    matrix: np.ndarray
    noise_gain: np.ndarray
    bias: np.ndarray
    self_weight: np.ndarray

    def apply(self, estimates: np.ndarray) -> np.ndarray:
        """Smoothed estimates, both complex [..., K]."""
        return estimates @ self.matrix if len(self.matrix) else estimates

    def noise_after(self, noise: np.ndarray) -> np.ndarray:
        """Noise variance after smoothing of `noise` before, which may differ from carrier to carrier: both [..., K]."""
        return noise @ np.abs(self.matrix) ** 2 if len(self.matrix) else noise


def preamble_precision(numerology: Numerology) -> np.ndarray:
    """Energy of the preamble on each occupied carrier, in training symbols: those of long training, and on the tones of
    the short training as many of it as fit, at its higher power. float64 [K].
    """
    u = numerology
    return u.long_training_repeats + np.abs(u.short_grid).astype(float) ** 2 * u.short_windows


class ChannelEstimator(Protocol):
    """Strategy of kind `channel_estimator`, made with (numerology).

    One that looks at each burst also has `adapt(observed, snr_db) -> Smoothing`: training complex64 [rx, T, K] of which
    the first 2 + header_symbols lie before the payload, and the SNR of their mean.
    """

    def smoothing(self, snr_db: float) -> Smoothing:
        """The smoother for least-squares estimates H + noise of this SNR (mean |H|^2 over noise variance)."""

    def preamble_smoothing(self, snr_db: float) -> Smoothing:
        """The same for estimates from the whole preamble, `preamble_precision` times better than one training symbol
        of this SNR, carrier by carrier.
        """


class LeastSquares:
    """`ls`: received over sent, H = Y / X carrier by carrier, which keeps all the noise.

    >>> smoothing = LeastSquares(Numerology.load("ofdm64")).smoothing(snr_db=10.0)
    >>> smoothing.noise_after(np.full(52, 0.1)).mean().round(6).item()
    0.1
    """

    def __init__(self, numerology: Numerology):
        ones = np.ones(len(numerology.carriers), np.float32)
        self._smoothing = Smoothing(np.zeros((0, 0), np.complex64), ones, 0 * ones, ones)

    def smoothing(self, snr_db: float) -> Smoothing:
        return self._smoothing

    def preamble_smoothing(self, snr_db: float) -> Smoothing:
        return self._smoothing


class Lmmse:
    """The linear MMSE estimator across carriers for an assumed covariance R of the response, [K, K] with diagonal 1:

        H_lmmse = R (R + diag(v))^-1 H_ls,

    v the noise variance of the least-squares estimates (van de Beek et al., On channel estimation in OFDM systems,
    Proc. IEEE VTC 1995). v is known in steps of 3 dB only, so that matrices are made once.

    In a flat channel all K carriers see the same response, and the error is v / (K + v):

    >>> flat = Lmmse(Numerology.load("ofdm64"), covariance=np.ones((52, 52))).design(np.full(52, 0.1))
    >>> error = flat.noise_after(np.full(52, 0.1)) + flat.bias
    >>> round(float(error.mean()), 6), round(0.1 / (52 + 0.1), 6)
    (0.001919, 0.001919)
    """

    STEP_DB = 3.0

    def __init__(self, numerology: Numerology, covariance: np.ndarray):
        self._covariance = covariance
        self._precision = preamble_precision(numerology)
        self._quantised = functools.lru_cache(maxsize=64)(self._design)

    def smoothing(self, snr_db: float) -> Smoothing:
        return self._quantised(min(20, max(-5, math.floor(snr_db / self.STEP_DB))), preamble=False)

    def preamble_smoothing(self, snr_db: float) -> Smoothing:
        return self._quantised(min(20, max(-5, math.floor(snr_db / self.STEP_DB))), preamble=True)

    def _design(self, level: int, preamble: bool) -> Smoothing:
        noise = np.full(len(self._covariance), 10 ** (-(level + 0.5) * self.STEP_DB / 10))
        return self.design(noise / self._precision if preamble else noise)

    def design(self, noise: np.ndarray) -> Smoothing:
        """The smoother for estimates whose noise over mean |H|^2 is `noise`, float64 [K]."""
        r = self._covariance
        matrix = np.linalg.solve(r + np.diag(noise), r).conj().T
        error = matrix - np.eye(len(r))
        bias = np.sum((error @ r) * error.conj(), axis=1).real
        return Smoothing(
            np.ascontiguousarray(matrix.T, np.complex64),
            np.sum(np.abs(matrix) ** 2, axis=1).astype(np.float32),
            np.maximum(bias, 0).astype(np.float32),
            np.diag(matrix).real.astype(np.float32),
        )


def _apart(numerology: Numerology) -> np.ndarray:
    """Distance of every two occupied carriers in cycles a sample of delay, float64 [K, K]."""
    return (numerology.carriers[:, None] - numerology.carriers[None, :]) / numerology.fft_size


class DftSmoothed(Lmmse):
    """`dft-smoothed`: keeps what a channel inside the cyclic prefix can make, by the linear MMSE estimator for a delay
    profile that is uniform there (Edfors et al., IEEE Trans. Commun. 46(7), 1998, robust design).

    The profile spans the delays from 3 samples before the expected first path, t0, to 1 before the prefix's end, t1:

        R(D) = exp(-j pi (t1 + t0) D / N) sinc((t1 - t0) D / N) between carriers D / N cycles a sample apart.

    >>> smoothing = DftSmoothed(Numerology.load("ofdm64")).smoothing(snr_db=10.0)
    >>> error = smoothing.noise_after(np.full(52, 0.1)) + smoothing.bias
    >>> round(float(10 * np.log10(error.mean())), 1)  # dB in such a channel; `ls` has -10
    -15.9
    """

    def __init__(self, numerology: Numerology):
        u = numerology
        early = max(0.0, u.timing_advance - 3.0)
        late = u.cyclic_prefix - 1.0
        apart = _apart(u)
        super().__init__(u, np.sinc(apart * (late - early)) * np.exp(-1j * np.pi * apart * (late + early)))


class LmmseExponential(Lmmse):
    """`lmmse-exponential`: the linear MMSE estimator for power that falls off exponentially with delay, p(t) ~
    exp(-(t - t0) / T) from the first path t0 on. Between carriers D / N cycles a sample apart,

        R(D) = exp(-2j pi t0 D / N) sinc(W D / N) / (1 + 2j pi T D / N),

    the sinc for a timing known to W samples only (Edfors et al., IEEE Trans. Commun. 46(7), 1998, eq. 4 without the
    prefix's end). T is DECAY of the cyclic prefix, t0 the timing advance.

    >>> smoothing = LmmseExponential(Numerology.load("ofdm64")).smoothing(snr_db=10.0)
    >>> error = smoothing.noise_after(np.full(52, 0.1)) + smoothing.bias
    >>> round(float(10 * np.log10(error.mean())), 1)  # dB in such a channel; `ls` has -10
    -17.7
    """

    DECAY = 1 / 12
    TIMING_SAMPLES = 1.5

    def __init__(self, numerology: Numerology):
        u = numerology
        apart = _apart(u)
        decay = 1 / (1 + 2j * np.pi * apart * u.cyclic_prefix * self.DECAY)
        known = np.sinc(apart * self.TIMING_SAMPLES) * np.exp(-2j * np.pi * apart * u.timing_advance)
        super().__init__(u, decay * known)
