"""An amplifier in saturation."""

import numpy as np

from gvc.channel import parameters as check
from gvc.channel.impairments.impairment import Impairment, Place, Setting


class Clipping(Impairment):
    """Magnitudes end at `level_db` over `rms`, phases stay (a soft limiter): y = x min(1, A / |x|) with
    A = rms 10^(level_db / 20).

    rms: amplitude that the level is over; 1 is the signal's, where nothing before it scales. It is given and not
    measured, so a deep fade is not clipped.

    >>> amplifier = Clipping(Setting(1e6, 1, 0, "clipping"), level_db=0.0)
    >>> amplifier.apply(np.array([[0.5, 2j, -4]], np.complex64), 0).tolist()
    [[(0.5+0j), 1j, (-1+0j)]]
    """

    place = Place.FRONT_END

    def __init__(self, setting: Setting, *, level_db: float, rms: float = 1.0):
        level = check.within("level_db", level_db, -40.0, 60.0, "dB")
        self._highest = np.float32(check.within("rms", rms, 1e-12, 1e12, "") * 10 ** (level / 20))

    def apply(self, stretch: np.ndarray, first: int) -> np.ndarray:
        magnitude = np.abs(stretch)
        loud = magnitude > self._highest
        stretch[loud] *= self._highest / magnitude[loud]
        return stretch
