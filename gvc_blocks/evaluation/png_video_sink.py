"""The viewer's end without an evaluator: pictures in a folder."""

from pathlib import Path

import numpy as np
from PIL import Image

from gvc.errors import LinkError
from gvc_blocks.contents import DecodedFrame
from gvc_blocks.guarded import GuardedBlock

GREY = 128


class PngVideoSink(GuardedBlock):
    """Writes 00000.png, 00001.png, ... as displayed: a lost frame shows the previous one, else grey.

    Input message `frames`: DecodedFrame.

    Args:
        folder: existing folder for the pictures.
    """

    def __init__(self, folder: str):
        super().__init__("gvc png video sink")
        self.frames_displayed = 0
        self.frames_lost = 0
        self._folder = Path(folder)
        self._next = 0
        self._shown: np.ndarray | None = None
        self.receive("frames", self._display)

    def _display(self, frame: DecodedFrame) -> None:
        held = np.full_like(frame.pixels, GREY) if self._shown is None else self._shown
        for frame_id in range(self._next, frame.frame_id):
            self._write(frame_id, held)
            self.frames_lost += 1
        self._write(frame.frame_id, frame.pixels)
        self.frames_displayed += 1
        self._next = frame.frame_id + 1
        self._shown = frame.pixels

    def _write(self, frame_id: int, pixels: np.ndarray) -> None:
        try:
            Image.fromarray(pixels).save(self._folder / f"{frame_id:05d}.png", compress_level=1)
        except OSError as error:
            raise LinkError(f"{self._folder} cannot be written: {error.strerror or error}") from error
