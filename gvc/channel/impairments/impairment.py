"""What every impairment is: where it acts, what it is made with, and what it answers."""

import dataclasses
import enum
from typing import Any, ClassVar

import numpy as np

from gvc import seeds
from gvc.channel import parameters as check
from gvc.errors import ConfigError


class Place(enum.IntEnum):
    """Where an impairment acts, in the order of the signal's way; the receiver's noise comes before FRONT_END."""

    AIR = 0
    OSCILLATOR = 1
    FRONT_END = 2
    CONVERTER = 3


@dataclasses.dataclass(frozen=True)
class Setting:
    """What an impairment learns of its channel. `name` is that of its own draws."""

    sample_rate_hz: float
    rx_antennas: int
    seed: int
    name: str

    def random(self, what: str) -> np.random.Generator:
        """The impairment's sub-stream for `what`."""
        return seeds.stream(self.seed, f"{self.name}/{what}")

    def frequency(self, key: str, value: Any) -> float:
        """A frequency within the band in Hz, or one drawn from a range [lowest, highest]; raises ConfigError."""
        half = self.sample_rate_hz / 2
        if not isinstance(value, list | tuple):
            return check.within(key, value, -half, half, "Hz")
        if len(value) != 2:
            raise ConfigError(f"channel parameter {key} = {value!r}: give a number, or a range [lowest, highest] in Hz")
        low, high = (check.within(key, end, -half, half, "Hz") for end in value)
        return float(self.random(key).uniform(low, high))


class Impairment:
    """Something that happens to the stream.

    A stretch is complex64 [rx_antennas, n] and belongs to `apply`, which may change it in place; `first` is the number
    of its first sample. Stretches come in order and without gaps, and nothing depends on where they are cut.
    """

    place: ClassVar[Place]
    power_gain = 1.0
    """Of everything before it, noise included, as far as it is constant."""

    def apply(self, stretch: np.ndarray, first: int) -> np.ndarray:
        """The next stretch of the stream with the impairment."""
        raise NotImplementedError

    def finish(self, stretch: np.ndarray) -> np.ndarray:
        """What was held back at the end of the stream. `stretch`, [rx_antennas, 0], says its shape."""
        return stretch

    def hit(self, samples: np.ndarray) -> np.ndarray:
        """Whether it acts on samples int64 [k] of what comes out: bool [k]."""
        return np.ones(len(samples), bool)

    def gain(self, samples: np.ndarray) -> np.ndarray:
        """What a genie knows that samples int64 [k] of what comes out are multiplied by: complex128 [k]."""
        return np.full(len(samples), self.power_gain**0.5, complex)

    def source(self, samples: np.ndarray) -> np.ndarray:
        """The samples of what goes in that samples int64 [k] of what comes out stand for: int64 [k]."""
        return samples


class Source(Impairment):
    """Something on the air beside the signal, of which each antenna gets the same waveform with a phase of its own.

    level_db: mean power relative to that of a sample of the burst, which is 1.
    """

    place = Place.AIR

    def __init__(self, setting: Setting, level_db: float):
        amplitude = 10 ** (check.within("level_db", level_db, -100.0, 100.0, "dB") / 20)
        phases = setting.random("phases").uniform(0, 2 * np.pi, setting.rx_antennas)
        self._gains = (amplitude * np.exp(1j * phases)).astype(np.complex64)[:, None]

    def apply(self, stretch: np.ndarray, first: int) -> np.ndarray:
        stretch += self._gains * self.waveform(first, stretch.shape[1]).astype(np.complex64)
        return stretch

    def waveform(self, first: int, count: int) -> np.ndarray:
        """Complex [count] of mean power 1 from sample `first` on."""
        raise NotImplementedError


class Rotation(Impairment):
    """Something of the receiver's oscillator: the same on all antennas. The sampling clock stays as it is."""

    place = Place.OSCILLATOR

    def apply(self, stretch: np.ndarray, first: int) -> np.ndarray:
        stretch *= self.gain(np.arange(first, first + stretch.shape[1])).astype(np.complex64)
        return stretch

    def gain(self, samples: np.ndarray) -> np.ndarray:
        return turn(self.cycles(samples))

    def cycles(self, samples: np.ndarray) -> np.ndarray:
        """Phase at samples int64 [k], in cycles: float64 [k]."""
        raise NotImplementedError


def turn(cycles: np.ndarray) -> np.ndarray:
    """exp(j 2 pi cycles), complex128; whole cycles are dropped before, where their fraction is still exact."""
    return np.exp(2j * np.pi * np.remainder(cycles, 1.0))
