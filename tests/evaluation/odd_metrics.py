"""Metrics from outside that go wrong."""

import time

import numpy as np

from gvc.evaluation.metrics import pairs


def hangs(reference, distorted, fps=25.0):
    """Stands still at the second frame."""
    for index, _ in enumerate(pairs(reference, distorted)):
        if index == 1:
            time.sleep(3600)
    return np.zeros(len(reference))


def fails(reference, distorted, fps=25.0):
    """A mistake of its author's."""
    return np.zeros(1) / int(reference[0][0, 0, 0] - reference[0][0, 0, 0])[0]


def slow(reference, distorted, fps=25.0):
    """A quarter of a second a frame."""
    values = []
    for _ in pairs(reference, distorted):
        time.sleep(0.25)
        values.append(1.0)
    return np.array(values)
