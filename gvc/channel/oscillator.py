"""Carrier frequency offset as a stream."""

import numpy as np

_BLOCK = 256


class Oscillator:
    """Multiplies by exp(j 2 pi f n / fs), n counted over the whole stream. `cycles_per_sample` is f / fs."""

    def __init__(self, cycles_per_sample: float):
        self._step = cycles_per_sample
        self._sample = 0
        self._inner = np.exp(2j * np.pi * cycles_per_sample * np.arange(_BLOCK)).astype(np.complex64)

    def rotate(self, samples: np.ndarray) -> None:
        """Rotate `samples`, complex64 [rx_antennas, n], in place and advance by n samples."""
        n = samples.shape[1]
        if self._step and n:
            # A rotation of n samples is an outer product of block starts and one block: few exponentials.
            starts = self._sample + _BLOCK * np.arange(-(-n // _BLOCK))
            outer = np.exp(2j * np.pi * np.remainder(self._step * starts, 1.0)).astype(np.complex64)
            samples *= (outer[:, None] * self._inner).reshape(-1)[:n]
        self._sample += n
