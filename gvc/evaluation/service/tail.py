"""The frames of an arm beyond those that are kept: judged in order as they come, then dropped."""

import base64
from typing import Any

AHEAD = 64
"""Frames of an arm that wait for an earlier one or for their reference; with more, the first is judged as it stands."""


class Waiting:
    """A frame that was heard of and not judged: `size` (height, width) of its picture, None without one."""

    __slots__ = ("lost", "size")

    def __init__(self, size: tuple[int, int] | None, lost: bool) -> None:
        self.size, self.lost = size, lost


class Tail:
    """Sums over the judged frames of one arm: one byte a frame, which tells the lost ones.

    Attributes:
        next: the first frame that is not judged.
        shown: the frame whose picture the display holds, None before the first.
        waiting: frames that were heard of, by id; at most about `AHEAD`.
        lost: one byte a judged frame, 1 for a lost one.
        sums, counts: of each metric over all judged frames; `received_sums`, `received_counts` without the lost ones.
    """

    def __init__(self, first: int) -> None:
        self.next = first
        self.shown: int | None = None
        self.waiting: dict[int, Waiting] = {}
        self.lost = bytearray()
        self.sums: dict[str, float] = {}
        self.counts: dict[str, int] = {}
        self.received_sums: dict[str, float] = {}
        self.received_counts: dict[str, int] = {}

    def hear(self, frame_id: int, size: tuple[int, int] | None, lost: bool) -> bool:
        """A frame has come; False when it comes too late, or again."""
        if frame_id < self.next or frame_id in self.waiting:
            return False
        self.waiting[frame_id] = Waiting(size, lost)
        return True

    def add(self, lost: bool, values: dict[str, float]) -> None:
        """Count one judged frame."""
        self.lost.append(lost)
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
            self.counts[name] = self.counts.get(name, 0) + 1
            if not lost:
                self.received_sums[name] = self.received_sums.get(name, 0.0) + value
                self.received_counts[name] = self.received_counts.get(name, 0) + 1

    def state(self) -> dict[str, Any]:
        """All of it, for `restored`."""
        waiting = [[frame_id, frame.size, frame.lost] for frame_id, frame in self.waiting.items()]
        lost = base64.b64encode(bytes(self.lost)).decode("ascii")
        return {**vars(self), "waiting": waiting, "lost": lost}

    @classmethod
    def restored(cls, state: dict[str, Any]) -> "Tail":
        """The tail that `state` came from."""
        tail = cls(state["next"])
        vars(tail).update(state)
        tail.lost = bytearray(base64.b64decode(state["lost"]))
        tail.waiting = {n: Waiting(tuple(size) if size else None, lost) for n, size, lost in state["waiting"]}
        return tail
