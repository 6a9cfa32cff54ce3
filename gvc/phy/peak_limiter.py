"""PAPR control: soft clipping of header and payload, and the noise that it makes."""

import math

import numpy as np


class PeakLimiter:
    """Clips samples of mean power 1 at `backoff_db` above it, keeping their phase.

    A Gaussian signal x leaves as gain x + d with d uncorrelated to x (Bussgang). The output is divided by `gain`, so
    that symbols stay unbiased, and `distortion` is the power of d / gain in a sample, which spreads evenly over
    the band (Ochiai and Imai, IEEE Trans. Commun. 50(1), 2002). With A = 10^(backoff_db / 20)

        gain = 1 - exp(-A^2) + sqrt(pi) / 2 A erfc(A),  distortion = (1 - exp(-A^2) - gain^2) / gain^2.

    >>> limiter = PeakLimiter(backoff_db=0.0)
    >>> samples = np.random.default_rng(0).standard_normal((100_000, 2)) @ [1, 1j] / 2**0.5
    >>> error = limiter.apply(samples) - samples
    >>> round(limiter.distortion, 3), round(float(np.mean(np.abs(error) ** 2)), 2)
    (0.062, 0.06)
    """

    def __init__(self, backoff_db: float):
        ratio = 10 ** (backoff_db / 20)
        self.gain = 1 - math.exp(-(ratio**2)) + math.sqrt(math.pi) / 2 * ratio * math.erfc(ratio)
        self.distortion = (1 - math.exp(-(ratio**2)) - self.gain**2) / self.gain**2
        self.limit = ratio

    def apply(self, samples: np.ndarray) -> np.ndarray:
        """complex [n] -> complex64 [n], no sample stronger than limit / gain."""
        magnitude = np.abs(samples)
        scale = self.limit / np.maximum(magnitude, self.limit) / self.gain
        return (samples * scale).astype(np.complex64)
