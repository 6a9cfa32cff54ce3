"""Frames of a run on disk: raw while they arrive, PNG when the run is over."""

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import overload

import numpy as np
from PIL import Image

from gvc.storage import files

REFERENCE = "reference"
GREY = 128
"""What a display shows before the first frame."""


class FrameStore:
    """Pictures by arm and frame id under `root`/incoming; each file is whole or absent."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._incoming = root / "incoming"

    def put(self, arm: str, frame_id: int, pixels: np.ndarray) -> None:
        """Store uint8 [height, width, 3]."""
        path = self._raw(arm, frame_id)
        partial = path + ".partial"
        try:
            file = open(partial, "wb")
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            file = open(partial, "wb")
        with file:
            np.save(file, pixels, allow_pickle=False)
        files.put(partial, path)

    def get(self, arm: str, frame_id: int) -> np.ndarray:
        """The stored picture, uint8 [height, width, 3]."""
        return np.load(self._raw(arm, frame_id), allow_pickle=False)

    def remove(self, arm: str, frame_id: int) -> None:
        """Drop a stored picture, if there is one."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._raw(arm, frame_id))

    def publish(self, arm: str, frame_ids: Sequence[int], pictures: Sequence[np.ndarray]) -> None:
        """Write `pictures` as `root`/frames/`arm`/NNNNN.png, replacing that folder as a whole."""
        with files.whole(self.root / "frames" / arm) as draft:
            draft.mkdir(parents=True)
            for frame_id, picture in zip(frame_ids, pictures, strict=True):
                Image.fromarray(picture).save(draft / f"{frame_id:05d}.png", compress_level=1)

    def clear(self) -> None:
        """Remove the raw pictures."""
        shutil.rmtree(self._incoming, ignore_errors=True)

    def _raw(self, arm: str, frame_id: int) -> str:
        # Not a Path: those intern their parts, and the interpreter's table of names would grow by every frame.
        return os.path.join(self._incoming, arm, f"{frame_id:05d}.npy")


class Displayed(Sequence[np.ndarray]):
    """What a viewer of `arm` saw for each of `frame_ids`: the picture, else the last one before it, else grey.

    A sequence of uint8 [height, width, 3] read from disk one at a time, each of the size of its reference.
    """

    def __init__(self, store: FrameStore, arm: str, frame_ids: Sequence[int], present: set[int]) -> None:
        self._store = store
        self._arm = arm
        self._frame_ids = frame_ids
        self._source: list[int | None] = []
        last = None
        for frame_id in frame_ids:
            last = frame_id if frame_id in present else last
            self._source.append(last)

    def __len__(self) -> int:
        return len(self._frame_ids)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...

    @overload
    def __getitem__(self, index: slice) -> list[np.ndarray]: ...

    def __getitem__(self, index: int | slice) -> np.ndarray | list[np.ndarray]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        source = self._source[index]
        if source is not None:
            return self._store.get(self._arm, source)
        return np.full_like(self._store.get(REFERENCE, self._frame_ids[index]), GREY)
