"""What the receiver tells the transmitter: the Es/N0 of each slot, some frames late."""

import threading

from gvc.decibel import mean_db

SLACK = 64
"""Slots by which the receiver may be ahead of who asks."""


class Feedback:
    """A feedback channel inside one process.

    Args:
        delay: slots between measuring and knowing.
        first_db: what the transmitter assumes before anything was fed back.
        window: slots averaged.
    """

    WAIT_S = 1.0

    def __init__(self, delay: int, first_db: float, window: int = 16):
        self._delay, self._first_db, self._window = delay, first_db, window
        self._condition = threading.Condition()
        self._reports: dict[int, float] = {}

    def report(self, frame_id: int, snr_db: float) -> None:
        """The receiver has measured a slot."""
        with self._condition:
            self._reports[frame_id] = snr_db
            # What no later slot will ask for is forgotten, so that a long run stays small.
            for number in [n for n in self._reports if n <= frame_id - self._window - self._delay - SLACK]:
                del self._reports[number]
            self._condition.notify_all()

    def known_db(self, slot: int, stopping: threading.Event) -> float:
        """Mean Es/N0 [dB] of the slots up to `delay` before `slot`.

        Waits for what is still on its way; a second without a report means that the slot was lost.
        """
        last = slot - max(1, self._delay)
        with self._condition:
            while last >= 0 and not any(number >= last for number in self._reports) and not stopping.is_set():
                if not self._condition.wait(self.WAIT_S):
                    break
            known = [value for number, value in self._reports.items() if last - self._window < number <= last]
        mean = mean_db(known)
        return self._first_db if mean is None else mean
