"""FFT windows of a buffered stream."""

import math
from typing import Self

import numpy as np
import scipy.fft

from gvc.phy.kernels import detection, watch
from gvc.phy.numerology import Numerology


class SampleBuffer:
    """The stretch of the stream that is still needed: complex64 [rx_antennas, ...], oldest first.

    Samples that are not finite, or above 1e15, count as 0. `end` is the number of samples so far, `origin` the first
    one kept.
    """

    def __init__(self, rx_antennas: int, capacity: int):
        self.columns = np.zeros((rx_antennas, capacity), np.complex64)
        self.origin = 0
        self.end = 0

    @classmethod
    def of(cls, columns: np.ndarray, origin: int) -> Self:
        """These columns, the first of which is the stream's sample `origin`."""
        buffer = cls(columns.shape[0], 0)
        buffer.columns, buffer.origin, buffer.end = columns, origin, origin + columns.shape[1]
        return buffer

    def append(self, block: np.ndarray, keep: int) -> int:
        """Add complex64 [rx, n]; samples before `keep` may go. Returns how many counted as 0."""
        filled = self.end - self.origin
        if filled + block.shape[1] > self.columns.shape[1]:
            drop = keep - self.origin
            self.columns[:, : filled - drop] = self.columns[:, drop:filled].copy()
            self.origin = keep
            filled -= drop
        self.end += block.shape[1]
        return detection.take_finite(block.view(np.float32), self.columns.view(np.float32), filled)

    def unit_scale(self, start: int, stop: int) -> float:
        """The power of two that brings the mean power of the stream's samples start to stop - 1 close to 1."""
        power = float(detection.mean_power(self.columns, start - self.origin, stop - self.origin))
        return math.ldexp(1.0, -round(math.log2(power) / 2)) if power > 0 else 1.0

    def grid(self, numerology: Numerology, starts: np.ndarray, step: float, origin: int, scale: float) -> np.ndarray:
        """Occupied carriers of the FFT windows that start at the stream's samples `starts`, int64 [W], derotated by
        `step` radians a sample from sample `origin`: complex64 [rx, W, K], of power scale^2 where the signal has unit
        power.
        """
        spectrum = self._spectrum(numerology, starts, step, origin)
        return detection.select_carriers(spectrum, numerology.bins, scale / numerology.amplitude)

    def grid_and_guards(
        self, numerology: Numerology, starts: np.ndarray, step: float, origin: int, scale: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """The same, and the mean power of the guard carriers in each window, float32 [rx, W]."""
        spectrum = self._spectrum(numerology, starts, step, origin)
        scale /= numerology.amplitude
        guards = watch.guard_power(spectrum, numerology.guard_bins, scale)
        return detection.select_carriers(spectrum, numerology.bins, scale), guards

    def _spectrum(self, numerology: Numerology, starts: np.ndarray, step: float, origin: int) -> np.ndarray:
        cut = detection.windows(self.columns, starts - self.origin, numerology.fft_size, step, origin - self.origin)
        return scipy.fft.fft(cut, axis=2, overwrite_x=True)
