"""The sending end of the evaluation socket: lossless, bounded, and never waiting for ever."""

import contextlib
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable

import numpy as np
import zmq

from gvc.errors import InputError, LinkError, ParseError
from gvc.evaluation.service import endpoint as endpoints
from gvc.evaluation.service.wire import Answer, Flag, FrameMessage, Kind, decode_answer, encode

WINDOW = 8
"""Messages that the evaluator has not acknowledged yet; the next send waits."""
PATIENCE_S = 45.0
"""How long the evaluator may take nothing before the run is given up."""
SAY_S = 5.0
"""Waiting longer than this is told."""
ASK_S = 0.5
"""Without an answer for so long, the evaluator is asked how much it has: it may be a new one."""


class Sender:
    """One stream of frames to the evaluator, numbered from 0 and signed with its token.

    Every message is kept until the evaluator has acknowledged it, at most `WINDOW` of them: then `send` waits
    (back-pressure). When the evaluator is killed and started again at the same endpoint, what it lacks is sent again.
    Nothing taken for `timeout_s` raises LinkError. Calls may come from several threads.

    Args:
        endpoint: tcp://HOST:PORT or ipc://PATH.
        token: that the evaluator was given or has printed; None takes GVC_EVALUATOR_TOKEN of the environment.
        timeout_s: patience with an evaluator that takes nothing.
        stream: identity; None draws one.
        check: called while waiting; raises when waiting is in vain, for example since the evaluator has died.
        tell: is given a sentence when the wait becomes long.

    Raises LinkError when no evaluator with this token answers at `endpoint` within `timeout_s`, InputError for a
    malformed endpoint or without a token.
    """

    def __init__(
        self,
        endpoint: str,
        token: bytes | None = None,
        timeout_s: float = PATIENCE_S,
        stream: int | None = None,
        check: Callable[[], None] = lambda: None,
        tell: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        endpoints.split(endpoint)
        key = endpoints.token_of_environment() if token is None else token
        if key is None:
            raise InputError(
                f"the evaluator at {endpoint} takes signed frames alone: set {endpoints.TOKEN_VARIABLE} to its token"
            )
        self.endpoint = endpoint
        self.timeout_s = timeout_s
        self.stream = int.from_bytes(os.urandom(8), "little") if stream is None else stream
        self.sent = 0
        self._key = key
        self._check, self._tell = check, tell
        self._window: deque[bytes] = deque()
        self._taken = 0
        self._ended = False
        self._heard = self._questions = self._resent = 0
        self._asked_at: dict[int, int] = {}
        self._lock = threading.Lock()
        self._finished = False
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        # Twice the window, for what is sent again, and a window of questions.
        self._socket.setsockopt(zmq.SNDHWM, 3 * WINDOW)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.RECONNECT_IVL, 50)
        self._socket.setsockopt(zmq.RECONNECT_IVL_MAX, 500)
        try:
            self._connect()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Sender":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def send_reference(self, frame_id: int, pixels: np.ndarray, sent_at: float = math.nan) -> None:
        """Send the original picture of `frame_id`, uint8 [height, width, 3]."""
        self.send(FrameMessage(0, 0, Kind.REFERENCE, frame_id, sent_at=sent_at, pixels=pixels))

    def send_decoded(
        self,
        frame_id: int,
        arm: str,
        pixels: np.ndarray,
        mode: int = 0,
        concealed: bool = False,
        sent_at: float = math.nan,
        displayed_at: float = math.nan,
    ) -> None:
        """Send the picture that `arm` displays for `frame_id`, uint8 [height, width, 3].

        `concealed`: the frame was lost, and the picture stands in for it; it counts as lost.
        """
        flags = Flag.LOST | Flag.CONCEALED if concealed else Flag.NONE
        self.send(FrameMessage(0, 0, Kind.DECODED, frame_id, arm, mode, flags, sent_at, displayed_at, pixels))

    def send_lost(self, frame_id: int, arm: str) -> None:
        """Say that nothing of `frame_id` was recovered: the evaluator displays the previous picture."""
        self.send(FrameMessage(0, 0, Kind.DECODED, frame_id, arm, flags=Flag.LOST))

    def send(self, message: FrameMessage) -> None:
        """Send `message` under this stream's own identity and next sequence number.

        Raises LinkError when the evaluator has taken nothing for `timeout_s`; the message then counts as not sent.
        """
        if message.kind not in (Kind.REFERENCE, Kind.DECODED):
            raise InputError("an end of stream is sent by finish()")
        with self._lock:
            if self._finished:
                raise LinkError("the stream to the evaluator is already closed")
            data = self._signed(message, self.sent)
            self._listen()
            self._wait(lambda: len(self._window) < WINDOW, Kind.ASK)
            self._window.append(data)
            self.sent += 1
            self._put(data)

    def finish(self) -> int:
        """Send the end of the stream, wait until the evaluator has said that it has everything, close; the count of
        frames sent.

        Raises LinkError when the evaluator has not taken everything, and nothing more for `timeout_s`.
        """
        with self._lock:
            if self._finished:
                raise LinkError("the stream to the evaluator is already closed")
            try:
                self._question(Kind.END)
                self._wait(lambda: self._ended and self._taken == self.sent, Kind.END)
            finally:
                self.close()
        return self.sent

    def close(self) -> None:
        """Drop what is still queued and free the socket."""
        self._finished = True
        if not self._context.closed:
            self._socket.close(linger=0)
            self._context.term()

    def _connect(self) -> None:
        try:
            self._socket.connect(self.endpoint)
        except zmq.ZMQError as error:
            raise InputError(
                f"'{self.endpoint}' is no endpoint ({error}); give tcp://HOST:PORT or ipc://PATH"
            ) from error
        self._question(Kind.ASK)
        deadline = time.monotonic() + self.timeout_s
        while not self._heard:
            if time.monotonic() > deadline:
                raise LinkError(
                    f"no evaluator at {self.endpoint} answered within {self.timeout_s:g} s; is it running, and is this "
                    "its token?"
                )
            self._check()
            self._listen(0.1)

    def _wait(self, done: Callable[[], bool], question: Kind) -> None:
        """Until `done()`; the patience starts anew whenever the evaluator takes something."""
        moved = asked = told = time.monotonic()
        before = self._taken
        while not done():
            self._check()
            answered = self._listen(0.1)
            now = time.monotonic()
            if self._taken != before:
                before, moved, told = self._taken, now, now
            if answered:
                asked = now
            elif now - asked >= ASK_S:
                self._question(question)
                asked = now
            if now - told >= SAY_S:
                told = now
                self._tell(
                    f"waiting for the evaluator: it has taken nothing for {now - moved:.0f} s, and the run is given up "
                    f"after {self.timeout_s:g}"
                )
            if now - moved > self.timeout_s:
                raise LinkError(
                    f"the evaluator at {self.endpoint} took nothing for {self.timeout_s:g} s and left "
                    f"{self.sent - self._taken} messages untaken; is it still running?"
                )

    def _listen(self, wait_s: float = 0.0) -> bool:
        """Take the answers that are there, waiting for the first; whether there was one."""
        heard = False
        while self._socket.poll(0 if heard else int(1000 * wait_s)):
            try:
                answer = decode_answer(self._socket.recv(), self._key)
            except ParseError:
                continue
            if answer.stream == self.stream:
                heard = True
                self._note(answer)
        return heard

    def _note(self, answer: Answer) -> None:
        self._heard += 1
        self._ended = answer.ended
        while self._taken < min(answer.upto, self.sent):
            self._window.popleft()
            self._taken += 1
        if answer.question and answer.upto < self._taken:
            raise LinkError(f"the evaluator at {self.endpoint} has forgotten what it had taken: it is another one")
        if answer.question > self._resent and self._asked_at.get(answer.question, 0) > answer.upto:
            # Messages keep their order: what came before this question and is not there went down with an evaluator.
            self._resent = self._questions
            for data in self._window:
                self._put(data)

    def _question(self, kind: Kind) -> None:
        """Ask for an answer, or end the stream."""
        self._questions += 1
        self._asked_at = {n: upto for n, upto in self._asked_at.items() if n > self._questions - WINDOW}
        self._asked_at[self._questions] = self.sent
        self._put(self._signed(FrameMessage(0, 0, kind, self._questions), self.sent))

    def _signed(self, message: FrameMessage, sequence: int) -> bytes:
        return encode(
            FrameMessage(
                self.stream,
                sequence,
                message.kind,
                message.frame_id,
                message.arm,
                message.mode,
                message.flags,
                message.sent_at,
                message.displayed_at,
                message.pixels,
            ),
            self._key,
        )

    def _put(self, data: bytes) -> None:
        # A full queue drops it: what is in the window is sent again, and a question asked again.
        with contextlib.suppress(zmq.Again):
            self._socket.send(data, zmq.DONTWAIT, copy=False)
