"""The phase noise of a free-running oscillator."""

import numpy as np

from gvc.channel import parameters as check
from gvc.channel.impairments.blocks import Blocks
from gvc.channel.impairments.impairment import Rotation, Setting

_BLOCK = 4096


class PhaseNoise(Rotation):
    """A Wiener process: increments are Gaussian of variance 2 pi `linewidth_hz` / fs rad^2 a sample.

    The spectrum is a Lorentzian line of that full width at half maximum. Source: A. Demir, A. Mehrotra,
    J. Roychowdhury, "Phase noise in oscillators", IEEE Trans. Circuits Syst. I 47(5), 2000.

    >>> oscillator = PhaseNoise(Setting(1e6, 1, 0, "phase"), linewidth_hz=1e3)
    >>> phase = 2 * np.pi * oscillator.cycles(np.arange(100_000))
    >>> round(float(np.var(np.diff(phase))), 4), round(2 * np.pi * 1e3 / 1e6, 4)
    (0.0063, 0.0063)
    """

    def __init__(self, setting: Setting, *, linewidth_hz: float):
        width = check.within("linewidth_hz", linewidth_hz, 0.0, setting.sample_rate_hz / 10, "Hz")
        self._deviation = (width / setting.sample_rate_hz / (2 * np.pi)) ** 0.5  # of an increment, cycles
        self._setting = setting
        self._starts = [0.0]  # before each block
        self._blocks = Blocks(_BLOCK, self._walk)

    def cycles(self, samples: np.ndarray) -> np.ndarray:
        samples = np.asarray(samples)
        if len(samples) and samples[-1] - samples[0] == len(samples) - 1:  # of a stream
            return self._blocks.take(int(samples[0]), len(samples))
        return np.array([self._blocks.take(int(sample), 1)[0] for sample in samples])

    def _walk(self, index: int) -> np.ndarray:
        while len(self._starts) <= index:
            self._starts.append(float(self._increments(len(self._starts) - 1).sum() + self._starts[-1]))
        return self._starts[index] + np.cumsum(self._increments(index))

    def _increments(self, index: int) -> np.ndarray:
        return self._setting.random(f"increments/{index}").standard_normal(_BLOCK) * self._deviation
