"""A clip as a sequence of RGB frames. Decoding is PyAV's; one frame at a time is in memory."""

import warnings
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.filter
import numpy as np
from av.stream import Disposition

from gvc.content.clips import find_clip
from gvc.errors import InputError
from gvc.video import picture
from gvc.video.orientation import Orientation

_LARGEST_SIDE = 16384
_DEFAULT_FPS = 25.0  # of stills and of streams that do not say
_SLACK_S = Fraction(1, 5)  # by which a complete file may end before its stated duration
_SEAM_PACKETS, _LARGEST_STEP_S = 4, 1  # a join comes so soon after a marked packet; no two pictures are further apart
# Bit-exact scaling: the same picture on every machine.
_SCALER = "bicubic+accurate_rnd+full_chroma_int+full_chroma_inp+bitexact"


class Clip:
    """Iterating decodes from the start, each time anew, and gives uint8 [height, width, 3] RGB frames, C-contiguous.

    They are as players show them: turned, mirrored and stretched as the file asks. Of several video tracks the largest
    is taken, with a warning; of several as large the one that the file marks as its default.

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
        self._picture = picture.is_picture(path)
        self._rate: Fraction | None = None
        self._aspect = Fraction(1)
        self._tracks: list[str] = []
        self.source_size = self._probe()
        self.size = size or self.source_size
        self.fps = float(self._rate) if self._rate else _DEFAULT_FPS
        if self._tracks:
            warnings.warn(f"'{path}' has {len(self._tracks)} video tracks, {', '.join(self._tracks)}", stacklevel=3)

    def __iter__(self) -> Iterator[np.ndarray]:
        given = 0
        scaler = None
        for frame in self._decode():
            try:
                if scaler is None or scaler.key != _key(frame):
                    scaler = _Scaler(frame, self.size, self._aspect)
                shown = scaler.scale(frame)
            except av.FFmpegError as error:
                raise InputError(f"'{self.path}' cannot be turned into RGB pictures: {error.strerror}") from error
            yield shown
            given += 1
            if given == self._limit:
                return

    def _probe(self) -> tuple[int, int]:
        for frame in self._decode():
            width = frame.width if self._aspect == 1 else 2 * max(1, round(frame.width * self._aspect / 2))
            return Orientation.of(frame).size(width, frame.height)
        raise InputError(f"'{self.path}' holds no picture that can be decoded: give a clip of at least one frame")

    def _decode(self) -> Iterator[av.VideoFrame]:
        if self._picture:
            yield av.VideoFrame.from_ndarray(picture.read(self.path), format="rgb24")
            return
        decoded = packets = 0
        end: Fraction | None = None
        seam = _Seam()
        try:
            # No other protocol: a playlist must not make this program fetch or read something else.
            local_only = {"protocol_whitelist": "file"}
            with av.open(file_url(self.path), options=local_only, metadata_errors="replace") as container:
                stream = self._track(container)
                stream.codec_context.thread_count = 1
                stream.codec_context.options = {"max_pixels": str(picture.MOST_PIXELS)}
                self._rate = stream.average_rate or stream.guessed_rate
                for packet in container.demux(stream):
                    packets += packet.size > 0
                    if seam.damaged(packet):
                        raise InputError(self._damaged(decoded))
                    if packet.pts is not None and packet.duration and stream.time_base:
                        end = max(end or Fraction(0), (packet.pts + packet.duration) * stream.time_base)
                    for frame in packet.decode():
                        decoded += 1
                        yield frame
                alone = len(container.streams) == 1  # else the container's duration may be another stream's
                stated = Fraction(container.duration or 0, av.time_base) if alone else 0
                short = end and end + _SLACK_S < stated
                if decoded and (seam.open or packets < _stated_packets(container, stream) or short):
                    raise InputError(self._damaged(decoded))
        except av.FFmpegError as error:
            if decoded:
                raise InputError(self._damaged(decoded)) from error
            raise InputError(
                f"'{self.path}' cannot be read as a video ({error.strerror}): give a complete file that FFmpeg can play"
            ) from error

    def _track(self, container: av.container.InputContainer) -> av.VideoStream:
        """The stream to show; remembers its aspect, and what to say where there was a choice."""
        no_film = Disposition.attached_pic | Disposition.timed_thumbnails
        streams = [s for s in container.streams.video if not s.disposition & no_film]
        if not streams:
            raise InputError(f"'{self.path}' has no video stream: give a video, not sound or data alone")
        streams = [s for s in streams if s.codec_context is not None]
        if not streams:
            raise InputError(f"'{self.path}' is in a format without a decoder here: convert it, e.g. to MP4")
        best = max(streams, key=lambda s: (s.width * s.height, bool(s.disposition & Disposition.default), -s.index))
        if len(streams) > 1:
            self._tracks = [f"{s.width}x{s.height}{' (taken)' if s is best else ''}" for s in streams]
        aspect = Fraction(best.sample_aspect_ratio or 1)
        # What no player's window holds is a false header.
        self._aspect = aspect if 1 <= best.width * aspect <= _LARGEST_SIDE else Fraction(1)
        return best

    def _damaged(self, decoded: int) -> str:
        advice = "get a complete file, or ask for fewer frames"
        return f"'{self.path}' is damaged or truncated after {decoded} frames: {advice}"


class _Seam:
    """Tells where two files were joined, at which FFmpeg marks a packet as corrupt though nothing is missing, from
    damage: a join shows as a jump in time.

    Attribute `open`: a packet was marked, and no jump has come yet.
    """

    def __init__(self) -> None:
        self.open = False
        self._since = 0
        self._last: Fraction | None = None

    def damaged(self, packet: av.Packet) -> bool:
        """Take the next packet; whether one was marked a few packets ago for no join."""
        if not packet.size:
            return False
        time = None if packet.dts is None or packet.time_base is None else packet.dts * packet.time_base
        if time is not None and self._last is not None and not 0 <= time - self._last <= _LARGEST_STEP_S:
            self.open, self._since = False, 0
        self._last = self._last if time is None else time
        self.open |= packet.is_corrupt
        self._since += self.open
        return self._since > _SEAM_PACKETS


class _Scaler:
    """Crop to the aspect of the wanted size about the centre, scale, convert to RGB, turn; for one kind of frame.

    `aspect` is that of a stored pixel, width over height.
    """

    def __init__(self, frame: av.VideoFrame, size: tuple[int, int], aspect: Fraction):
        self.key = _key(frame)
        self._orientation = Orientation.of(frame)
        width, height = self._orientation.size(*size)
        crop_width = min(frame.width, max(1, round(frame.height * width / height / aspect)))
        crop_height = min(frame.height, max(1, round(frame.width * aspect * height / width)))
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
        return self._orientation.show(self._graph.pull().to_ndarray())


def _key(frame: av.VideoFrame) -> tuple:
    return frame.width, frame.height, frame.format.name, Orientation.of(frame)


def _stated_packets(container: av.container.InputContainer, stream: av.VideoStream) -> int:
    """Of a complete file. MP4 counts those too that its edit list leaves out; its index does not."""
    return min(stream.frames, len(stream.index_entries)) if "mp4" in container.format.name else stream.frames


def file_url(path: Path) -> str:
    """The path as FFmpeg takes it for nothing but a file, whatever colons are in it."""
    return f"file:{path}"


def open_clip(path_or_name: str | Path, size: tuple[int, int] | None = None, frames: int | None = None) -> Clip:
    """Open a clip by path, or by the bare name of installed demo content.

    Args:
        path_or_name: any file that PyAV opens, or a still picture (see `gvc.video.picture`).
        size: (width, height) of the frames; the picture is cropped to that aspect, then scaled. None: as in the file.
        frames: at most so many frames, from the start; None: all.

    Raises InputError: no such clip, no picture in it, or an argument out of range.
    """
    if size is not None and not all(isinstance(side, int) and 1 <= side <= _LARGEST_SIDE for side in size):
        raise InputError(f"clip size {size!r}: give width and height from 1 to {_LARGEST_SIDE} pixels")
    if frames is not None and (not isinstance(frames, int) or frames < 1):
        raise InputError(f"number of frames {frames!r}: give a whole number from 1, or leave it out for the whole clip")
    return Clip(find_clip(path_or_name), size, frames)
