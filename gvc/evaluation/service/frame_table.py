"""What is known of frames, in a few bytes each: memory for a long run."""

import base64
import math
from array import array
from typing import Any

_HEARD, _LOST, _PIXELS = 1, 2, 4


class FrameTable:
    """Frames of one sequence by index: whether they were heard of, lost, their mode, size and values of metrics.

    About 14 bytes a frame and 8 for each metric in `names`.
    """

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        self._flags, self._modes, self._sizes = bytearray(), bytearray(), array("I")
        self._values = {name: array("d") for name in names}

    def __len__(self) -> int:
        return len(self._flags)

    def put(self, index: int, size: tuple[int, int] | None, lost: bool = False, mode: int = 0) -> None:
        """Note frame `index`; `size` is (height, width) of its picture, None without one."""
        missing = index + 1 - len(self._flags)
        if missing > 0:
            self._flags.extend(bytes(missing))
            self._modes.extend(bytes(missing))
            self._sizes.extend([0] * missing)
            for column in self._values.values():
                column.extend([math.nan] * missing)
        self._flags[index] = _HEARD | (_LOST if lost else 0) | (_PIXELS if size else 0)
        self._modes[index] = mode
        self._sizes[index] = size[0] << 16 | size[1] if size else 0

    def heard(self, index: int) -> bool:
        """Whether frame `index` was noted."""
        return index < len(self._flags) and bool(self._flags[index] & _HEARD)

    def indices(self) -> list[int]:
        """All frames noted, in order."""
        return [index for index, flags in enumerate(self._flags) if flags & _HEARD]

    def lost(self, index: int) -> bool:
        """Whether frame `index` is lost, or was never heard of."""
        return not self.heard(index) or bool(self._flags[index] & _LOST)

    def mode(self, index: int) -> int:
        """Coding mode, 0 where it is unknown."""
        return self._modes[index] if self.heard(index) else 0

    def size(self, index: int) -> tuple[int, int] | None:
        """(height, width) of the picture of frame `index`, None where there is none."""
        packed = self._sizes[index] if index < len(self._sizes) else 0
        return (packed >> 16, packed & 0xFFFF) if packed else None

    def value(self, name: str, index: int) -> float:
        """Metric `name` of frame `index`; NaN where it is not known."""
        return self._values[name][index] if index < len(self._flags) else math.nan

    def set_value(self, name: str, index: int, value: float) -> None:
        """Keep metric `name` of a frame noted before."""
        self._values[name][index] = value

    def state(self) -> dict[str, Any]:
        """All of it, for `restored`."""
        columns = {"flags": self._flags, "modes": self._modes, "sizes": self._sizes}
        packed = {name: _text(bytes(column)) for name, column in columns.items()}
        return {**packed, "values": {name: _text(column.tobytes()) for name, column in self._values.items()}}

    @classmethod
    def restored(cls, state: dict[str, Any]) -> "FrameTable":
        """The table that `state` came from."""
        table = cls()
        table._flags, table._modes = bytearray(_bytes(state["flags"])), bytearray(_bytes(state["modes"]))
        table._sizes = array("I", _bytes(state["sizes"]))
        table._values = {name: array("d", _bytes(text)) for name, text in state["values"].items()}
        return table


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
