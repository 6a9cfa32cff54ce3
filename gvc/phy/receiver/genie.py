"""Perfect channel state, for measuring what estimation costs. No receiver on the air can have it."""

from typing import Any, Protocol

import numpy as np

from gvc.phy.layout import burst_layout
from gvc.phy.numerology import Numerology


class Genie(Protocol):
    """What a receiver takes in place of its estimates."""

    noise_variance: float
    """Of a resource element."""

    def response(self, starts: np.ndarray, step: float, origin: int) -> np.ndarray:
        """Response complex64 [rx, windows, K] in FFT windows that start at the stream's samples `starts`, int64, after
        derotation by `step` radians a sample from sample `origin`.
        """


class ChannelGenie:
    """The true response of a simulated channel (`gvc.channel.base.Channel`), which has the whole stream behind it, in
    the windows of long training, header, payload and midambles.

    Args:
        numerology: the transmitter's.
        channel: it answers `genie_taps`.
        bursts: (first sample in the transmitted stream, payload symbols) of each burst sent.
    """

    def __init__(self, numerology: Numerology, channel: Any, bursts: list[tuple[int, int]]):
        u = self._numerology = numerology
        self._channel = channel
        starts = []
        for first, symbols in bursts:
            rows = np.arange(burst_layout(u, symbols).rows)
            long = first + u.short_samples + 2 * u.cyclic_prefix + u.fft_size * np.arange(u.long_training_repeats)
            starts += [long, first + u.preamble_samples + u.symbol_samples * rows + u.cyclic_prefix]
        self._sent = np.concatenate(starts)
        self.noise_variance = channel.noise_variance * u.occupied_fraction

    def response(self, starts: np.ndarray, step: float, origin: int) -> np.ndarray:
        u = self._numerology
        middle = starts + u.fft_size // 2
        taps, lags = self._channel.genie_taps(middle)
        # Sent symbol of each window: the one whose period starts closest to what arrives first in it.
        arrived = starts - lags
        sent = self._sent[np.argmin(np.abs(self._sent[None, :] - arrived[:, None]), axis=1)]
        delays = sent[:, None] - arrived[:, None] + np.arange(taps.shape[2])
        turns = np.exp(-2j * np.pi / u.fft_size * delays[:, :, None] * u.carriers)
        response = np.einsum("awl,wlk->awk", taps, turns)
        cfo = 2 * np.pi * self._channel.cfo_hz / u.sample_rate_hz
        phase = (cfo - step) * middle + step * origin
        return (response * np.exp(1j * phase)[:, None]).astype(np.complex64)


def true_magnitude(numerology: Numerology, channel: Any, starts: np.ndarray) -> np.ndarray:
    """|H| of a simulated channel one symbol before the header of bursts that start at the received stream's
    samples `starts`, int64 [B]: float32 [B, rx, K]. `channel` answers `genie_taps`.
    """
    u = numerology
    middles = np.maximum(starts + u.preamble_samples - u.symbol_samples, 0)
    taps, _ = channel.genie_taps(middles)
    turns = np.exp(-2j * np.pi / u.fft_size * np.arange(taps.shape[2])[:, None] * u.carriers)
    return np.abs(np.einsum("abl,lk->bak", taps, turns)).astype(np.float32)
