"""Receiver noise as a stream."""

import numpy as np

from gvc import seeds


class NoiseSource:
    """Circular complex white Gaussian noise, independent on every antenna and of how the stream is cut.

    `variance` is per complex sample; 0 gives no noise.
    """

    def __init__(self, variance: float, rx_antennas: int, seed: int):
        self._deviation = np.float32(np.sqrt(variance / 2))
        self._generators = [seeds.stream(seed, f"channel/noise/{antenna}") for antenna in range(rx_antennas)]

    def add(self, samples: np.ndarray) -> None:
        """Add noise in place to `samples`, complex64 [rx_antennas, n]."""
        if self._deviation == 0:
            return
        for row, generator in zip(samples, self._generators, strict=True):
            draw = generator.standard_normal(2 * len(row), dtype=np.float32)
            draw *= self._deviation
            row += draw.view(np.complex64)
