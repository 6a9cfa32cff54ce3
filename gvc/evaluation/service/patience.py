"""Metrics under a limit on no progress: what hangs, fails or cannot run costs that metric, never the run."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from gvc.errors import GvcError
from gvc.evaluation.metrics import measure

STALL_S = 300.0
"""A metric that has looked at no further picture for so long is given up."""

Tick = Callable[[int, int], None]
"""Called several times a second with the frames done, and of how many."""


class Watched(Sequence):
    """A sequence that notes which item was last looked at, and when."""

    def __init__(self, pictures: Sequence[np.ndarray]) -> None:
        self._pictures = pictures
        self.at = 0
        self.moved = time.monotonic()

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, index: Any) -> Any:
        self.at, self.moved = index if isinstance(index, int) else len(self), time.monotonic()
        return self._pictures[index]

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[index] for index in range(len(self)))


def measure_patiently(
    name: str,
    reference: Sequence[np.ndarray],
    distorted: Sequence[np.ndarray],
    fps: float = 25.0,
    tick: Tick = lambda done, total: None,
    stall_s: float = STALL_S,
) -> tuple[np.ndarray | None, str | None]:
    """As `metrics.measure`, with a reason also for a metric that fails or makes no progress for `stall_s`.

    One that hangs is left behind in its thread.
    """
    watched = Watched(distorted)
    result: list[tuple[np.ndarray | None, str | None]] = []

    def work() -> None:
        try:
            result.append(measure(name, reference, watched, fps=fps))
        except GvcError as error:
            result.append((None, str(error)))
        except BaseException as error:
            result.append((None, f"it failed: {type(error).__name__}: {error}"))

    thread = threading.Thread(target=work, daemon=True, name=f"metric {name}")
    thread.start()
    while thread.is_alive():
        thread.join(0.1)
        tick(watched.at, len(watched))
        if time.monotonic() - watched.moved > stall_s:
            return None, f"it made no progress for {stall_s:g} s, at frame {watched.at + 1} of {len(watched)}"
    return result[0]
