"""Decoding of access units in a process of their own: no bytes received can take this one down.

`python -m gvc.coding.codec.decoder FD PARENT` is that process: it answers requests over a socket until it is closed, or
its parent is gone.
"""

import contextlib
import os
import socket
import struct
import subprocess
import sys
import threading
from multiprocessing.connection import Connection
from typing import cast

import numpy as np

from gvc.child import end_with_parent
from gvc.errors import LinkError, ParseError

LIBRARY = {"x264": "h264", "x265": "hevc", "av1": "libdav1d", "vvc": "vvc", "jpeg": "mjpeg", "avif": "libdav1d"}
STILLS = ("jpeg", "avif")
DEADLINE_S = 20.0
MOST_MEMORY = 4 << 30
_REQUEST = struct.Struct("<6sHHH")
_UNIT = struct.Struct("<BI")


class DecoderProcess:
    """One decoder process, started when first asked and again after a crash or a hang."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen | None = None
        self._wire: Connection | None = None

    @property
    def pid(self) -> int | None:
        """Process id; None before the first picture."""
        return self._process.pid if self._process is not None else None

    def decode(self, codec: str, units: list[tuple[int, bytes]], height: int, width: int) -> dict[int, np.ndarray]:
        """Pictures uint8 [height, width, 3] by their number, of the access units (number, bytes) in decoding order.

        What cannot be decoded is missing. Raises ParseError when the decoder crashed or took longer than its deadline,
        LinkError when it cannot be started.
        """
        request = _REQUEST.pack(codec.encode(), len(units), height, width)
        request += b"".join(_UNIT.pack(number, len(unit)) + unit for number, unit in units)
        with self._lock:
            wire = self._ready()
            try:
                wire.send_bytes(request)
                if not wire.poll(DEADLINE_S):
                    raise ParseError(f"decoding {codec} took longer than {DEADLINE_S:g} s")
                numbers = wire.recv_bytes()
                pixels = wire.recv_bytes()
            except (EOFError, OSError) as error:
                self._stop()
                raise ParseError(f"the {codec} decoder crashed on these bytes") from error
            except ParseError:
                self._stop()
                raise
        pictures = np.frombuffer(pixels, np.uint8).reshape(len(numbers), height, width, 3)
        return dict(zip(numbers, pictures, strict=True))

    def _ready(self) -> Connection:
        if self._wire is None or self._process is None or self._process.poll() is not None:
            self._stop()
            ours, theirs = socket.socketpair()
            command = [sys.executable, "-P", "-m", "gvc.coding.codec.decoder", str(theirs.fileno()), str(os.getpid())]
            # The child must find this package wherever the caller was started from.
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
            with theirs:
                self._process = subprocess.Popen(
                    command, pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.DEVNULL
                )
            self._wire = Connection(ours.detach())
            if not self._wire.poll(60):
                self._stop()
                raise LinkError("the decoder process did not start within 60 s")
            try:
                self._wire.recv_bytes()
            except EOFError as error:
                self._stop()
                raise LinkError("the decoder process ended at its start; its message is above") from error
        return self._wire

    def _stop(self) -> None:
        if self._wire is not None:
            self._wire.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = self._wire = None


DECODER = DecoderProcess()
"""The process that all codecs here share; it ends with this one, whose end of the socket closes."""


def decode_units(codec: str, units: list[tuple[int, bytes]], height: int, width: int) -> dict[int, np.ndarray]:
    """As `DecoderProcess.decode`, in this process; what FFmpeg refuses is skipped."""
    from gvc.coding.codec.syntax import restore

    whole = [(number, restore(codec, unit)) for number, unit in units]
    if codec not in STILLS:
        return _decode_sequence(codec, whole, height, width)
    pictures: dict[int, np.ndarray] = {}
    for unit in whole:
        pictures |= _decode_sequence(codec, [unit], height, width)
    return pictures


def _decode_sequence(codec: str, units: list[tuple[int, bytes]], height: int, width: int) -> dict[int, np.ndarray]:
    import av

    from gvc.coding.codec.colour import to_rgb

    context = cast("av.VideoCodecContext", av.CodecContext.create(LIBRARY[codec], "r"))
    context.thread_count = 1
    context.options = {"max_pixels": str(8 * height * width + 65536), "err_detect": "explode"}
    frames = []
    # What was decoded before the damage stays, and what the decoder still holds back for the order of display.
    with contextlib.suppress(av.FFmpegError, ValueError):
        for number, unit in units:
            packet = av.Packet(unit)
            packet.pts = number
            frames += context.decode(packet)
    with contextlib.suppress(av.FFmpegError, ValueError):
        frames += context.decode(None)
    shape = None
    sound: list[tuple[int, av.VideoFrame]] = []
    for frame in frames:
        its_shape = frame.width, frame.height, frame.format.name
        shape = shape or its_shape
        if frame.pts is not None and 0 <= frame.pts < 256 and not frame.is_corrupt and its_shape == shape:
            sound.append((frame.pts, frame))
    colour = ("bt601", "pc") if codec == "jpeg" else ("bt709", "tv")
    try:
        shown = list(to_rgb([frame for _, frame in sound], width, height, *colour))
    except (av.FFmpegError, ValueError):
        return {}
    return dict(zip([number for number, _ in sound], shown, strict=True))


def main(descriptor: int) -> None:
    import resource

    import av

    av.logging.set_level(None)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    wire = Connection(descriptor)
    wire.send_bytes(b"ready")
    while True:
        try:
            request = wire.recv_bytes()
        except EOFError:
            return
        codec, count, height, width = _REQUEST.unpack_from(request)
        units, place = [], _REQUEST.size
        for _ in range(count):
            number, length = _UNIT.unpack_from(request, place)
            place += _UNIT.size
            units.append((number, request[place : place + length]))
            place += length
        pictures = decode_units(codec.rstrip(b"\0").decode(), units, height, width)
        wire.send_bytes(bytes(pictures))
        wire.send_bytes(b"".join(np.ascontiguousarray(picture).tobytes() for picture in pictures.values()))


if __name__ == "__main__":
    end_with_parent(int(sys.argv[2]))
    main(int(sys.argv[1]))
