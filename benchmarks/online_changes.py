"""What changes under the denoiser: another encoder in mid-stream, other content."""

import random
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from gvc.content.clips import find_clip
from gvc.video.clip import Clip
from models.stages import FrameEncoder

CLIP = "bikes.mp4"
_LETTERS = "abcdefghijklmnopqrstuvwxyz      ,.ABCDEFGH0123456789(){}=+-"


class ChangingEncoder:
    """The encoder of one preset up to frame `at`, from there on that of preset `other`."""

    other = "default"
    at = 0

    def __init__(self, **options: Any):
        self._first = FrameEncoder(**options)
        self._second = FrameEncoder(**{**options, "preset": self.other})
        self._rehearsed = False
        self._frames = 0
        self.latents = self._first.latents

    def encode(self, frame: np.ndarray) -> np.ndarray:
        """As FrameEncoder. The first call is the graph's rehearsal and does not count."""
        if not self._rehearsed:
            self._rehearsed = True
            self._second.encode(frame)
            return self._first.encode(frame)
        self._frames += 1
        return (self._first if self._frames <= self.at else self._second).encode(frame)


def text_pages(count: int, seed: int, side: int = 256) -> torch.Tensor:
    """Pages of random letters, dark on light and light on dark, float [count, 3, side, side] in 0..1."""
    draw = random.Random(seed)
    pages = []
    for _ in range(count):
        paper, ink = draw.choice([("#ffffff", "#141414"), ("#fafaf0", "#202030"), ("#1e1e22", "#dcdcd2")])
        page = Image.new("RGB", (side, side), paper)
        pen = ImageDraw.Draw(page)
        size = draw.choice([9, 11, 13])
        if draw.random() < 0.7:
            pen.rectangle((0, 0, side, 16), fill=tuple(draw.randrange(256) for _ in range(3)))
        for top in range(20, side - size, size + 3):
            line = "".join(draw.choices(_LETTERS, k=draw.randrange(5, 46)))
            pen.text((draw.choice([4, 4, 4, 20]), top), line, font=ImageFont.load_default(size=size), fill=ink)
        pages.append(torch.from_numpy(np.array(page)).permute(2, 0, 1).float() / 255)
    return torch.stack(pages)


def long_clip(path: Path, size: tuple[int, int], frames: int) -> Path:
    """Write `frames` lossless frames of CLIP, over and over, at 25 frames a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, "bgr0"
        written = 0
        while written < frames:
            for picture in Clip(find_clip(CLIP), size, frames - written):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
                written += 1
        container.mux(stream.encode())
    return path
