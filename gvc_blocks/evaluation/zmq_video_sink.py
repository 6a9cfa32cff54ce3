"""The viewer's end: decoded frames, and the originals beside them, to the evaluator."""

import time
from array import array
from collections.abc import Callable

from gvc.evaluation.service.sender import PATIENCE_S, Sender
from gvc_blocks.runtime.contents import DecodedFrame, VideoFrame
from gvc_blocks.runtime.flight import Flight
from gvc_blocks.runtime.guarded import GuardedBlock

LATENCIES = 100_000
"""Latencies that are kept: those of the last frames, more than an hour at 25 frames/s."""
DUE = 1024
"""Frames sent and not displayed whose times are kept; with more, the first will not come."""


class ZmqVideoSink(GuardedBlock):
    """Sends over a lossless ZMQ socket; a frame that did not come is told as lost.

    Input message `frames`: DecodedFrame. Input message `reference` (optional): VideoFrame from the source.

    Args:
        endpoint: of the evaluator, tcp://HOST:PORT or ipc://PATH; empty to send nowhere and only count and time.
        arm: name under which the decoded frames are evaluated.
        finish: end the evaluator's stream when the graph ends; else whoever built the graph calls `finish`.
        timeout_s: how long the evaluator may take nothing.

    The evaluator's token is given to `attach`, or lies in GVC_EVALUATOR_TOKEN. Raises LinkError when no evaluator with
    that token answers at the endpoint, InputError without a token.
    """

    def __init__(self, endpoint: str = "", arm: str = "jscc", finish: bool = True, timeout_s: float = PATIENCE_S):
        super().__init__("gvc zmq video sink")
        self.arm = arm
        self.flight: Flight | None = None
        self.frames_displayed = 0
        self.last_displayed_s = 0.0
        self.latencies_s = array("d")
        self.sender: Sender | None = None
        self._timeout_s = timeout_s
        self.refers = True
        self._finish_at_end = finish
        self._due: dict[int, float] = {}
        self._next = 0
        self._sent = 0
        self.receive("frames", self._display)
        self.receive("reference", self._refer, ends=False)
        if endpoint:
            self.attach(endpoint)

    def attach(
        self,
        endpoint: str,
        token: bytes | None = None,
        check: Callable[[], None] = lambda: None,
        tell: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        """Connect to an evaluator, before the start; the arguments are those of `Sender`."""
        self.sender = Sender(endpoint, token, self._timeout_s, check=check, tell=tell)

    def join(self, other: "ZmqVideoSink") -> None:
        """Send on another graph's stream, which has given the originals already."""
        self.sender, self.refers = other.sender, False

    def finish(self) -> None:
        """End the stream to the evaluator; what was sent has been taken when this returns."""
        if self.sender:
            self.sender.finish()

    def _refer(self, frame: VideoFrame) -> None:
        self._due[frame.frame_id] = frame.due_s
        if len(self._due) > DUE:
            del self._due[next(iter(self._due))]
        self._sent = frame.frame_id + 1
        if self.sender and self.refers:
            self.sender.send_reference(frame.frame_id, frame.pixels, sent_at=frame.due_s)

    def _display(self, frame: DecodedFrame) -> None:
        now = time.monotonic()
        self._lose(frame.frame_id)
        due = self._due.pop(frame.frame_id, None)
        if due is not None:
            if len(self.latencies_s) < LATENCIES:
                self.latencies_s.append(now - due)
            else:
                self.latencies_s[self.frames_displayed % LATENCIES] = now - due
        self.frames_displayed += 1
        self.last_displayed_s = now
        self._next = frame.frame_id + 1
        if self.sender:
            self.sender.send_decoded(frame.frame_id, self.arm, frame.pixels, frame.mode, displayed_at=now)
        if self.flight:
            self.flight.displayed(frame.frame_id)

    def _lose(self, until: int) -> None:
        """Frames before number `until` will not come any more."""
        for frame_id in range(self._next, until):
            self._due.pop(frame_id, None)
            if self.sender:
                self.sender.send_lost(frame_id, self.arm)

    def at_end(self) -> None:
        self._lose(self._sent)
        if self._finish_at_end:
            self.finish()
