"""Access units without what the stream around them already says, and whole again for a decoder.

H.264, H.265, H.266 (Annex B): no start code in front, no delimiters, no supplemental information, no filler.
AV1: no temporal delimiter, and the last OBU without its size. The rest is as the encoder made it.
"""

from collections.abc import Callable

from gvc.errors import ParseError

_START = b"\0\0\1"
# NAL unit types left out: access unit delimiter, supplemental information, filler data.
_IDLE: dict[str, tuple[Callable[[bytes], int], frozenset[int]]] = {
    "x264": (lambda unit: unit[0] & 31, frozenset({6, 9, 12})),
    "x265": (lambda unit: unit[0] >> 1 & 63, frozenset({35, 38, 39, 40})),
    "vvc": (lambda unit: unit[1] >> 3, frozenset({20, 23, 24, 25})),
}
_AV1 = ("av1", "avif")
_DELIMITER = b"\x12\0"
_HAS_SIZE = 2
_EXTENSION = 4


def strip(codec: str, unit: bytes) -> bytes:
    """An access unit as an encoder gives it, shortened."""
    if codec in _AV1:
        return _strip_obus(unit)
    if codec not in _IDLE:
        return unit
    kind, idle = _IDLE[codec]
    parts = [part.rstrip(b"\0") for part in unit.split(_START)[1:]]
    return _START.join(part for part in parts if kind(part) not in idle)


def restore(codec: str, unit: bytes) -> bytes:
    """What `strip` made, for a decoder; of any bytes."""
    if codec in _AV1:
        return _DELIMITER + unit
    return b"\0" + _START + unit if codec in _IDLE else unit


def leb128(value: int) -> bytes:
    """Seven bits a byte, lowest first, the top bit set on all but the last."""
    packed = bytearray()
    while value > 127:
        packed.append(value & 127 | 128)
        value >>= 7
    return bytes([*packed, value])


def read_leb128(data: bytes, place: int) -> tuple[int, int]:
    """The number at `place` and the place behind it; raises ParseError where it is cut or takes over four bytes."""
    value = 0
    for shift in range(0, 28, 7):
        if place >= len(data):
            break
        value |= (data[place] & 127) << shift
        place += 1
        if not data[place - 1] & 128:
            return value, place
    raise ParseError("a number in LEB128 that is cut or of more than four bytes")


def _strip_obus(unit: bytes) -> bytes:
    """Every encoder here writes OBUs with their sizes."""
    place, last = len(_DELIMITER) if unit.startswith(_DELIMITER) else 0, 0
    short = unit[place:]
    while place < len(unit):
        last = place
        head = 2 if unit[place] & _EXTENSION else 1
        size, body = read_leb128(unit, place + head)
        place = body + size
    if not short:
        return short
    start = len(unit) - len(short)
    return unit[start:last] + bytes([unit[last] & ~_HAS_SIZE]) + unit[last + 1 : last + head] + unit[body:]
