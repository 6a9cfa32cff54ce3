"""A constant offset, as a direct-conversion receiver has on its centre carrier."""

import numpy as np

from gvc.channel import parameters as check
from gvc.channel.impairments.impairment import Impairment, Place, Setting


class Dc(Impairment):
    """y = x + 10^(level_db / 20) exp(j p). level_db: power of the offset, relative to the signal; its phase p is drawn
    for each antenna.
    """

    place = Place.FRONT_END

    def __init__(self, setting: Setting, *, level_db: float):
        amplitude = 10 ** (check.within("level_db", level_db, -100.0, 100.0, "dB") / 20)
        phases = setting.random("phases").uniform(0, 2 * np.pi, setting.rx_antennas)
        self._offset = (amplitude * np.exp(1j * phases)).astype(np.complex64)[:, None]

    def apply(self, stretch: np.ndarray, first: int) -> np.ndarray:
        stretch += self._offset
        return stretch
