"""The viewer's end without an evaluator: pictures in a folder."""

import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from gvc.errors import LinkError
from gvc_blocks.runtime.contents import DecodedFrame
from gvc_blocks.runtime.guarded import GuardedBlock

GREY = 128
LATE = 256
"""A picture that comes so many places later than a newer one still finds its own; then what was shown before stays."""


class PngVideoSink(GuardedBlock):
    """Writes 00000.png, 00001.png, ... as displayed: a lost frame shows the previous one, else grey.

    Streams that are heard in turns may come out of order; no picture is ever written over.

    Input message `frames`: DecodedFrame.

    Args:
        folder: existing folder for the pictures.
    """

    def __init__(self, folder: str):
        super().__init__("gvc png video sink")
        self.frames_displayed = 0
        self.heard: list[tuple[int, Path]] = []
        """(frame number, file) of each picture that was received."""
        self._folder = Path(folder)
        self._next = 0
        self._missing: set[int] = set()
        self._grey = np.full((16, 16, 3), GREY, np.uint8)
        self.receive("frames", self._display)

    def hold(self, places: int) -> None:
        """Nothing more comes: whatever is missing of `places` pictures shows the one before it."""
        self._missing |= set(range(self._next, places))
        self._next = max(self._next, places)
        self._fill(self._next)

    def _display(self, frame: DecodedFrame) -> None:
        place = frame.frame_id if frame.place is None else frame.place
        if place < self._next and place not in self._missing:
            self.counters["too_late"] = self.counters.get("too_late", 0) + 1
            return
        if not self.frames_displayed:
            self._grey = np.full_like(frame.pixels, GREY)
        self._missing |= set(range(self._next, place))
        self._missing.discard(place)
        self._next = max(self._next, place + 1)
        self._write(place, frame.pixels)
        self.heard.append((frame.frame_id, self._path(place)))
        self.frames_displayed += 1
        self._fill(self._next - LATE)

    def at_end(self) -> None:
        self._fill(self._next)

    def _fill(self, end: int) -> None:
        for place in sorted(place for place in self._missing if place < end):
            self._missing.discard(place)
            if place == 0:
                self._write(0, self._grey)
                continue
            try:
                shutil.copyfile(self._path(place - 1), self._path(place))
            except OSError as error:
                raise LinkError(f"{self._folder} cannot be written: {error.strerror or error}") from error

    def _path(self, place: int) -> Path:
        return self._folder / f"{place:05d}.png"

    def _write(self, place: int, pixels: np.ndarray) -> None:
        try:
            Image.fromarray(pixels).save(self._path(place), compress_level=1)
        except OSError as error:
            raise LinkError(f"{self._folder} cannot be written: {error.strerror or error}") from error
