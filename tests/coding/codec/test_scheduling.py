"""SVT-AV1 asks for real-time scheduling when it runs as root; nothing of that may stay."""

import os

import numpy as np

from gvc.coding.codec.encoders import ENCODERS


def test_av1_leaves_ordinary_scheduling() -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (3, 64, 64, 3)).astype(np.uint8)
    assert ENCODERS["av1"].encode(pictures, (64, 64), 40, "random-access")
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
    assert {os.sched_getscheduler(int(task)) for task in os.listdir("/proc/self/task")} == {os.SCHED_OTHER}
