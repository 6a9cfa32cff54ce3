"""Flat Rayleigh block fading: one complex Gaussian fade for each coherence block of the stream."""

from typing import Any

import numpy as np

from gvc import seeds
from gvc.channel import parameters as check
from gvc.channel.awgn import Awgn

_DEFAULT_BLOCK_S = 0.02


class RayleighBlock(Awgn):
    """The fade of an antenna is constant over `block_samples` received samples, then a new, independent one, CN(0, 1).

    Block b covers the output samples b * block_samples <= n < (b + 1) * block_samples, counted from the start of the
    stream, whatever the transmitter does. At a border amplitude and phase jump: a burst that lies across it is received
    with two fades, and its one channel estimate fits only the first. With bursts of length B that happens to a fraction
    B / block_samples of them (4 % of 0.8 ms bursts at the default), as errors that a noise map cannot foresee.

    Parameters beside those of `gvc.channel.base.Channel`:
        block_samples: >= 1; default 20 ms of samples, which is longer than any burst of the shipped numerologies.
    """

    name = "rayleigh-block"
    own_parameters = ("block_samples",)

    def __init__(self, *, block_samples: int | None = None, **parameters: Any):
        super().__init__(**parameters)
        default = max(1, round(_DEFAULT_BLOCK_S * self.sample_rate_hz))
        self.block_samples = default if block_samples is None else check.integer("block_samples", block_samples)
        self._sample = 0

    def fade(self, block: int) -> np.ndarray:
        """The fade of coherence block number `block`, complex64 [rx_antennas]; any block, in any order."""
        draw = seeds.stream(self.seed, f"channel/rayleigh-block/{block}").standard_normal(2 * self.rx_antennas)
        return (draw.view(np.complex128) / np.sqrt(2)).astype(np.complex64)

    def _spread(self, samples: np.ndarray) -> np.ndarray:
        faded = super()._spread(samples)
        first, stop = self._sample, self._sample + len(samples)
        for block in range(first // self.block_samples, -(-stop // self.block_samples)):
            start = max(block * self.block_samples - first, 0)
            faded[:, start : (block + 1) * self.block_samples - first] *= self.fade(block)[:, None]
        self._sample = stop
        return faded

    def genie_taps(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Channel.genie_taps`."""
        taps, lags = super().genie_taps(samples)
        fades = np.stack([self.fade(block) for block in (np.asarray(samples) // self.block_samples).tolist()], axis=1)
        return taps * fades[:, :, None], lags
