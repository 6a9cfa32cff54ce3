"""Which codecs are here, for a run's record."""

import re
import subprocess
from fractions import Fraction
from functools import cache

_TOLD = {
    "libx264": ({}, rb"x264 - core (\d+)"),
    "libx265": ({"x265-params": "log-level=none"}, rb"x265 \(build (\d+)\)"),
}
"""Encoder: its options, and how its first packet states what it is."""


@cache
def codec_versions() -> dict[str, str | None]:
    """Versions of FFmpeg's libraries inside PyAV, of the encoders there that state one in their stream, and of the
    program of imageio-ffmpeg; None where absent. The others (SVT-AV1, VVenC) come pinned with the packages.
    """
    found: dict[str, str | None] = {"libavcodec": None, "libavformat": None, **dict.fromkeys(_TOLD), "ffmpeg": None}
    try:
        import av
    except ImportError:
        return found
    found |= {name: ".".join(map(str, av.library_versions.get(name, ()))) or None for name in found if "libav" in name}
    found |= {name: _stated(name) for name in _TOLD}
    try:
        import imageio_ffmpeg

        found["ffmpeg"] = str(imageio_ffmpeg.get_ffmpeg_version())
    except (ImportError, RuntimeError, OSError, subprocess.SubprocessError):
        pass
    return found


def _stated(name: str) -> str | None:
    """What encoder `name` says of itself in the first packet of a black picture."""
    import av

    options, pattern = _TOLD[name]
    try:
        context = av.CodecContext.create(name, "w")
        if not isinstance(context, av.VideoCodecContext):
            return None
        context.width = context.height = 64
        context.pix_fmt, context.time_base, context.options = "yuv420p", Fraction(1, 25), options
        picture = av.VideoFrame(64, 64, "yuv420p")
        picture.pts = 0
        data = b"".join(bytes(packet) for packet in [*context.encode(picture), *context.encode(None)])
    except (av.FFmpegError, ValueError):
        return None
    said = re.search(pattern, data)
    return said.group(1).decode() if said else None
