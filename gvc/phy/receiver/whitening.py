"""A second look at a burst that cannot be read, without what lies over it in a small part of the band."""

from typing import NamedTuple, Self

import numpy as np

from gvc.phy.kernels import prediction
from gvc.phy.receiver.ofdm_windows import SampleBuffer

_WORTHWHILE = 1.1
"""Power before over power behind the filter; noise alone shows 1.01."""


class Whitening(NamedTuple):
    """A linear predictor of the stream from sample `start` on: `taps` complex128 [p + 1], taps[0] = 1 (see
    `kernels.prediction`).
    """

    start: int
    taps: np.ndarray

    @classmethod
    def of(cls, buffer: SampleBuffer, start: int, stop: int) -> Self | None:
        """From samples start to stop - 1; None where it would change little."""
        taps, gain = prediction.over_stretch(buffer.columns, start - buffer.origin, stop - buffer.origin)
        return cls(start, taps) if gain > _WORTHWHILE else None

    def applied(self, buffer: SampleBuffer, stop: int) -> SampleBuffer:
        """Samples `start` to stop - 1 behind the filter."""
        columns = prediction.filtered(buffer.columns, self.start - buffer.origin, stop - buffer.origin, self.taps)
        return SampleBuffer.of(columns, self.start)
