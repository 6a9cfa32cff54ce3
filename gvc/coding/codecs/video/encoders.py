"""The encoders: pictures at one quantiser setting to access units. One thread each, so that bytes are repeatable."""

import io
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import av
import numpy as np
from PIL import Image

from gvc.coding.codecs.video.colour import TIME_BASE, to_ycbcr
from gvc.coding.codecs.video.syntax import strip
from gvc.errors import InputError, LinkError
from gvc.video.ffmpeg import ffmpeg

Units = list[tuple[int, bytes]]
DEADLINE_S_PER_MEGAPIXEL = 60.0


class Encoder(Protocol):
    """qualities: the quantiser settings, best to worst. Where one from number `coarse` on is needed, coding smaller
    pictures may be better. least_side: pixels a side of the smallest pictures that the library takes.
    """

    @property
    def qualities(self) -> Sequence[float]: ...

    @property
    def coarse(self) -> int: ...

    @property
    def least_side(self) -> int: ...

    def encode(self, pictures: np.ndarray, size: tuple[int, int], quality: float, preset: str) -> Units:
        """uint8 [n, h, w, 3] coded at size (width, height) -> (number, access unit) in decoding order.

        Raises InputError when the library is missing, LinkError when it fails.
        """


@dataclass(frozen=True)
class Library:
    """An encoder of PyAV: `options` by preset, in which {q} stands for the quantiser setting.

    Ten bits a sample, though the pictures have eight, save 2 to 10 % of the bytes (benchmarks.codecs); stills, none.
    """

    name: str
    codec: str
    qualities: Sequence[float]
    coarse: int
    options: dict[str, dict[str, str]]
    least_side: int = 32
    pixel_format: str = "yuv420p10le"

    def encode(self, pictures: np.ndarray, size: tuple[int, int], quality: float, preset: str) -> Units:
        """See `Encoder.encode`."""
        try:
            context = cast(av.VideoCodecContext, av.CodecContext.create(self.codec, "w"))
        except (av.FFmpegError, ValueError) as error:
            raise InputError(f"PyAV has no {self.codec}: install the wheel of av (./testbed setup)") from error
        context.width, context.height = size
        context.pix_fmt, context.time_base, context.framerate = self.pixel_format, TIME_BASE, 1 / TIME_BASE
        context.gop_size, context.thread_count = 9999, 1
        context.options = {key: value.format(q=f"{quality:g}") for key, value in self.options[preset].items()}
        packets = []
        try:
            with ordinary_scheduling() as restore:
                for frame in to_ycbcr(pictures, *size, self.pixel_format):
                    packets += context.encode(frame)
                    restore()
                packets += context.encode(None)
        except av.FFmpegError as error:
            raise LinkError(f"{self.codec} failed at {size[0]}x{size[1]}: {error.strerror}") from error
        return [(packet.pts or 0, strip(self.name, bytes(packet))) for packet in packets]


@contextmanager
def ordinary_scheduling() -> Iterator[Callable[[], None]]:
    """Keep this process's threads out of real-time scheduling, where SVT-AV1 puts them and the calling one when it runs
    as root: everything else on the machine would wait. Call what this gives after the encoder has opened.
    """
    tasks = Path("/proc/self/task")
    chosen = {int(task.name): os.sched_getscheduler(int(task.name)) for task in tasks.iterdir()}

    def restore() -> None:
        for task in map(int, os.listdir(tasks)):
            try:
                if chosen.get(task, os.SCHED_OTHER) == os.SCHED_OTHER != os.sched_getscheduler(task):
                    os.sched_setscheduler(task, os.SCHED_OTHER, os.sched_param(0))
            except ProcessLookupError:
                # A thread that has just ended.
                continue

    try:
        yield restore
    finally:
        restore()


