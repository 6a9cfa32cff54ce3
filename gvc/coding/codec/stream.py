"""The bytes of a coded segment: which codec, at what scale, and its access units, each whole or absent.

Byte 0: codec number and scale index, four bits each. Byte 1: pictures less 1. Then, in decoding order, of each access
unit its picture's number (one byte), its length (LEB128) and its bytes. Cut anywhere, all whole units remain.
"""

from dataclasses import dataclass

from gvc.errors import InputError, ParseError

CODECS = ("x264", "x265", "av1", "vvc", "jpeg", "avif")
SCALES = (1.0, 0.75, 0.5, 0.375, 0.25, 0.125)
MOST_PICTURES = 256


@dataclass(frozen=True)
class Stream:
    """units: (number of the picture, access unit) in decoding order; scale: of the coded size, one of SCALES."""

    codec: str
    scale: float
    pictures: int
    units: tuple[tuple[int, bytes], ...]

    def pack(self) -> bytes:
        """The bytes; raises InputError for more pictures than a byte can number."""
        if not 1 <= self.pictures <= MOST_PICTURES:
            raise InputError(f"a coded segment holds 1 to {MOST_PICTURES} pictures, not {self.pictures}")
        packed = bytearray([CODECS.index(self.codec) << 4 | SCALES.index(self.scale), self.pictures - 1])
        for number, unit in self.units:
            packed.append(number)
            packed += leb128(len(unit))
            packed += unit
        return bytes(packed)

    @classmethod
    def parse(cls, data: bytes) -> "Stream":
        """The whole units of a stream that may be cut.

        Raises ParseError when the first two bytes are missing or name no codec or scale, or a unit numbers no picture.
        """
        if len(data) < 2:
            raise ParseError(f"a coded segment of {len(data)} bytes has no header")
        codec, scale = data[0] >> 4, data[0] & 15
        if codec >= len(CODECS) or scale >= len(SCALES):
            raise ParseError(f"coded segment: no codec {codec} at scale {scale}")
        pictures = data[1] + 1
        units = []
        place = 2
        while place < len(data):
            number = data[place]
            length, place = _read_leb128(data, place + 1)
            if length is None or place + length > len(data):
                break
            if number >= pictures:
                raise ParseError(f"coded segment: picture {number} of {pictures}")
            units.append((number, data[place : place + length]))
            place += length
        return cls(CODECS[codec], SCALES[scale], pictures, tuple(units))


def leb128(value: int) -> bytes:
    """Seven bits a byte, lowest first, the top bit set on all but the last."""
    packed = bytearray()
    while value > 127:
        packed.append(value & 127 | 128)
        value >>= 7
    return bytes([*packed, value])


def _read_leb128(data: bytes, place: int) -> tuple[int | None, int]:
    value = 0
    for shift in range(0, 28, 7):
        if place >= len(data):
            return None, place
        value |= (data[place] & 127) << shift
        place += 1
        if not data[place - 1] & 128:
            return value, place
    raise ParseError("coded segment: a length of more than four bytes")
