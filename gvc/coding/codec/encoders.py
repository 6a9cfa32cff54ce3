"""The encoders: pictures at one quantiser setting to access units. One thread each, so that bytes are repeatable."""

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from gvc.coding.codec.colour import TIME_BASE, to_ycbcr
from gvc.errors import InputError, LinkError
from gvc.evaluation.metrics.vmaf import ffmpeg

Units = list[tuple[int, bytes]]


@dataclass(frozen=True)
class Library:
    """An encoder of PyAV. options by preset; {q} is replaced by the quantiser setting, best to worst of `quality`."""

    codec: str
    quality: tuple[float, float, float]
    random_access: dict[str, str]
    low_delay: dict[str, str]
    coarse: float = 40.0

    def encode(self, pictures: np.ndarray, size: tuple[int, int], quality: float, preset: str) -> Units:
        """uint8 [n, h, w, 3] coded at size (width, height) -> (number, access unit) in decoding order."""
        options = self.random_access if preset == "random-access" else self.low_delay
        try:
            context = av.CodecContext.create(self.codec, "w")
        except (av.FFmpegError, ValueError) as error:
            raise InputError(f"PyAV has no {self.codec}: install the wheel of `av` (./testbed setup)") from error
        context.width, context.height = size
        context.pix_fmt, context.time_base, context.framerate = "yuv420p", TIME_BASE, 1 / TIME_BASE
        context.gop_size, context.thread_count = 9999, 1
        context.options = {key: value.format(q=f"{quality:g}") for key, value in options.items()}
        packets = []
        for frame in to_ycbcr(pictures, *size):
            packets += context.encode(frame)
        packets += context.encode(None)
        strip = _without_sei if self.codec == "libx264" else bytes
        return [(int(packet.pts), strip(packet)) for packet in packets]


_X265 = "keyint=-1:info=0:pools=none:frame-threads=1:log-level=none"
X264 = Library(
    "libx264",
    (1, 51, 0.5),
    {"preset": "slow", "tune": "psnr", "crf": "{q}"},
    {"preset": "slow", "tune": "psnr,zerolatency", "crf": "{q}"},
)
X265 = Library(
    "libx265",
    (1, 51, 0.5),
    {"preset": "slow", "tune": "psnr", "crf": "{q}", "x265-params": _X265},
    {
        "preset": "slow",
        "tune": "psnr",
        "crf": "{q}",
        "x265-params": f"{_X265}:bframes=0:rc-lookahead=0:scenecut=0:b-adapt=0:cutree=0",
    },
)
SVT_AV1 = Library(
    "libsvtav1",
    (1, 63, 1),
    {"preset": "5", "crf": "{q}", "svtav1-params": "lp=1:keyint=-1"},
    {"preset": "5", "crf": "{q}", "svtav1-params": "lp=1:keyint=-1:pred-struct=1"},
    coarse=55,
)


def _without_sei(packet: av.Packet) -> bytes:
    """An H.264 access unit without supplemental information: x264 writes its whole configuration there."""
    units = [unit.rstrip(b"\0") for unit in bytes(packet).split(b"\0\0\1")[1:]]
    return b"".join(b"\0\0\1" + unit for unit in units if unit[0] & 31 != 6)


class Vvenc:
    """VVenC out of the FFmpeg binary of imageio-ffmpeg; PyAV has no encoder for VVC."""

    codec = "libvvenc"
    quality = (1, 63, 1)
    coarse = 44.0

    def encode(self, pictures: np.ndarray, size: tuple[int, int], quality: float, preset: str) -> Units:
        """As `Library.encode`."""
        n, height, width = pictures.shape[:3]
        scale = f"scale={size[0]}:{size[1]}:flags=area+accurate_rnd+full_chroma_int+full_chroma_inp+bitexact"
        filters = f"{scale}:out_color_matrix=bt709:out_range=tv,format=yuv420p10le"
        if preset != "random-access":
            raise InputError("vvc is offered with preset random-access alone: this VVenC has no low-delay structure")
        with tempfile.TemporaryDirectory() as folder:
            coded = Path(folder) / "coded.ts"
            command = [ffmpeg(), "-nostdin", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24"]
            command += ["-s", f"{width}x{height}", "-r", "25", "-i", "pipe:0", "-vf", filters, "-c:v", "libvvenc"]
            command += ["-preset", "fast", "-qpa", "0", "-qp", f"{quality:g}", "-vvenc-params", "intraperiod=0"]
            command += ["-threads", "1", "-f", "mpegts", str(coded)]
            done = subprocess.run(command, input=np.ascontiguousarray(pictures).tobytes(), capture_output=True)
            if done.returncode:
                last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
                raise LinkError(f"VVenC failed: {last[0] if last else f'code {done.returncode}'}")
            with av.open(str(coded)) as container:
                stream = container.streams.video[0]
                packets = [(p.pts, bytes(p)) for p in container.demux(stream) if p.size]
        order = {pts: number for number, pts in enumerate(sorted(pts for pts, _ in packets))}
        return [(order[pts], unit) for pts, unit in packets]


ENCODERS: dict[str, Library | Vvenc] = {"x264": X264, "x265": X265, "av1": SVT_AV1, "vvc": Vvenc()}

# SVT-AV1 tells its whole configuration otherwise.
os.environ.setdefault("SVT_LOG", "1")
