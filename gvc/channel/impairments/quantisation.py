"""The converter's steps."""

import numpy as np

from gvc.channel import parameters as check
from gvc.channel.impairments.impairment import Impairment, Place, Setting


class Quantisation(Impairment):
    """I and Q each in 2^`bits` equal steps from -`full_scale` to `full_scale`, no step at 0 (mid-rise), saturating:
    y = step (floor(x / step) + 1/2) with step = 2 full_scale / 2^bits.

    full_scale: 1 is the signal's rms amplitude (I and Q together), where nothing before it scales. Well inside the
    range the error of a sample has the power of step^2 / 6 (Bennett, Bell Syst. Tech. J. 27, 1948).

    >>> converter = Quantisation(Setting(1e6, 1, 0, "quantisation"), bits=3, full_scale=4.0)  # steps of 1
    >>> ramp = ((1 + 1j) * np.linspace(-4, 4, 8000, endpoint=False)[None]).astype(np.complex64)
    >>> round(float(np.mean(np.abs(converter.apply(ramp.copy(), 0) - ramp) ** 2)), 3), round(1 / 6, 3)
    (0.167, 0.167)
    """

    place = Place.FRONT_END

    def __init__(self, setting: Setting, *, bits: int, full_scale: float = 4.0):
        self._half = 2 ** (check.whole("bits", bits, 1, 24, "") - 1)
        self._step = np.float32(check.within("full_scale", full_scale, 1e-12, 1e12, "") / self._half)

    def apply(self, stretch: np.ndarray, first: int) -> np.ndarray:
        parts = np.ascontiguousarray(stretch).view(np.float32)
        steps = np.clip(np.floor(parts / self._step), -self._half, self._half - 1)
        return ((steps + np.float32(0.5)) * self._step).view(np.complex64)
