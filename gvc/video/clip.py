"""A clip as a sequence of RGB frames. Decoding is PyAV's; one frame at a time is in memory."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.filter
import numpy as np

from gvc.errors import InputError
from gvc.video.content import find_clip

_LARGEST_SIDE = 16384
_MOST_PIXELS = 8192 * 8192  # of a source picture; a false header must not take the machine's memory
_DEFAULT_FPS = 25.0  # of stills and of streams that do not say
_SLACK_S = Fraction(1, 5)  # by which a complete file may end before its stated duration
# Bit-exact scaling: the same picture on every machine.
_SCALER = "bicubic+accurate_rnd+full_chroma_int+full_chroma_inp+bitexact"


class Clip:
    """Iterating decodes from the start, each time anew, and gives uint8 [height, width, 3] RGB frames, C-contiguous.

    Attributes:
        path: the file.
        source_size, size: (width, height) of the file's pictures as shown, and of the frames given.
        fps: frames a second of the source, as the file states them.

    Raises (constructor and iteration):
        InputError: unreadable, damaged or truncated file, no picture in it.
    """

    def __init__(self, path: Path, size: tuple[int, int] | None = None, frames: int | None = None):
        self.path = path
        self._limit = frames
        self._requested = size
        first, rate = self._probe()
        self.source_size = first
        self.size = size or first
        self.fps = float(rate) if rate else _DEFAULT_FPS

    def __iter__(self) -> Iterator[np.ndarray]:
        given = 0
        scaler = None
        for frame in self._decode():
            try:
                if scaler is None or scaler.key != _key(frame):
                    scaler = _Scaler(frame, self.size)
                picture = scaler.scale(frame)
            except av.FFmpegError as error:
                raise InputError(f"'{self.path}' cannot be turned into RGB pictures: {error.strerror}") from error
            yield picture
            given += 1
            if given == self._limit:
                return

    def _probe(self) -> tuple[tuple[int, int], Fraction | None]:
        for frame in self._decode():
            size = frame.width, frame.height
            return size if _quarter_turns(frame) % 2 == 0 else size[::-1], self._rate
        raise InputError(f"'{self.path}' holds no picture that can be decoded: give a clip of at least one frame")

    def _decode(self) -> Iterator[av.VideoFrame]:
        decoded = packets = 0
        end: Fraction | None = None
        try:
            # No other protocol: a playlist must not make this program fetch or read something else.
            local_only = {"protocol_whitelist": "file"}
            with av.open(str(self.path), options=local_only, metadata_errors="replace") as container:
                streams = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
                if not streams:
                    raise InputError(f"'{self.path}' has no video stream: give a video, not sound or data alone")
                stream = streams[0]
                if stream.codec_context is None:
                    raise InputError(f"'{self.path}' is in a format without a decoder here: convert it, e.g. to MP4")
                stream.codec_context.thread_count = 1
                stream.codec_context.options = {"max_pixels": str(_MOST_PIXELS)}
                self._rate = stream.average_rate or stream.guessed_rate
                for packet in container.demux(stream):
                    packets += packet.size > 0
                    if packet.is_corrupt:
                        raise InputError(self._damaged(decoded))
                    if packet.pts is not None and packet.duration and stream.time_base:
                        end = max(end or Fraction(0), (packet.pts + packet.duration) * stream.time_base)
                    for frame in packet.decode():
                        decoded += 1
                        yield frame
                alone = len(container.streams) == 1  # else the container's duration may be another stream's
                stated = Fraction(container.duration or 0, av.time_base) if alone else 0
                if decoded and (packets < stream.frames or (end and end + _SLACK_S < stated)):
                    raise InputError(self._damaged(decoded))
        except av.FFmpegError as error:
            if decoded:
                raise InputError(self._damaged(decoded)) from error
            raise InputError(
                f"'{self.path}' cannot be read as a video ({error.strerror}): give a complete file that FFmpeg can play"
            ) from error

    def _damaged(self, decoded: int) -> str:
        advice = "get a complete file, or ask for fewer frames"
        return f"'{self.path}' is damaged or truncated after {decoded} frames: {advice}"


class _Scaler:
    """Crop to the aspect of the wanted size about the centre, scale, convert to RGB, turn; for one kind of frame."""

    def __init__(self, frame: av.VideoFrame, size: tuple[int, int]):
        self.key = _key(frame)
        self._turns = _quarter_turns(frame)
        width, height = size if self._turns % 2 == 0 else size[::-1]
        crop_width = min(frame.width, max(1, round(frame.height * width / height)))
        crop_height = min(frame.height, max(1, round(frame.width * height / width)))
        self._graph = av.filter.Graph()
        steps = [
            self._graph.add_buffer(
                width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 1000)
            ),
            self._graph.add("crop", f"{crop_width}:{crop_height}:exact=1"),
            self._graph.add("scale", f"{width}:{height}:flags={_SCALER}"),
            self._graph.add("format", "rgb24"),
            self._graph.add("buffersink"),
        ]
        self._graph.link_nodes(*steps)
        self._graph.configure()

    def scale(self, frame: av.VideoFrame) -> np.ndarray:
        frame.pts = None
        self._graph.push(frame)
        return np.ascontiguousarray(np.rot90(self._graph.pull().to_ndarray(), self._turns))


def _key(frame: av.VideoFrame) -> tuple:
    return frame.width, frame.height, frame.format.name, frame.rotation


def _quarter_turns(frame: av.VideoFrame) -> int:
    """Counter-clockwise quarter turns that the file asks a player to make, as telephones' files do."""
    return round(frame.rotation / 90) % 4


def open_clip(path_or_name: str | Path, size: tuple[int, int] | None = None, frames: int | None = None) -> Clip:
    """Open a clip by path, or by the bare name of installed demo content.

    Args:
        path_or_name: any file that PyAV opens.
        size: (width, height) of the frames; the picture is cropped to that aspect, then scaled. None: as in the file.
        frames: at most so many frames, from the start; None: all.

    Raises InputError: no such clip, no picture in it, or an argument out of range.
    """
    if size is not None and not all(isinstance(side, int) and 1 <= side <= _LARGEST_SIDE for side in size):
        raise InputError(f"clip size {size!r}: give width and height from 1 to {_LARGEST_SIDE} pixels")
    if frames is not None and (not isinstance(frames, int) or frames < 1):
        raise InputError(f"number of frames {frames!r}: give a whole number from 1, or leave it out for the whole clip")
    return Clip(find_clip(path_or_name), size, frames)
