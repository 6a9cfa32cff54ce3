"""The converter's steps."""

import numpy as np

from gvc.channel import parameters as check
from gvc.channel.impairments.impairment import Impairment, Place, Setting


class Quantisation(Impairment):
    """I and Q each in 2^`bits` equal steps from -`full_scale` to `full_scale`, no step at 0 (mid-rise), saturating.

    full_scale: 1 is the signal's rms amplitude (I and Q together), where nothing before it scales. Well inside the
    range the error of a sample has the power of step^2 / 6.
    """

    place = Place.FRONT_END

    def __init__(self, setting: Setting, *, bits: int, full_scale: float = 4.0):
        self._half = 2 ** (check.whole("bits", bits, 1, 24, "") - 1)
        self._step = np.float32(check.within("full_scale", full_scale, 1e-12, 1e12, "") / self._half)

    def apply(self, stretch: np.ndarray, first: int) -> np.ndarray:
        parts = np.ascontiguousarray(stretch).view(np.float32)
        steps = np.clip(np.floor(parts / self._step), -self._half, self._half - 1)
        return ((steps + np.float32(0.5)) * self._step).view(np.complex64)
