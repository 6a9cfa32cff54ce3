"""Freezes as WebRTC counts them (W3C, Identifiers for WebRTC's Statistics API: freezeCount, totalFreezesDuration)."""

from dataclasses import dataclass

import numpy as np

ADDED_S = 0.150
_ROUNDING_S = 1e-9
AVERAGED = 30
"""Frames that the mean interval is taken over."""


@dataclass(frozen=True)
class Freezes:
    """count, and seconds, the summed durations of the frozen intervals."""

    count: int
    seconds: float


def freezes(rendered: np.ndarray, fps: float) -> Freezes:
    """Freezes of a sequence where bool [n] tells which frames were rendered, at `fps` frames a second.

    An interval between two rendered frames is a freeze when it is at least three times the mean interval, and at least
    that mean and 150 ms; the mean is over the last 30 intervals before it, and the nominal one at first. Frames that
    never came before the first and after the last rendered one count as one interval each.
    """
    times = np.flatnonzero(np.concatenate([[True], rendered, [True]])) / fps
    past: list[float] = []
    count, seconds = 0, 0.0
    for interval in np.diff(times):
        mean = float(np.mean(past[-AVERAGED:])) if past else 1 / fps
        if interval >= max(3 * mean, mean + ADDED_S) - _ROUNDING_S:
            count += 1
            seconds += float(interval)
        past.append(float(interval))
    return Freezes(count, seconds)
