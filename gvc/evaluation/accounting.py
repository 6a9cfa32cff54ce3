"""Sequence numbers: what a stream sent, what arrived, what did not."""

from dataclasses import dataclass, field


@dataclass
class StreamCount:
    """Messages of one stream. `sent` is exact after its end, before that the least it can be.

    sent = received + lost holds at all times.
    """

    ended: bool = False
    sent: int = 0
    duplicate: int = 0
    _runs: list[list[int]] = field(default_factory=list, repr=False)

    def see(self, sequence: int) -> bool:
        """Count message `sequence`; False when it had already come.

        Memory grows with the number of gaps, not of messages.
        """
        if any(first <= sequence <= last for first, last in reversed(self._runs)):
            self.duplicate += 1
            return False
        self._runs.append([sequence, sequence])
        self._runs.sort()
        merged = [self._runs[0]]
        for run in self._runs[1:]:
            if run[0] == merged[-1][1] + 1:
                merged[-1][1] = run[1]
            else:
                merged.append(run)
        self._runs = merged
        self.sent = max(self.sent, self._runs[-1][1] + 1)
        return True

    def end(self, sent: int) -> None:
        """The sender says that it has sent `sent` messages in all."""
        self.ended = True
        self.sent = max(self.sent, sent)

    @property
    def received(self) -> int:
        """Distinct messages that arrived."""
        return sum(last - first + 1 for first, last in self._runs)

    @property
    def lost(self) -> int:
        """Messages known to have been sent that did not arrive."""
        return self.sent - self.received

    def record(self) -> dict[str, int | bool]:
        """The counts as they stand in the results."""
        counts = {"sent": self.sent, "received": self.received, "lost": self.lost, "duplicate": self.duplicate}
        return {**counts, "ended": self.ended}
