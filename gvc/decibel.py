"""Powers in dB."""

import collections
import math
from collections.abc import Sequence

import numpy as np


def mean_db(values: Sequence[float] | np.ndarray) -> float | None:
    """Mean of powers given in dB, in dB: 10 log10(mean(10^(x / 10))); None of nothing.

    >>> round(mean_db([0.0, 10.0]), 3), round(10 * math.log10((1 + 10) / 2), 3)
    (7.404, 7.404)
    """
    return mean_of_some_db(values) if len(values) else None


def mean_of_some_db(values: Sequence[float] | np.ndarray) -> float:
    """The same of at least one."""
    return float(10 * np.log10(np.mean(10 ** (np.asarray(values, np.float64) / 10))))


class RunningMedian:
    """The median of any number of values in dB, to 0.01 dB, in memory that their range bounds and not their number.

    >>> median = RunningMedian()
    >>> for value in (-8.0, -8.5, 30.0):
    ...     median.add(value)
    >>> median.value
    -8.0
    """

    _STEPS = 100
    """A dB."""

    def __init__(self) -> None:
        self._counts: collections.Counter[int] = collections.Counter()

    def add(self, value: float) -> None:
        """Take in a value; one that is not finite is left out."""
        if math.isfinite(value):
            self._counts[round(value * self._STEPS)] += 1

    @property
    def value(self) -> float | None:
        """The middle value, or the mean of the two; None of nothing."""
        total = self._counts.total()
        if not total:
            return None
        seen = 0
        middle: list[int] = []
        for step in sorted(self._counts):
            seen += self._counts[step]
            middle += [step] * ((seen > (total - 1) // 2) + (seen > total // 2) - len(middle))
            if len(middle) == 2:
                break
        return sum(middle) / 2 / self._STEPS
