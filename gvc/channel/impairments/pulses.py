"""Bursts of white noise: impulsive interference, sparks and switching."""

from typing import Any

import numpy as np

from gvc.channel import parameters as check
from gvc.channel.impairments.blocks import white
from gvc.channel.impairments.events import Events
from gvc.channel.impairments.impairment import Setting, Source
from gvc.errors import ConfigError

LONGEST = 10**7


class Pulses(Source):
    """White Gaussian noise while a pulse lasts; where two overlap, as loud as one.

    level_db: power in the pulse, relative to the signal. samples: length, or [shortest, longest] of equally likely
    ones. at, every_s, period_s: when they start, see `Events`.
    """

    def __init__(
        self,
        setting: Setting,
        *,
        level_db: float,
        samples: Any,
        at: list[int] | None = None,
        every_s: float | None = None,
        period_s: float | None = None,
    ):
        super().__init__(setting, level_db)
        lengths = samples if isinstance(samples, list | tuple) else [samples, samples]
        if len(lengths) != 2:
            raise ConfigError(f"channel parameter samples = {samples!r}: give a length, or a range [shortest, longest]")
        self._shortest, self._longest = (check.whole("samples", end, 1, LONGEST, "samples") for end in lengths)
        if self._longest < self._shortest:
            raise ConfigError(f"channel parameter samples = {samples!r}: give the shorter length first")
        self._events = Events(setting, at=at, every_s=every_s, period_s=period_s)
        self._white = white(setting, 4096)
        self._lengths = setting.random("lengths")
        self._ends = np.zeros(0, np.int64)  # of the longest of each pulse and those before it

    def hit(self, samples: np.ndarray) -> np.ndarray:
        last = self._events.count(samples)
        starts = self._events.before(0)
        fresh = starts[len(self._ends) :]
        if len(fresh):
            draws = self._lengths.random(len(fresh)) * (self._longest - self._shortest + 1)
            ends = np.concatenate([self._ends, fresh + self._shortest + draws.astype(np.int64)])
            self._ends = np.maximum.accumulate(ends)
        return np.concatenate([[0], self._ends])[last] > samples

    def waveform(self, first: int, count: int) -> np.ndarray:
        on = self.hit(np.arange(first, first + count))
        return self._white.take(first, count) * on if on.any() else np.zeros(count, complex)
