"""A receiver's gain: nobody promises that a sample of the signal has power 1."""

import numpy as np

from gvc.channel import parameters as check
from gvc.channel.impairments.impairment import Impairment, Place, Setting


class Scale(Impairment):
    """All samples times `factor`, 1e-12 to 1e12. The channel's `noise_variance` follows."""

    place = Place.FRONT_END

    def __init__(self, setting: Setting, *, factor: float):
        self._factor = np.float32(check.within("factor", factor, 1e-12, 1e12, ""))
        self.power_gain = float(self._factor) ** 2

    def apply(self, stretch: np.ndarray, first: int) -> np.ndarray:
        stretch *= self._factor
        return stretch
