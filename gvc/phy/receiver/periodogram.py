"""Where a circular spectrum has its peak."""

import numpy as np


def peak(power: np.ndarray) -> float:
    """Place of the largest of power [n], n following 0, between its points where a parabola through it and its
    neighbours has its top.
    """
    at = int(np.argmax(power))
    left, middle, right = (float(power[(at + i) % len(power)]) for i in (-1, 0, 1))
    bend = left - 2 * middle + right
    return at + (0.5 * (left - right) / bend if bend < 0 else 0.0)
