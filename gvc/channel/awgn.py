"""Additive white Gaussian noise: one path of gain 1."""

from typing import Any

import numpy as np

from gvc.channel.base import Channel
from gvc.channel.delay import IntegerDelay
from gvc.channel.time_varying_filter import TimeVaryingFilter, segment_length


class Awgn(Channel):
    """y = x delayed, rotated, resampled, plus noise; the same signal on every antenna, each with its own noise.

    Parameters: those of `gvc.channel.base.Channel`.

    >>> channel = Awgn(sample_rate_hz=1e6, center_frequency_hz=2.4e9, snr_db=10.0, occupied_fraction=0.8)
    >>> channel.noise_variance  # 10^(-snr_db / 10) / occupied_fraction
    0.125
    >>> received = channel.process(np.zeros(100_000, np.complex64))
    >>> round(float(np.mean(np.abs(received) ** 2)), 3)
    0.125
    """

    name = "awgn"

    def __init__(self, **parameters: Any):
        super().__init__(**parameters)
        offset = 1e-6 * self.sro_ppm
        self._path: IntegerDelay | TimeVaryingFilter
        if offset == 0 and self.delay_samples.is_integer():
            self._path = IntegerDelay(int(self.delay_samples))
        else:
            segment = segment_length(self.sample_rate_hz, 0.0, offset)
            self._path = TimeVaryingFilter(_one_path, 1, np.zeros(1), self.delay_samples, offset, segment)

    def propagate(self, samples: np.ndarray) -> np.ndarray:
        """See `Channel.propagate`."""
        return self._spread(self._path.push(samples).ravel())

    def tail(self) -> np.ndarray:
        """See `Channel.tail`."""
        return self._spread(self._path.tail().ravel())

    def _spread(self, samples: np.ndarray) -> np.ndarray:
        """One signal [m] to all antennas [rx_antennas, m], as a fresh array."""
        return np.repeat(samples[None], self.rx_antennas, axis=0)

    def genie_taps(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Channel.genie_taps`."""
        samples = np.asarray(samples, np.int64)
        if isinstance(self._path, TimeVaryingFilter):
            taps, lags = self._path.taps(samples)
        else:
            taps = np.ones((1, len(samples), 1), np.complex64)
            lags = np.full(len(samples), int(self.delay_samples), np.int64)
        return np.repeat(taps, self.rx_antennas, axis=0), lags


def _one_path(indices: np.ndarray) -> np.ndarray:
    return np.ones((1, len(indices), 1), np.complex128)
