"""RGB pictures to the video codecs' YCbCr and back: 4:2:0, BT.709, limited range, scaled by FFmpeg's swscale."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import av.filter
import numpy as np

_EXACT = "accurate_rnd+full_chroma_int+full_chroma_inp+bitexact"
TIME_BASE = Fraction(1, 25)


def to_ycbcr(pictures: np.ndarray, width: int, height: int, pixel_format: str) -> list[av.VideoFrame]:
    """uint8 [n, h, w, 3] RGB -> n frames of width x height, numbered by their pts; area averaging where smaller."""
    sent = (av.VideoFrame.from_ndarray(picture, format="rgb24") for picture in pictures)
    scale = f"{width}:{height}:flags=area+{_EXACT}:out_color_matrix=bt709:out_range=tv"
    return list(_through(sent, pictures.shape[2], pictures.shape[1], "rgb24", scale, pixel_format))


def to_rgb(
    frames: Iterable[av.VideoFrame], width: int, height: int, matrix: str = "bt709", levels: str = "tv"
) -> Iterator[np.ndarray]:
    """Decoded frames of one size and format -> uint8 [height, width, 3] each; Lanczos where larger.

    matrix and levels are swscale's names of the frames' own, whatever the frames say.
    """
    scale = f"{width}:{height}:flags=lanczos+{_EXACT}:in_color_matrix={matrix}:in_range={levels}"
    frames = list(frames)
    if frames:
        shape = frames[0].width, frames[0].height, frames[0].format.name
        for shown in _through(frames, *shape, scale, "rgb24"):
            yield shown.to_ndarray()


def _through(
    frames: Iterable[av.VideoFrame], width: int, height: int, pixel_format: str, scale: str, wanted: str
) -> Iterator[av.VideoFrame]:
    graph = av.filter.Graph()
    source = graph.add_buffer(width=width, height=height, format=av.VideoFormat(pixel_format), time_base=TIME_BASE)
    scaler, form, sink = graph.add("scale", scale), graph.add("format", wanted), graph.add("buffersink")
    source.link_to(scaler)
    scaler.link_to(form)
    form.link_to(sink)
    graph.configure()
    for number, frame in enumerate(frames):
        frame.pts, frame.time_base = number, TIME_BASE
        graph.push(frame)
        yield graph.vpull()
