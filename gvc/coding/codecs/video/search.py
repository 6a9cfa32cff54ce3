"""The finest of a row of settings whose result fits a byte budget, in few trials."""

import functools
import math
from collections.abc import Callable

GOOD_USE = 0.98
"""Share of the budget from which on nothing finer is searched."""
HALVINGS = 8
"""How often the bytes halve from the finest to the coarsest setting, about; a search's own trials tell better."""


class Search:
    """Settings 0 (finest) to `last` (coarsest); `attempt` gives a setting's bytes, and is asked once for each.

    Args:
        attempt: bytes of a setting; they need fall only roughly from setting to setting.
        last: number of the coarsest.
        budget: bytes allowed.
    """

    def __init__(self, attempt: Callable[[int], bytes], last: int, budget: int):
        self.at = functools.cache(attempt)
        self.last = last
        self._budget = budget
        self._goal = math.log(max(1.0, budget * (1 + GOOD_USE) / 2))

    def run(self, start: int) -> int | None:
        """The finest setting that fits, found from `start` on; None when the coarsest does not."""
        fits, over = self.last + 1, -1
        tried: list[int] = []
        setting = start
        while True:
            tried.append(setting)
            size = len(self.at(setting))
            if size <= self._budget:
                fits = setting
            else:
                over = setting
            if over == self.last:
                return None
            if fits - over <= 1 or (fits == setting and size >= GOOD_USE * self._budget):
                return fits
            # Interpolation can creep along one end: every third trial halves what is left.
            closed = over >= 0 and fits <= self.last
            guess = (over + fits) / 2 if closed and len(tried) % 3 == 0 else self._predict(tried, over, fits)
            setting = min(max(round(guess), over + 1, 0), fits - 1, self.last)

    def _predict(self, tried: list[int], over: int, fits: int) -> float:
        """Where the logarithm of the bytes, taken as linear in the setting, meets the goal."""
        slope = -HALVINGS * math.log(2) / self.last
        one, other = (over, fits) if over >= 0 and fits <= self.last else (tried[-1], tried[-2 if tried[1:] else -1])
        if one != other:
            measured = (self._log(other) - self._log(one)) / (other - one)
            slope = min(measured, slope / 4)
        return tried[-1] + (self._goal - self._log(tried[-1])) / slope

    def _log(self, setting: int) -> float:
        return math.log(max(1, len(self.at(setting))))
