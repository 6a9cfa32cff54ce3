"""Frames between source and screen: at most four, from end to end."""

import threading
from collections.abc import Callable

from gvc_blocks.runtime.credit import MAX_IN_FLIGHT, Stopped


class Flight:
    """The source's window over a whole link inside one process.

    The credit of single ports bounds messages; between transmitter and receiver lie samples, and a stream's buffer
    holds dozens of small frames. Here the source also waits until a frame is displayed, or known to be lost: a later
    one was displayed, or all samples sent have gone through the receiver and nothing came of it. It is flow control
    alone: the receiver is told nothing.

    Args:
        drained: whether every sample sent has been read by the receiver; asked only while the source waits.
        limit: frames in flight.
    """

    POLL_S = 0.02

    def __init__(self, drained: Callable[[], bool], limit: int = MAX_IN_FLIGHT):
        self.limit = limit
        self.most_in_flight = 0
        self._drained = drained
        self._condition = threading.Condition()
        self._in_flight: dict[int, str] = {}

    def launch(self, frame_id: int, stopping: threading.Event) -> None:
        """Wait for room for one more frame; raises Stopped when the flowgraph stops."""
        with self._condition:
            while len(self._in_flight) >= self.limit and not stopping.is_set():
                if not self._condition.wait(self.POLL_S):
                    self._give_up_lost()
            if stopping.is_set():
                raise Stopped
            self._in_flight[frame_id] = "launched"
            self.most_in_flight = max(self.most_in_flight, len(self._in_flight))

    def transmitted(self, frame_id: int) -> None:
        """The frame's last sample has left the transmitter."""
        self._mark(frame_id, "transmitted")

    def landed(self, frame_id: int) -> None:
        """The receiver has something of the frame, and will pass it on."""
        self._mark(frame_id, "landed")

    def displayed(self, frame_id: int) -> None:
        """The frame is through, and those before it that are missing will not come."""
        with self._condition:
            self._in_flight = {number: state for number, state in self._in_flight.items() if number > frame_id}
            self._condition.notify_all()

    def _mark(self, frame_id: int, state: str) -> None:
        with self._condition:
            if frame_id in self._in_flight:
                self._in_flight[frame_id] = state

    def _give_up_lost(self) -> None:
        waiting = [number for number, state in self._in_flight.items() if state == "transmitted"]
        if waiting and self._drained():
            for number in waiting:
                del self._in_flight[number]
