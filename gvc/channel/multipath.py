"""Channels made of paths, each with a delay and a gain that moves over time."""

from typing import Protocol

import numpy as np

from gvc.channel.base import Channel
from gvc.channel.time_varying_filter import TimeVaryingFilter, segment_length
from gvc.errors import ConfigError

LONGEST_RESPONSE = 4096
"""Longest path delay, in samples."""


class Fading(Protocol):
    """Path gains as a function of time.

    Attributes:
        path_delays_s: float64 [paths], >= 0.
        doppler_hz: highest frequency in the gains; sets how often they are computed.
    """

    path_delays_s: np.ndarray
    doppler_hz: float

    def gains(self, start_s: float, elapsed_s: np.ndarray) -> np.ndarray:
        """Gains at the instants start_s + elapsed_s [k], complex128 [rx_antennas, k, paths]; in any order."""


class Multipath(Channel):
    """A channel of moving paths. A subclass calls `fade_with` at the end of its constructor."""

    def fade_with(self, fading: Fading) -> None:
        """Set the paths. Raises ConfigError when a delay is negative or longer than 4096 samples."""
        delays = np.asarray(fading.path_delays_s) * self.sample_rate_hz
        if not 0 <= delays.min() <= delays.max() <= LONGEST_RESPONSE:
            raise ConfigError(
                f"channel '{self.name}': path delays from {delays.min():.4g} to {delays.max():.4g} samples;"
                f" give delays from 0 to {LONGEST_RESPONSE} samples, {LONGEST_RESPONSE / self.sample_rate_hz:.3g} s"
            )
        self.fading = fading
        offset = 1e-6 * self.sro_ppm
        segment = segment_length(self.sample_rate_hz, fading.doppler_hz, offset)
        self._interval_s = segment * (1 + offset) / self.sample_rate_hz
        self._filter = TimeVaryingFilter(self._gains, self.rx_antennas, delays, self.delay_samples, offset, segment)

    def propagate(self, samples: np.ndarray) -> np.ndarray:
        """See `Channel.propagate`."""
        return self._filter.push(samples)

    def tail(self) -> np.ndarray:
        """See `Channel.tail`."""
        return self._filter.tail()

    def genie_taps(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Channel.genie_taps`."""
        return self._filter.taps(samples)

    def _gains(self, indices: np.ndarray) -> np.ndarray:
        if not len(indices):
            return np.zeros((self.rx_antennas, 0, len(self.fading.path_delays_s)), complex)
        return self.fading.gains(float(indices[0] * self._interval_s), (indices - indices[0]) * self._interval_s)
