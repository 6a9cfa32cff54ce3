"""What a frame's symbols are arranged as: 31 bits of the burst header, read by payload type (`gvc.phy.payload`)."""

import dataclasses
from typing import Protocol

from gvc.errors import InputError, ParseError

BITS = 31


class Shape(Protocol):
    """Says how many symbols a frame has, and travels in BITS bits."""

    @property
    def elements(self) -> int:
        """Payload symbols of the whole frame."""

    @property
    def picture(self) -> tuple[int, int, int]:
        """(height, width, latents) of the picture that the symbols code; zeros where they code none."""

    def pack(self) -> int:
        """The value of the header's field, 0 to 2^BITS - 1."""

    @classmethod
    def parse(cls, value: int) -> "Shape":
        """The shape behind a field's value; raises ParseError for one that makes no sense."""


def frame_symbols(height: int, width: int, latents: int) -> int:
    """Payload symbols of a picture of height x width pixels: latents / 2 on each tile of 16 x 16, begun tiles too."""
    return latents // 2 * -(-height // 16) * -(-width // 16)


@dataclasses.dataclass(frozen=True)
class PictureShape:
    """A picture of height x width pixels, each 1 to 4096, in latents / 2 symbols for 16 x 16 pixels; latents is even, 2
    to 256. In the header: height and width less 1 in 12 bits each, latents / 2 less 1 in 7.

    Raises InputError when a value does not fit.
    """

    height: int
    width: int
    latents: int

    def __post_init__(self) -> None:
        for name in ("height", "width"):
            if not 1 <= getattr(self, name) <= 4096:
                raise InputError(f"{name} is {getattr(self, name)}: a burst header takes 1 to 4096 pixels")
        if self.latents % 2 or not 2 <= self.latents <= 256:
            raise InputError(f"latents is {self.latents}, it must be even and from 2 to 256")

    @property
    def elements(self) -> int:
        return frame_symbols(self.height, self.width, self.latents)

    @property
    def picture(self) -> tuple[int, int, int]:
        return self.height, self.width, self.latents

    def pack(self) -> int:
        return (self.height - 1) << 19 | (self.width - 1) << 7 | (self.latents // 2 - 1)

    @classmethod
    def parse(cls, value: int) -> "PictureShape":
        return cls((value >> 19) + 1, (value >> 7 & 0xFFF) + 1, 2 * (value & 0x7F) + 2)


@dataclasses.dataclass(frozen=True)
class CountShape:
    """A plain number of symbols, 1 to 2^24, of part `part` of a stream, 0 to 127: for coded bytes that say themselves
    what they are. In the header: the number less 1 in 24 bits, the part in 7.

    Raises InputError when a value does not fit.
    """

    elements: int
    part: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.elements <= 1 << 24 or not 0 <= self.part < 128:
            raise InputError(f"{self.elements} symbols of part {self.part}: use 1 to 2^24 symbols and parts 0 to 127")

    @property
    def picture(self) -> tuple[int, int, int]:
        return 0, 0, 0

    def pack(self) -> int:
        return (self.elements - 1) << 7 | self.part

    @classmethod
    def parse(cls, value: int) -> "CountShape":
        return cls((value >> 7) + 1, value & 0x7F)


def parse(kind: type[Shape], value: int) -> Shape:
    """The shape of `kind` behind a header's field; raises ParseError."""
    try:
        return kind.parse(value)
    except InputError as error:
        raise ParseError(str(error)) from error
