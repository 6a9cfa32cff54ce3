"""Another system's signal: Gaussian noise of any bandwidth, always there."""

import numpy as np
from scipy.signal import fftconvolve, firwin

from gvc.channel import parameters as check
from gvc.channel.impairments.blocks import Blocks, white
from gvc.channel.impairments.impairment import Setting, Source, turn

_EDGE = 0.08
"""Width of a band's edge over the band's: 3.3 / taps is that of the Hamming window, over the sample rate."""


class Interferer(Source):
    """Gaussian noise with a flat band.

    level_db: all its power, relative to the signal. bandwidth_hz: a thousandth of the sample rate to all of it.
    frequency_hz: the band's middle, from the transmitter's carrier, or [lowest, highest] of a draw.
    """

    def __init__(
        self, setting: Setting, *, level_db: float, bandwidth_hz: float, frequency_hz: float | list[float] = 0.0
    ):
        super().__init__(setting, level_db)
        rate = setting.sample_rate_hz
        width = check.within("bandwidth_hz", bandwidth_hz, rate / 1000, rate, "Hz") / rate
        self.frequency_hz = setting.frequency("frequency_hz", frequency_hz)
        taps = 2 * int(np.ceil(3.3 / _EDGE / width / 2)) + 1
        shape = firwin(taps, width, fs=2.0) if width < 1 else np.ones(1)
        self._shape = shape / np.sum(shape**2) ** 0.5
        self._length = max(4096, 2 ** int(np.ceil(np.log2(taps))))
        self._white = white(setting, self._length)
        self._band = Blocks(self._length, self._filtered)
        self._step = self.frequency_hz / rate

    def waveform(self, first: int, count: int) -> np.ndarray:
        return self._band.take(first, count) * turn(self._step * np.arange(first, first + count))

    def _filtered(self, index: int) -> np.ndarray:
        drawn = np.concatenate([self._white.block(index), self._white.block(index + 1)])
        return fftconvolve(drawn, self._shape)[self._length : 2 * self._length]
