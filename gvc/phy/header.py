"""The header of a burst: what a receiver needs to place the burst's symbols, in 14 bytes under a strong code."""

import binascii
import dataclasses
import functools
from typing import Any

import numba
import numpy as np

from gvc.errors import InputError, ParseError
from gvc.phy import convolutional
from gvc.phy.sequences import pseudo_random_bits

FIELDS = {
    "sequence": (16, 0),
    "frame": (16, 0),
    "fragment": (12, 0),
    "fragments": (12, 1),
    "payload_type": (4, 0),
    "mode": (4, 0),
    "height": (12, 1),
    "width": (12, 1),
    "latent_pairs": (7, 1),
    "last": (1, 0),
}
"""Bits and smallest value of each field, in the order of transmission, most significant bit first; 96 bits in all."""
BYTES = sum(bits for bits, _ in FIELDS.values()) // 8
SIZE = BYTES + 2
CODED_BITS = 3 * (8 * SIZE + convolutional.MEMORY)
_SCRAMBLE_SEED = 0x47564331


def frame_symbols(height: int, width: int, latents: int) -> int:
    """Payload symbols of a picture of height x width pixels: latents / 2 on each tile of 16 x 16, begun tiles too."""
    return latents // 2 * -(-height // 16) * -(-width // 16)


@dataclasses.dataclass(frozen=True)
class BurstHeader:
    """sequence: counts bursts, modulo 65536. frame: counts frames, modulo 65536. fragment: this burst's number in its
    frame of `fragments` bursts. payload_type: 0 for analogue symbols. mode: the coding mode. height, width: pixels of
    the picture, 1 to 4096. latent_pairs: complex symbols for 16 x 16 pixels, 1 to 128. last: the stream ends with this
    frame.

    Raises InputError when a value does not fit its field.
    """

    sequence: int
    frame: int
    fragment: int
    fragments: int
    payload_type: int
    mode: int
    height: int
    width: int
    latent_pairs: int
    last: bool

    def __post_init__(self) -> None:
        for name, (bits, lowest) in FIELDS.items():
            value = getattr(self, name)
            if not lowest <= value < lowest + (1 << bits):
                raise InputError(f"burst header: {name} {value} must be from {lowest} to {lowest + (1 << bits) - 1}")
        if self.fragment >= self.fragments:
            raise InputError(f"burst header: fragment {self.fragment} of {self.fragments}")

    @property
    def elements(self) -> int:
        """Payload symbols of the whole frame."""
        return frame_symbols(self.height, self.width, 2 * self.latent_pairs)

    def pack(self) -> bytes:
        """The 14 bytes: fields, then CRC-16/XMODEM over them."""
        value = 0
        for name, (bits, lowest) in FIELDS.items():
            value = value << bits | (int(getattr(self, name)) - lowest)
        content = value.to_bytes(BYTES, "big")
        return content + binascii.crc_hqx(content, 0xFFFF).to_bytes(2, "big")

    @classmethod
    def parse(cls, packed: bytes) -> "BurstHeader":
        """The header in `packed`; raises ParseError for a wrong length, a wrong CRC, or fields that contradict."""
        if len(packed) != SIZE:
            raise ParseError(f"burst header of {len(packed)} bytes, not {SIZE}")
        content = packed[:BYTES]
        if binascii.crc_hqx(content, 0xFFFF) != int.from_bytes(packed[BYTES:], "big"):
            raise ParseError("burst header fails its CRC")
        value = int.from_bytes(content, "big")
        fields: dict[str, Any] = {}
        for name, (bits, lowest) in reversed(FIELDS.items()):
            fields[name] = (value & ((1 << bits) - 1)) + lowest
            value >>= bits
        try:
            return cls(**(fields | {"last": bool(fields["last"])}))
        except InputError as error:
            raise ParseError(str(error)) from error


def encode(packed: bytes, elements: int) -> np.ndarray:
    """QPSK symbols complex64 [elements], power 1, of a packed header: its code bits, repeated until all are full."""
    bits = np.unpackbits(np.frombuffer(packed, np.uint8))
    order, signs = _places(elements)
    return _spread(convolutional.encode(bits), order, signs).view(np.complex64)


def decode(soft: np.ndarray) -> bytes:
    """The most likely packed header in soft QPSK elements complex64 [elements] (any scale, weighted by reliability)."""
    order, signs = _places(len(soft))
    combined = _gather(np.ascontiguousarray(soft, np.complex64).view(np.float32), order, signs)
    return np.packbits(convolutional.decode(combined)).tobytes()


@numba.njit(cache=True)
def _spread(coded: np.ndarray, order: np.ndarray, signs: np.ndarray) -> np.ndarray:
    levels = np.empty(len(order), np.float32)
    for i in range(len(order)):
        levels[i] = signs[i] * (np.float32(1) - np.float32(2) * coded[order[i]]) * np.float32(0.5**0.5)
    return levels


@numba.njit(cache=True)
def _gather(levels: np.ndarray, order: np.ndarray, signs: np.ndarray) -> np.ndarray:
    combined = np.zeros(CODED_BITS, np.float32)
    for i in range(len(order)):
        combined[order[i]] += levels[i] * signs[i]
    return combined


@functools.lru_cache(maxsize=8)
def _places(elements: int) -> tuple[np.ndarray, np.ndarray]:
    """Code bit of each I and Q level, int64 [2 elements], and the level's sign: neighbouring code bits go far apart."""
    levels = 2 * elements
    if levels < CODED_BITS:
        raise InputError(f"a header needs {CODED_BITS // 2} resource elements, header_symbols give {elements}")
    stride = next(s for s in range(int(CODED_BITS * 0.618), CODED_BITS) if np.gcd(s, CODED_BITS) == 1)
    order = np.arange(levels) * stride % CODED_BITS
    signs = (1 - 2.0 * pseudo_random_bits(_SCRAMBLE_SEED, levels)).astype(np.float32)
    return order, signs