class Vvenc:
    """VVenC out of the FFmpeg program, as PyAV has no encoder for VVC. What is displayed first is coded first."""

    qualities = range(1, 64)
    coarse = 38
    least_side = 32
    # Below this quantiser VVenC refuses pictures that would take more bytes than raw ones, such as noise.
    _SURE = 32
    _STRUCTURE = {
        "random-access": "intraperiod=9999:poc0idr=1:gopsize=16",
        "low-delay": "intraperiod=9999:picreordering=0:gopsize=8:decodingrefreshtype=none",
    }

    def encode(self, pictures: np.ndarray, size: tuple[int, int], quality: float, preset: str) -> Units:
        """See `Encoder.encode`."""
        n, height, width = pictures.shape[:3]
        scale = f"scale={size[0]}:{size[1]}:flags=area+accurate_rnd+full_chroma_int+full_chroma_inp+bitexact"
        filters = f"{scale}:out_color_matrix=bt709:out_range=tv,format=yuv420p10le"
        command = [ffmpeg(), "-nostdin", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24"]
        command += ["-s", f"{width}x{height}", "-r", "25", "-i", "pipe:0", "-vf", filters, "-c:v", "libvvenc"]
        command += ["-preset", "fast", "-qpa", "0", "-qp", f"{quality:g}", "-vvenc-params", self._STRUCTURE[preset]]
        # A transport stream tells the order of display.
        command += ["-threads", "1", "-f", "mpegts", "pipe:1"]
        deadline = 60 + DEADLINE_S_PER_MEGAPIXEL * n * size[0] * size[1] / 1e6
        sent = np.ascontiguousarray(pictures).tobytes()
        try:
            done = subprocess.run(command, input=sent, capture_output=True, timeout=deadline)
        except subprocess.TimeoutExpired as error:
            raise LinkError(f"VVenC was not done after {deadline:.0f} s") from error
        if done.returncode and quality < self._SURE:
            return self.encode(pictures, size, quality + 8, preset)
        if done.returncode:
            first = done.stderr.decode("utf-8", "replace").strip().splitlines()[:1]
            raise LinkError(f"VVenC failed: {first[0] if first else f'code {done.returncode}'}")
        with av.open(io.BytesIO(done.stdout), "r", format="mpegts") as container:
            # `or 0`: the muxer writes a time on every packet that has a picture.
            packets = [(p.pts or 0, bytes(p)) for p in container.demux(container.streams.video[0]) if p.size]
        order = {pts: number for number, pts in enumerate(sorted(pts for pts, _ in packets))}
        return [(order[pts], strip("vvc", unit)) for pts, unit in packets]


class Jpeg:
    """libjpeg of Pillow, pictures one by one: 4:2:0, BT.601 full range (JFIF), Huffman tables of their own."""

    qualities = range(95, 0, -1)
    coarse = 55
    least_side = 32

    def encode(self, pictures: np.ndarray, size: tuple[int, int], quality: float, preset: str) -> Units:
        """See `Encoder.encode`."""
        units = []
        for number, picture in enumerate(pictures):
            coded = io.BytesIO()
            scaled = Image.fromarray(picture).resize(size, Image.Resampling.BOX, reducing_gap=None)
            scaled.save(coded, "JPEG", quality=quality, subsampling="4:2:0", optimize=True)
            units.append((number, coded.getvalue()))
        return units


class Stills:
    """An encoder that is given its pictures one by one."""

    def __init__(self, encoder: Encoder):
        self._encoder = encoder
        self.qualities, self.coarse, self.least_side = encoder.qualities, encoder.coarse, encoder.least_side

    def encode(self, pictures: np.ndarray, size: tuple[int, int], quality: float, preset: str) -> Units:
        """See `Encoder.encode`."""
        coded = [self._encoder.encode(picture[None], size, quality, preset) for picture in pictures]
        return [(number, units[0][1]) for number, units in enumerate(coded)]


def _quarters(best: float, worst: float) -> list[float]:
    return [best + 0.25 * step for step in range(round(4 * (worst - best)) + 1)]


_X264 = {"preset": "slow", "crf": "{q}"}
_X265 = "keyint=-1:info=0:pools=none:frame-threads=1:log-level=none"
_X265_LOW_DELAY = f"{_X265}:bframes=0:rc-lookahead=0:scenecut=0:b-adapt=0:cutree=0"
_SVT = "lp=1:keyint=-1:crf={q}"
ENCODERS: dict[str, Encoder] = {
    "x264": Library(
        "x264",
        "libx264",
        _quarters(1, 51),
        132,
        {"random-access": {**_X264, "tune": "psnr"}, "low-delay": {**_X264, "tune": "psnr,zerolatency"}},
    ),
    "x265": Library(
        "x265",
        "libx265",
        _quarters(1, 51),
        132,
        {
            "random-access": {"preset": "slow", "tune": "psnr", "crf": "{q}", "x265-params": _X265},
            "low-delay": {"preset": "slow", "tune": "psnr", "crf": "{q}", "x265-params": _X265_LOW_DELAY},
        },
        # At a width of 48 or less, x265 4.2 writes past its buffers (glibc's MALLOC_CHECK_=3 shows it).
        least_side=64,
    ),
    "av1": Library(
        "av1",
        "libsvtav1",
        _quarters(1, 70),
        208,
        {
            "random-access": {"preset": "5", "svtav1-params": _SVT},
            "low-delay": {"preset": "5", "svtav1-params": f"{_SVT}:pred-struct=1"},
        },
    ),
    "vvc": Vvenc(),
    "jpeg": Jpeg(),
    "avif": Stills(
        Library(
            "avif",
            "libsvtav1",
            _quarters(1, 70),
            208,
            dict.fromkeys(("random-access", "low-delay"), {"preset": "4", "svtav1-params": f"{_SVT}:avif=1"}),
            pixel_format="yuv420p",
        )
    ),
}

# SVT-AV1 tells its whole configuration otherwise.
os.environ.setdefault("SVT_LOG", "1")
