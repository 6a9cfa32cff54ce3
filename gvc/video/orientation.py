"""How a file asks a player to turn and mirror its pictures."""

import struct
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import Type


@dataclass(frozen=True)
class Orientation:
    """The picture is transposed first, then mirrored left to right, then turned upside down, each if it says so."""

    transposed: bool = False
    mirrored: bool = False
    upside_down: bool = False

    @classmethod
    def of(cls, frame: av.VideoFrame) -> "Orientation":
        """What the display matrix of a decoded frame says, to the nearest quarter turn; without one, nothing."""
        kept: Any = frame.side_data  # PyAV declares another type
        try:
            matrix = bytes(kept[Type.DISPLAYMATRIX])
        except KeyError:
            return cls()
        # Stored pixel (x, y) is shown at (a x + c y, b x + d y), but for a shift.
        a, b, _, c, d = struct.unpack_from("=5i", matrix)
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(False, a < 0, d < 0)
        return cls(True, c < 0, b < 0)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) as shown of a stored picture, or as stored of a shown one."""
        return (height, width) if self.transposed else (width, height)

    def show(self, picture: np.ndarray) -> np.ndarray:
        """Stored picture [height, width, 3] -> as shown, C-contiguous."""
        shown = picture.transpose(1, 0, 2) if self.transposed else picture
        rows, columns = (slice(None, None, -1 if flip else 1) for flip in (self.upside_down, self.mirrored))
        return np.ascontiguousarray(shown[rows, columns])
