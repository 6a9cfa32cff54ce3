"""Metrics from outside that go wrong."""

import threading
import time

import numpy as np

from gvc.evaluation.metrics import pairs

LET_GO = threading.Event()


def hangs(reference, distorted, fps=25.0):
    """Stands still at the second frame, until it is let go."""
    for index, _ in enumerate(pairs(reference, distorted)):
        if index == 1:
            LET_GO.wait()
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
