"""An oscillator that jumps."""

import numpy as np

from gvc.channel import parameters as check
from gvc.channel.impairments.events import Events
from gvc.channel.impairments.impairment import Rotation, Setting


class FrequencySteps(Rotation):
    """At each event the carrier frequency goes up by `step_hz`, at the next one back; the phase goes on smoothly.

    Samples after the first event count as hit. at, every_s, period_s: see `Events`.
    """

    def __init__(
        self,
        setting: Setting,
        *,
        step_hz: float,
        at: list[int] | None = None,
        every_s: float | None = None,
        period_s: float | None = None,
    ):
        half = setting.sample_rate_hz / 2
        self._step = check.within("step_hz", step_hz, -half, half, "Hz") / setting.sample_rate_hz
        self._events = Events(setting, at=at, every_s=every_s, period_s=period_s)

    def hit(self, samples: np.ndarray) -> np.ndarray:
        return self._events.count(samples) > 0

    def cycles(self, samples: np.ndarray) -> np.ndarray:
        count = self._events.count(samples)
        positions = self._events.before(0)
        # samples for which the frequency was up, until each event
        up = np.concatenate([[0, 0], np.cumsum(np.where(np.arange(1, len(positions)) % 2, np.diff(positions), 0))])
        last = np.concatenate([[0], positions])[count]
        return self._step * (up[count] + np.where(count % 2, samples - last, 0))
