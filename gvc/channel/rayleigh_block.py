"""Flat Rayleigh block fading: one complex Gaussian fade a burst, or a coherence block of fixed length."""

import bisect
from typing import Any

import numpy as np

from gvc import seeds
from gvc.channel import parameters as check
from gvc.channel.awgn import Awgn
from gvc.channel.interpolation import HALF_WIDTH
from gvc.channel.time_varying_filter import TimeVaryingFilter

SILENCE = 32
"""Zero samples between two transmissions that make them two bursts."""


class RayleighBlock(Awgn):
    """y = h x + noise: a fade h is constant over a block, then a new, independent one follows, CN(0, 1) on every
    antenna (Biglieri, Proakis and Shamai, IEEE Trans. Inf. Theory 44(6), 1998).

    Without `block_samples` a block is one burst, the usual assumption of block fading: the fade changes where
    transmission starts after at least 32 zero samples, so no burst ever has two fades. A transmitter that never pauses
    keeps its first fade for ever.

    With `block_samples` block b covers the output samples from b * block_samples to before (b + 1) * block_samples,
    whatever the transmitter does. At a border amplitude and phase jump. A burst across it is received with two fades,
    of which an estimate made at its start fits only the first; of bursts of length B that happens to a fraction
    B / block_samples.

    Parameters beside those of `gvc.channel.base.Channel`:
        block_samples: >= 1, or None for one fade a burst.

    >>> channel = RayleighBlock(sample_rate_hz=1e6, center_frequency_hz=2.4e9, block_samples=2, rx_antennas=16)
    >>> received = channel.process(np.ones(4, np.complex64))
    >>> [bool(np.all(received[:, n] == channel.fade(n // 2))) for n in range(4)]
    [True, True, True, True]
    >>> round(float(np.mean([np.abs(channel.fade(block)) ** 2 for block in range(200)])), 1)
    1.0
    """

    name = "rayleigh-block"
    own_parameters = ("block_samples",)

    def __init__(self, *, block_samples: int | None = None, **parameters: Any):
        super().__init__(**parameters)
        self.block_samples = None if block_samples is None else check.integer("block_samples", block_samples)
        self._sample = 0  # of the output
        self._input = 0
        self._last_active = -1
        self._borders: list[int] = []  # output samples at which a burst's fade begins

    def fade(self, block: int) -> np.ndarray:
        """The fade of block number `block`, complex64 [rx_antennas]; any block, in any order."""
        draw = seeds.stream(self.seed, f"channel/rayleigh-block/{block}").standard_normal(2 * self.rx_antennas)
        return (draw.view(np.complex128) / np.sqrt(2)).astype(np.complex64)

    def propagate(self, samples: np.ndarray) -> np.ndarray:
        """See `Channel.propagate`."""
        if self.block_samples is None:
            self._find_bursts(samples)
        return super().propagate(samples)

    def _find_bursts(self, samples: np.ndarray) -> None:
        active = np.flatnonzero(samples) + self._input
        self._input += len(samples)
        if not len(active):
            return
        pauses = np.diff(active, prepend=self._last_active)
        self._last_active = int(active[-1])
        # The interpolation filter answers HALF_WIDTH samples ahead, but not before the input that starts a burst is in.
        ahead = HALF_WIDTH - 2 if isinstance(self._path, TimeVaryingFilter) else 0
        starts = (active[pauses > SILENCE] - ahead + self.delay_samples) / (1 + 1e-6 * self.sro_ppm)
        self._borders.extend(int(start) for start in starts)

    def _spread(self, samples: np.ndarray) -> np.ndarray:
        faded = super()._spread(samples)
        first, stop = self._sample, self._sample + len(samples)
        self._sample = stop
        if stop > first:
            for block in range(self._block(first), self._block(stop - 1) + 1):
                begin, end = (max(self._border(b) - first, 0) for b in (block, block + 1))
                faded[:, begin:end] *= self.fade(block)[:, None]
        return faded

    def _block(self, sample: int) -> int:
        """Number of the block that an output sample lies in."""
        if self.block_samples is None:
            return bisect.bisect_right(self._borders, sample)
        return sample // self.block_samples

    def _border(self, block: int) -> int:
        """First output sample of a block; that of a block to come lies beyond every sample so far."""
        if self.block_samples is not None:
            return block * self.block_samples
        if block == 0:
            return 0
        return self._borders[block - 1] if block <= len(self._borders) else max(self._sample, *self._borders[-1:], 0)

    def genie_taps(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Channel.genie_taps`. Fades of bursts are known once their start has been processed."""
        taps, lags = super().genie_taps(samples)
        fades = np.stack([self.fade(block) for block in map(self._block, np.asarray(samples).tolist())], axis=1)
        return taps * fades[:, :, None], lags
