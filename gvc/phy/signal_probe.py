"""Spectrum and peaks of a stream of samples, from its first half million samples: cheap enough to be always there."""

import numpy as np

BINS = 512
LIMIT = 1 << 19
LARGEST = 1e15
LEVELS_DB = np.arange(0.0, 13.01, 0.25)
"""Powers over the mean at which the complementary distribution is counted, in dB."""


class SignalProbe:
    """Averages a Welch spectrum (Hann window, half overlap within a call) and counts peaks of what it is shown.

    Silence between bursts is no signal: windows and samples of exact zeros are left out of both. `peak`, the largest
    magnitude, covers all samples ever shown.
    """

    def __init__(self) -> None:
        self.peak = 0.0
        self._left = LIMIT
        self._windows = 0
        self._density = np.zeros(BINS)
        self._samples = 0
        self._power = 0.0
        self._kept: list[np.ndarray] = []

    def add(self, samples: np.ndarray) -> None:
        """Take in complex samples [n]."""
        if not len(samples):
            return
        magnitude = np.abs(samples)
        self.peak = max(self.peak, float(magnitude.max(initial=0, where=np.isfinite(magnitude))))
        if self._left <= 0:
            return
        # What is no number counts as silence here, as in the receiver; so does what has no square in float32.
        part = np.where(magnitude < LARGEST, samples, 0)[: self._left].astype(np.complex64)
        self._left -= len(part)
        loud = part[part != 0]
        self._kept.append(loud)
        self._samples += len(loud)
        self._power += float(np.vdot(loud, loud).real)
        if len(part) >= BINS:
            cut = np.lib.stride_tricks.sliding_window_view(part, BINS)[:: BINS // 2]
            cut = cut[np.abs(cut).min(axis=1) > 0]
            shape = np.hanning(BINS).astype(np.float32)
            spectrum = np.abs(np.fft.fft(cut * shape, axis=1)) ** 2
            self._density += np.fft.fftshift(spectrum.sum(axis=0)) / np.sum(shape**2) / BINS
            self._windows += len(cut)

    def record(self) -> dict[str, np.ndarray]:
        """`density` float64 [BINS], mean power of a sample spread over the bins from -rate/2 up, which it sums to;
        `excess` float64 [levels], share of samples more than LEVELS_DB above the mean power. Empty without a signal.
        """
        if not self._windows or not self._samples:
            return {}
        power = np.abs(np.concatenate(self._kept)) ** 2 / (self._power / self._samples)
        excess = np.array([np.mean(power > 10 ** (level / 10)) for level in LEVELS_DB])
        return {"density": self._density / self._windows, "excess": excess}
