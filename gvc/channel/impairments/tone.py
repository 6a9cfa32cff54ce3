"""One spectral line: an oscillator nearby, a harmonic, an unmodulated carrier."""

import numpy as np

from gvc.channel.impairments.impairment import Setting, Source, turn


class Tone(Source):
    """exp(j 2 pi f n / fs). frequency_hz: from the transmitter's carrier, or [lowest, highest] of a draw.

    >>> tone = Tone(Setting(1e6, 1, 0, "tone"), level_db=-20.0, frequency_hz=125e3)  # fs / 8: bin 1 of 8
    >>> power = np.abs(np.fft.fft(tone.apply(np.zeros((1, 8), np.complex64), 0)[0]) / 8) ** 2
    >>> int(power.argmax()), round(10 * np.log10(power.max()).item(), 2)
    (1, -20.0)
    """

    def __init__(self, setting: Setting, *, level_db: float, frequency_hz: float | list[float]):
        super().__init__(setting, level_db)
        self.frequency_hz = setting.frequency("frequency_hz", frequency_hz)
        self._step = self.frequency_hz / setting.sample_rate_hz

    def waveform(self, first: int, count: int) -> np.ndarray:
        return turn(self._step * np.arange(first, first + count))
