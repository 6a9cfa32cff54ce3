"""One spectral line: an oscillator nearby, a harmonic, an unmodulated carrier."""

import numpy as np

from gvc.channel.impairments.impairment import Setting, Source, turn


class Tone(Source):
    """exp(j 2 pi f n / fs). frequency_hz: from the transmitter's carrier, or [lowest, highest] of a draw."""

    def __init__(self, setting: Setting, *, level_db: float, frequency_hz: float | list[float]):
        super().__init__(setting, level_db)
        self.frequency_hz = setting.frequency("frequency_hz", frequency_hz)
        self._step = self.frequency_hz / setting.sample_rate_hz

    def waveform(self, first: int, count: int) -> np.ndarray:
        return turn(self._step * np.arange(first, first + count))
