"""The bytes of a coded segment: which codec, at what scale, and its access units, each whole or absent.

Byte 0: codec number (four bits), whether the units come in display order (one bit), scale index (three bits). Byte 1:
pictures less 1. Then, in decoding order, of each access unit its picture's number (one byte; only where they are not in
display order), its length (LEB128) and its bytes. Cut anywhere, all whole units remain.
"""

from dataclasses import dataclass

from gvc.coding.codecs.video.syntax import leb128, read_leb128
from gvc.errors import InputError, ParseError

CODECS = ("x264", "x265", "av1", "vvc", "jpeg", "avif")
SCALES = (1.0, 0.75, 0.5, 0.375, 0.25, 0.125)
MOST_PICTURES = 256
_ORDERED = 8


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
        ordered = all(number == place for place, (number, _) in enumerate(self.units))
        kind = CODECS.index(self.codec) << 4 | _ORDERED * ordered | SCALES.index(self.scale)
        packed = bytearray([kind, self.pictures - 1])
        for number, unit in self.units:
            if not ordered:
                packed.append(number)
            packed += leb128(len(unit))
            packed += unit
        return bytes(packed)

    @classmethod
    def parse(cls, data: bytes) -> "Stream":
        """The whole units of a stream that may be cut, up to the first that is not one.

        Raises ParseError when the first two bytes are missing or name no codec or scale.
        """
        if len(data) < 2:
            raise ParseError(f"a coded segment of {len(data)} bytes has no header")
        codec, ordered, scale = data[0] >> 4, bool(data[0] & _ORDERED), data[0] & 7
        if codec >= len(CODECS) or scale >= len(SCALES):
            raise ParseError(f"coded segment: no codec {codec} at scale {scale}")
        pictures = data[1] + 1
        units: list[tuple[int, bytes]] = []
        place = 2
        while place < len(data) and len(units) < pictures:
            number = len(units) if ordered else data[place]
            try:
                length, place = read_leb128(data, place if ordered else place + 1)
            except ParseError:
                break
            if number >= pictures or place + length > len(data):
                break
            units.append((number, data[place : place + length]))
            place += length
        return cls(CODECS[codec], SCALES[scale], pictures, tuple(units))
