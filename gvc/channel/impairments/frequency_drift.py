"""An oscillator that warms up and cools down."""

import numpy as np

from gvc.channel import parameters as check
from gvc.channel.impairments.impairment import Rotation, Setting


class FrequencyDrift(Rotation):
    """The carrier frequency moves by `rate_hz_per_s`, from 0 at the first sample, and turns around at +-`within_hz`.

    The phase is that frequency's integral, at first rate t^2 / 2 cycles.

    >>> oscillator = FrequencyDrift(Setting(1e6, 1, 0, "drift"), rate_hz_per_s=100.0, within_hz=50.0)
    >>> oscillator.cycles(np.array([0.0, 0.5, 1.0, 2.0]) * 1e6).tolist()  # up to 0.5 s, then down, below 0 from 1 s on
    [0.0, 12.5, 25.0, 0.0]
    """

    def __init__(self, setting: Setting, *, rate_hz_per_s: float, within_hz: float = 10e3):
        self._rate_hz = setting.sample_rate_hz
        self._slope = check.within("rate_hz_per_s", rate_hz_per_s, -1e9, 1e9, "Hz/s")
        limit = check.within("within_hz", within_hz, 1.0, setting.sample_rate_hz / 2, "Hz")
        self._quarter_s = limit / abs(self._slope) if self._slope else 1.0

    def cycles(self, samples: np.ndarray) -> np.ndarray:
        """The triangle's integral; over a whole period it is 0."""
        period = 4 * self._quarter_s
        time = np.remainder(np.asarray(samples) / self._rate_hz, period)
        falling = 2 * self._quarter_s**2 - (2 * self._quarter_s - time) ** 2  # twice the integral over the slope
        rising = np.minimum(time, period - time) ** 2
        middle = (time > self._quarter_s) & (time < 3 * self._quarter_s)
        return self._slope / 2 * np.where(middle, falling, rising)
