"""An automatic gain control that switches."""

import numpy as np

from gvc.channel import parameters as check
from gvc.channel.impairments.events import Events
from gvc.channel.impairments.impairment import Impairment, Place, Setting


class GainSteps(Impairment):
    """At each event the gain goes up by `step_db` (negative: down), at the next one back, for signal and noise.

    Samples after the first event count as hit. at, every_s, period_s: see `Events`.

    >>> control = GainSteps(Setting(1e6, 1, 0, "gain"), step_db=20.0, at=[2, 4])
    >>> control.apply(np.ones((1, 6), np.complex64), 0).real.tolist()
    [[1.0, 1.0, 10.0, 10.0, 1.0, 1.0]]
    """

    place = Place.FRONT_END

    def __init__(
        self,
        setting: Setting,
        *,
        step_db: float,
        at: list[int] | None = None,
        every_s: float | None = None,
        period_s: float | None = None,
    ):
        self._factor = 10 ** (check.within("step_db", step_db, -100.0, 100.0, "dB") / 20)
        self._events = Events(setting, at=at, every_s=every_s, period_s=period_s)

    def apply(self, stretch: np.ndarray, first: int) -> np.ndarray:
        stretch *= self.gain(np.arange(first, first + stretch.shape[1])).real.astype(np.float32)
        return stretch

    def hit(self, samples: np.ndarray) -> np.ndarray:
        return self._events.count(samples) > 0

    def gain(self, samples: np.ndarray) -> np.ndarray:
        return np.where(self._events.count(samples) % 2, self._factor, 1.0).astype(complex)
