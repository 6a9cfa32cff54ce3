"""What a softcast receiver must know: the mean of each colour, the scale, the grid, and the chunks' variances."""

import struct
from dataclasses import dataclass

import numpy as np

from gvc.coding.schemes.softcast.arithmetic import Decoder, Encoder
from gvc.coding.schemes.softcast.transform import GRIDS
from gvc.errors import ParseError

STEP = 1.0
"""Of the binary logarithm of a chunk's variance: 3 dB."""
LARGEST = 40
FLOOR = 1e-6
"""Variances below are taken for this."""
_HEADER = struct.Struct("<eeeebB")
_NEIGHBOURHOODS = 4
_CONTEXTS = 32 + _NEIGHBOURHOODS * (2 + LARGEST)


@dataclass(frozen=True)
class Metadata:
    """means float [3] of the colours; scale: the factor of all gains; grid: of the chunks; lowest: the level of the
    weakest chunk sent; levels uint8 [chunks], 0 for a chunk that is not sent, else 1 + its level less the lowest.
    """

    means: np.ndarray
    scale: float
    grid: int
    lowest: int
    levels: np.ndarray

    def variances(self) -> np.ndarray:
        """Of the chunks that are sent, float64."""
        return variance(self.levels[self.levels > 0].astype(int) - 1 + self.lowest)

    def pack(self, shape: tuple[int, ...]) -> bytes:
        """Bytes; `shape` is that of the chunks."""
        coder = Encoder(_CONTEXTS)
        _walk(coder, self.levels.reshape(shape).tolist(), shape)
        return _HEADER.pack(*self.means.tolist(), self.scale, self.lowest, self.grid) + coder.finish()


def level(variances: np.ndarray) -> np.ndarray:
    """Variances [k] -> levels int [k]."""
    return np.clip(np.round(np.log2(np.maximum(variances, FLOOR)) / STEP), -100, 100).astype(int)


def variance(levels: np.ndarray) -> np.ndarray:
    """Levels -> variances float64 [k]."""
    return 2.0 ** (levels * STEP)


def grid_of(data: bytes) -> int:
    """The grid that packed bytes state. Raises ParseError for one that there is not."""
    if len(data) < _HEADER.size or data[_HEADER.size - 1] >= len(GRIDS):
        raise ParseError("softcast metadata is too short, or of an unknown grid")
    return data[_HEADER.size - 1]


def unpack(data: bytes, shape: tuple[int, ...]) -> Metadata:
    """From packed bytes, which zeros may follow. Raises ParseError for bytes that are none."""
    grid = grid_of(data)
    *means, scale, lowest, _ = _HEADER.unpack_from(data)
    if not np.isfinite([*means, scale]).all() or scale <= 0:
        raise ParseError(f"softcast metadata with means {means} and scale {scale}")
    levels = np.zeros(shape, int).tolist()
    _walk(Decoder(data[_HEADER.size :], _CONTEXTS), levels, shape)
    return Metadata(np.array(means, np.float32), scale, grid, lowest, np.array(levels, np.uint8).ravel())


def _walk(coder: Encoder | Decoder, levels: list, shape: tuple[int, ...]) -> None:
    """Code every level by what is known of its neighbours; a decoder writes into `levels` what the encoder read."""
    colours, times, rows, columns = shape
    nothing = [[0] * (columns + 1) for _ in range(rows + 1)]
    earlier_colour = [nothing] * times
    for colour in range(colours):
        planes = []
        earlier = nothing
        for time in range(times):
            plane = [[0] * (columns + 1) for _ in range(rows + 1)]
            other = earlier_colour[time]
            for row in range(rows):
                line, above, before, beside = plane[row + 1], plane[row], earlier[row + 1], other[row + 1]
                given = levels[colour][time][row]
                for column in range(1, columns + 1):
                    near = line[column - 1], above[column], before[column]
                    zero = 8 * (colour > 0) + 4 * (beside[column] > 0) + sum(map(bool, near))
                    line[column] = given[column - 1] = _code(coder, given[column - 1], near, zero + 16 * (time > 0))
            planes.append(plane)
            earlier = plane
        earlier_colour = planes


def _code(coder: Encoder | Decoder, value: int, near: tuple[int, int, int], zero: int) -> int:
    """One level, given its neighbours before it in column, row and time."""
    if not coder.code(int(value > 0), zero):
        return 0
    known = [other for other in near if other]
    expected = (2 * sum(known) + len(known)) // (2 * len(known)) if known else 1
    start = 32 + (min(max(known) - min(known), 2) if known else 3) * (2 + LARGEST)
    if not coder.code(int(value != expected), start):
        return expected
    up = coder.code(int(value > expected), start + 1) if expected > 1 else 1
    if up and expected == LARGEST:
        raise ParseError(f"softcast metadata with a level above {LARGEST}")
    most = LARGEST - expected if up else expected - 1
    distance = 1
    while distance < most and coder.code(int(abs(value - expected) > distance), start + 1 + distance):
        distance += 1
    return expected + distance if up else expected - distance
