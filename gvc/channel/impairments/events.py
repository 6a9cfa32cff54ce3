"""When things happen: at given samples, at random, or with a period."""

from typing import Any

import numpy as np

from gvc.channel import parameters as check
from gvc.channel.impairments.impairment import Setting
from gvc.errors import ConfigError

LATEST = 2**52
CLOSEST = 16
"""Samples, of the mean distance of two events without end."""


class Events:
    """Exactly one of the three says when.

    at: sample numbers of the stream at the receiver, ascending.
    every_s: mean time between two, exponential (a Poisson process).
    period_s: time from one to the next; the first comes at a random place within the first period.

    `closest` is the distance of the closest two in samples, where they are random on the mean.

    Raises ConfigError for none or several of them, or a value out of range.
    """

    def __init__(
        self, setting: Setting, *, at: Any = None, every_s: float | None = None, period_s: float | None = None
    ):
        if sum(way is not None for way in (at, every_s, period_s)) != 1:
            raise ConfigError(
                "say when by exactly one of at (sample numbers), every_s (mean time between, random) and period_s"
            )
        self._random = setting.random("events")
        self._positions = np.zeros(0, np.int64)
        self._spacing = 0.0
        self._regular = period_s is not None
        if at is not None:
            if not isinstance(at, list | tuple):
                raise ConfigError(f"channel parameter at = {at!r}: give a list of sample numbers")
            places = [check.whole("at", place, 0, LATEST, "samples") for place in at]
            if sorted(set(places)) != places:
                raise ConfigError("channel parameter at: give ascending sample numbers, each once")
            self._positions = np.array(places, np.int64)
            self.closest = float(np.diff(self._positions).min(initial=LATEST))
        else:
            key, value = ("period_s", period_s) if self._regular else ("every_s", every_s)
            self._spacing = (
                check.within(key, value, CLOSEST / setting.sample_rate_hz, 1e6, "s") * setting.sample_rate_hz
            )
            self.closest = self._spacing
            self._offset = float(self._random.random()) * self._spacing

    def before(self, stop: int) -> np.ndarray:
        """Positions of the events so far, int64, ascending: all that are below `stop`, and maybe later ones."""
        while self._spacing and (not len(self._positions) or self._positions[-1] < stop):
            self._positions = np.concatenate([self._positions, self._more(max(64, len(self._positions)))])
        return self._positions

    def count(self, samples: np.ndarray) -> np.ndarray:
        """How many there have been up to each of the samples int64 [k], those on it included: int64 [k]."""
        return np.searchsorted(self.before(_stop(samples)), samples, "right")

    def _more(self, count: int) -> np.ndarray:
        """The next `count`, which depends on the number so far alone: so do the draws."""
        known = len(self._positions)
        if self._regular:
            return np.floor(self._offset + self._spacing * np.arange(known, known + count)).astype(np.int64)
        gaps = np.maximum(1, np.rint(self._random.exponential(self._spacing, count))).astype(np.int64)
        return (self._positions[-1] if known else 0) + np.cumsum(gaps)


def _stop(samples: np.ndarray) -> int:
    return int(samples.max()) + 1 if len(samples) else 0
