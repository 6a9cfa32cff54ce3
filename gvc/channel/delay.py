"""Whole-sample delay of a stream."""

from collections import deque

import numpy as np


class IntegerDelay:
    """First-in first-out queue primed with `delay` zero samples; costs the same whatever the delay."""

    def __init__(self, delay: int):
        self._chunks: deque[np.ndarray] = deque([np.zeros(delay, np.complex64)])

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Take complex64 [n], return the complex64 [n] that went in `delay` samples earlier."""
        wanted = len(samples)
        self._chunks.append(samples.copy())  # the caller may reuse its buffer
        taken = []
        while wanted:
            chunk = self._chunks.popleft()
            if len(chunk) > wanted:
                self._chunks.appendleft(chunk[wanted:])
                chunk = chunk[:wanted]
            taken.append(chunk)
            wanted -= len(chunk)
        return np.concatenate(taken) if taken else np.zeros(0, np.complex64)

    def tail(self) -> np.ndarray:
        """The samples still inside, complex64 [delay]."""
        rest = np.concatenate([*self._chunks, np.zeros(0, np.complex64)])
        self._chunks.clear()
        return rest
