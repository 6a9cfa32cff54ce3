"""Decoding of access units in a process of their own: no bytes received can take this one down.

`gvc.child` runs this module as that process: it answers requests until it is closed, or its parent is gone.
"""

import contextlib
import sys
import threading
from typing import cast

import numpy as np

from gvc.child import Child, Parent, Silent
from gvc.errors import GvcError, LinkError, ParseError
from gvc.message import Message

LIBRARY = {"x264": "h264", "x265": "hevc", "av1": "libdav1d", "vvc": "vvc", "jpeg": "mjpeg", "avif": "libdav1d"}
STILLS = ("jpeg", "avif")
START_S = 60.0
DEADLINE_S = 20.0
MOST_MEMORY = 4 << 30


class DecoderProcess:
    """One decoder process, started when first asked and again after a crash or a hang."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """Process id; None before the first picture."""
        return self._child.pid if self._child is not None else None

    def decode(self, codec: str, units: list[tuple[int, bytes]], height: int, width: int) -> dict[int, np.ndarray]:
        """Pictures uint8 [height, width, 3] by their number, of the access units (number, bytes) in decoding order.

        What cannot be decoded is missing. Raises ParseError when the decoder crashed or took longer than its deadline,
        LinkError when it cannot be started.
        """
        sizes = [(number, len(unit)) for number, unit in units]
        head = {"codec": codec, "height": height, "width": width, "units": sizes}
        with self._lock:
            child = self._ready()
            try:
                child.send(head, b"".join(unit for _, unit in units), DEADLINE_S)
                answer = child.receive(DEADLINE_S)
                numbers = answer.head["numbers"]
                pictures = np.frombuffer(answer.payload, np.uint8).reshape(len(numbers), height, width, 3)
            except Silent as error:
                self.close()
                raise ParseError(f"decoding {codec} took longer than {DEADLINE_S:g} s") from error
            except (GvcError, KeyError, TypeError, ValueError) as error:
                self.close()
                raise ParseError(f"the {codec} decoder crashed on these bytes: {error}") from error
        return dict(zip(numbers, pictures, strict=True))

    def _ready(self) -> Child:
        if self._child is None or self._child.code is not None:
            self.close()
            self._child = Child("gvc.coding.codecs.video.decoder", name="the decoder process", most_bytes=MOST_MEMORY)
            try:
                self._child.receive(START_S)
            except GvcError as error:
                self.close()
                raise LinkError(f"{error}, at its start") from error
        return self._child

    def close(self) -> None:
        """End the process, if there is one."""
        if self._child is not None:
            self._child.close()
        self._child = None


DECODER = DecoderProcess()
"""The process that all codecs here share; it ends with this one."""


def decode_units(codec: str, units: list[tuple[int, bytes]], height: int, width: int) -> dict[int, np.ndarray]:
    """As `DecoderProcess.decode`, in this process; what FFmpeg refuses is skipped."""
    from gvc.coding.codecs.video.syntax import restore

    whole = [(number, restore(codec, unit)) for number, unit in units]
    if codec not in STILLS:
        return _decode_sequence(codec, whole, height, width)
    pictures: dict[int, np.ndarray] = {}
    for unit in whole:
        pictures |= _decode_sequence(codec, [unit], height, width)
    return pictures


def _decode_sequence(codec: str, units: list[tuple[int, bytes]], height: int, width: int) -> dict[int, np.ndarray]:
    import av

    from gvc.coding.codecs.video.colour import to_rgb

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


def _serve(parent: Parent) -> None:
    import av

    av.logging.set_level(None)
    parent.send({"kind": "ready"})
    while (request := parent.receive()) is not None:
        pictures = _decode(request)
        pixels = b"".join(np.ascontiguousarray(picture).tobytes() for picture in pictures.values())
        parent.send({"numbers": list(pictures)}, pixels)


def _decode(request: Message) -> dict[int, np.ndarray]:
    head, payload = request
    units, place = [], 0
    for number, length in head["units"]:
        units.append((number, payload[place : place + length]))
        place += length
    return decode_units(head["codec"], units, head["height"], head["width"])


if __name__ == "__main__":
    sys.exit(Parent(MOST_MEMORY).serve(_serve))
