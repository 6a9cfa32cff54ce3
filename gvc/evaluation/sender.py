"""The sending end of the evaluation socket: lossless, bounded, and never waiting for ever."""

import math
import os
import threading
import time

import numpy as np
import zmq

from gvc.errors import InputError, LinkError
from gvc.evaluation.wire import Flag, FrameMessage, Kind, encode

HIGH_WATER_MARK = 8
"""Messages held while the evaluator is busy or away; the next send waits."""
TICKS_S = 0.01
"""ZeroMQ counts a linger in cached milliseconds and may end it that much early."""


class Sender:
    """One stream of frames to the evaluator, numbered from 0.

    A full queue makes `send` wait (back-pressure); after `timeout_s` it raises LinkError. When the evaluator is
    killed and started again at the same endpoint, queued messages go to the new one; those that were on the wire
    are missing from its sequence numbers and counted there. Calls may come from several threads.

    Raises LinkError when nobody listens at `endpoint` within `timeout_s`, InputError for a malformed endpoint.
    """

    def __init__(self, endpoint: str, timeout_s: float = 10.0, stream: int | None = None) -> None:
        self.endpoint = endpoint
        self.timeout_s = timeout_s
        self.stream = int.from_bytes(os.urandom(8), "little") if stream is None else stream
        self.sent = 0
        self._lock = threading.Lock()
        self._finished = False
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PUSH)
        self._socket.setsockopt(zmq.SNDHWM, HIGH_WATER_MARK)
        self._socket.setsockopt(zmq.SNDTIMEO, max(1, int(1000 * timeout_s)))
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
        self._send(Kind.REFERENCE, frame_id, pixels=pixels, sent_at=sent_at)

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
        self._send(Kind.DECODED, frame_id, arm, mode, flags, sent_at, displayed_at, pixels)

    def send_lost(self, frame_id: int, arm: str) -> None:
        """Say that nothing of `frame_id` was recovered: the evaluator displays the previous picture."""
        self._send(Kind.DECODED, frame_id, arm, flags=Flag.LOST)

    def send(self, message: FrameMessage) -> None:
        """Send `message` under this stream's own identity and next sequence number."""
        if message.kind == Kind.END:
            raise InputError("an end of stream is sent by finish()")
        self._send(
            message.kind,
            message.frame_id,
            message.arm,
            message.mode,
            message.flags,
            message.sent_at,
            message.displayed_at,
            message.pixels,
        )

    def finish(self) -> int:
        """Send the end of the stream, wait until all is handed over, close; the count of frames sent.

        Raises LinkError when the evaluator has not taken everything within `timeout_s`.
        """
        with self._lock:
            self._put(FrameMessage(self.stream, self.sent, Kind.END))
            self._finished = True
        linger_ms = max(1, int(1000 * self.timeout_s))
        started = time.monotonic()
        self._socket.close(linger=linger_ms)
        self._context.term()
        if time.monotonic() - started >= linger_ms / 1000 - TICKS_S:
            raise LinkError(f"the evaluator at {self.endpoint} left messages untaken for {self.timeout_s:g} s")
        return self.sent

    def close(self) -> None:
        """Drop what is still queued and free the socket."""
        self._finished = True
        if not self._context.closed:
            self._socket.close(linger=0)
            self._context.term()

    def _connect(self) -> None:
        monitor = self._socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        try:
            self._socket.connect(self.endpoint)
            if not monitor.poll(int(1000 * self.timeout_s)):
                raise LinkError(f"no evaluator at {self.endpoint} after {self.timeout_s:g} s; is it running?")
        except zmq.ZMQError as error:
            raise InputError(
                f"'{self.endpoint}' is no endpoint ({error}); give tcp://HOST:PORT or ipc://PATH"
            ) from error
        finally:
            self._socket.disable_monitor()
            monitor.close(linger=0)

    def _send(
        self,
        kind: Kind,
        frame_id: int,
        arm: str = "",
        mode: int = 0,
        flags: Flag = Flag.NONE,
        sent_at: float = math.nan,
        displayed_at: float = math.nan,
        pixels: np.ndarray | None = None,
    ) -> None:
        with self._lock:
            message = FrameMessage(
                self.stream, self.sent, kind, frame_id, arm, mode, flags, sent_at, displayed_at, pixels
            )
            self._put(message)
            self.sent += 1

    def _put(self, message: FrameMessage) -> None:
        if self._finished:
            raise LinkError("the stream to the evaluator is already closed")
        try:
            self._socket.send(encode(message), copy=False)
        except zmq.Again as error:
            raise LinkError(
                f"the evaluator at {self.endpoint} took nothing for {self.timeout_s:g} s; is it still running?"
            ) from error
