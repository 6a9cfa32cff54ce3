"""SVT-AV1 asks for real-time scheduling when it runs as root; nothing of that may stay."""

import contextlib
import os
import time

import numpy as np

from gvc.coding.codecs.video.encoders import ENCODERS


def schedulers() -> dict[int, int]:
    """Of every thread of this process."""
    found = {}
    for task in map(int, os.listdir("/proc/self/task")):
        with contextlib.suppress(ProcessLookupError):
            found[task] = os.sched_getscheduler(task)
    return found


def raised_since(before: dict[int, int]) -> dict[int, int]:
    """Threads that have another scheduler than before, or, where new, than the ordinary one."""
    return {task: kind for task, kind in schedulers().items() if kind != before.get(task, os.SCHED_OTHER)}


def test_av1_leaves_ordinary_scheduling() -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (3, 64, 64, 3)).astype(np.uint8)
    before = schedulers()
    assert ENCODERS["av1"].encode(pictures, (64, 64), 40, "random-access")
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
    # Threads of the closed encoder may take a moment to end; what was there before is not the encoder's.
    until = time.monotonic() + 10
    while (raised := raised_since(before)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not raised
