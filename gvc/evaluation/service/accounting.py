"""Sequence numbers: what a stream sent, what arrived, what did not."""

from array import array
from bisect import bisect_right
from typing import Any

MAX_RUNS = 1 << 16
"""Most stretches of unbroken numbers that are told apart: 1 MiB a stream. Beyond it the oldest gap is closed."""


class StreamCount:
    """Messages of one stream. `sent` is exact after its end, before that the least it can be.

    sent = received + lost holds at all times. Memory grows with the number of gaps up to `max_runs`, not with that of
    messages: then the oldest gap is lost for good, and what still comes of it counts as duplicate.
    """

    def __init__(self, max_runs: int = MAX_RUNS) -> None:
        self.ended = False
        self.sent = 0
        self.received = 0
        self.duplicate = 0
        self._max_runs = max_runs
        self._firsts, self._lasts = array("Q"), array("Q")

    def has(self, sequence: int) -> bool:
        """Whether message `sequence` has come."""
        after = bisect_right(self._firsts, sequence)
        return after > 0 and sequence <= self._lasts[after - 1]

    def see(self, sequence: int) -> bool:
        """Count message `sequence`; False when it had already come."""
        firsts, lasts = self._firsts, self._lasts
        after = bisect_right(firsts, sequence)
        if after and sequence <= lasts[after - 1]:
            self.duplicate += 1
            return False
        joins_left = after > 0 and lasts[after - 1] + 1 == sequence
        joins_right = after < len(firsts) and sequence + 1 == firsts[after]
        if joins_left and joins_right:
            lasts[after - 1] = lasts[after]
            del firsts[after], lasts[after]
        elif joins_left:
            lasts[after - 1] = sequence
        elif joins_right:
            firsts[after] = sequence
        else:
            firsts.insert(after, sequence)
            lasts.insert(after, sequence)
            if len(firsts) > self._max_runs:
                del firsts[1], lasts[0]
        self.received += 1
        self.sent = max(self.sent, sequence + 1)
        return True

    def end(self, sent: int) -> None:
        """The sender says that it has sent `sent` messages in all."""
        self.ended = True
        self.sent = max(self.sent, sent)

    @property
    def upto(self) -> int:
        """The first message that has not come: all before it have."""
        return self._lasts[0] + 1 if self._firsts and self._firsts[0] == 0 else 0

    @property
    def lost(self) -> int:
        """Messages known to have been sent that did not arrive."""
        return self.sent - self.received

    def record(self) -> dict[str, int | bool]:
        """The counts as they stand in the results."""
        counts = {"sent": self.sent, "received": self.received, "lost": self.lost, "duplicate": self.duplicate}
        return {**counts, "ended": self.ended}

    def state(self) -> dict[str, Any]:
        """All of it, for `restored`."""
        return {**self.record(), "firsts": self._firsts.tolist(), "lasts": self._lasts.tolist()}

    @classmethod
    def restored(cls, state: dict[str, Any]) -> "StreamCount":
        """The count that `state` came from."""
        count = cls()
        count.ended, count.sent, count.received = state["ended"], state["sent"], state["received"]
        count.duplicate = state["duplicate"]
        count._firsts, count._lasts = array("Q", state["firsts"]), array("Q", state["lasts"])
        return count
