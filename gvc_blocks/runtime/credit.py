"""Credit: how many messages may be on their way between two blocks.

GNU Radio's message queues have no bound of their own. Here each message port owns a window; who publishes waits until
the blocks behind have *finished* with what they got, not merely fetched it. With a window of 1 a chain source >
encoder > transmitter holds two frames and receiver > denoiser > decoder > sink three; what lies between is samples,
which GNU Radio's stream buffers bound. Nothing has to be wired for it, and a frame that the channel swallows returns
its credit where it ended: at the transmitter. `gvc_blocks.runtime.flight` bounds a whole link besides.
"""

import threading

MAX_IN_FLIGHT = 4
"""Most messages on their way out of one port."""


class Stopped(Exception):
    """The flowgraph is being stopped; a waiting block gives up."""


class Credit:
    """A window of `limit` messages, 1 to MAX_IN_FLIGHT, over one condition shared by a flowgraph's blocks."""

    def __init__(self, limit: int, condition: threading.Condition):
        if not 1 <= limit <= MAX_IN_FLIGHT:
            raise ValueError(f"a credit of {limit} messages; use 1 to {MAX_IN_FLIGHT}")
        self.limit = limit
        self.in_flight = 0
        self.most_in_flight = 0
        self._condition = condition

    def acquire(self, stopping: threading.Event) -> None:
        """Wait for room and take it; raises Stopped when the flowgraph stops first."""
        with self._condition:
            while self.in_flight >= self.limit and not stopping.is_set():
                self._condition.wait(0.5)
            if stopping.is_set():
                raise Stopped
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def release(self) -> None:
        """Give one back."""
        with self._condition:
            self.in_flight -= 1
            self._condition.notify_all()
