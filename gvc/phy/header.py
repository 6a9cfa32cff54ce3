"""The header of a burst: whose it is and where its symbols belong, in 22 bytes under a strong code."""

import binascii
import dataclasses
import functools
from typing import Any

import numba
import numpy as np

from gvc.errors import InputError, ParseError
from gvc.phy import shape
from gvc.phy.fec.convolutional import CODES
from gvc.phy.sequences import pseudo_random_bits

VERSION = 2
"""Of the header's layout. 1 was the 14 bytes without a stream identity, which had no such field."""
FIELDS = {
    "version": (3, 0),
    "stream": (16, 0),
    "coder": (12, 0),
    "payload_type": (6, 0),
    "mode": (6, 0),
    "sequence": (32, 0),
    "frame": (27, 0),
    "slot": (7, 0),
    "slots": (7, 1),
    "fragment": (12, 0),
    "shape": (shape.BITS, 0),
    "last": (1, 0),
}
"""Bits and smallest value of each field, in the order of transmission, most significant bit first; 160 bits in all."""
BYTES = sum(bits for bits, _ in FIELDS.values()) // 8
SIZE = BYTES + 2
_SCRAMBLE_SEED = 0x47564331


@dataclasses.dataclass(frozen=True)
class BurstHeader:
    """What a burst says of itself.

    stream: identity of the transmission; another one after each start of the transmitter. coder: what the symbols were
    made by, 12 bits of the SHA-256 of its weights or of its name. payload_type, mode: what the symbols are
    (`gvc.phy.payload`). sequence: counts the stream's bursts, modulo 2^32. frame: counts its frames, modulo 2^27.
    slot: the frame's place in its segment of `slots` frames. fragment: the burst's number in its frame. shape: as the
    payload type has it (`gvc.phy.shape`); it also says how many bursts the frame takes. last: the stream ends with
    this frame.

    Raises InputError when a value does not fit its field.
    """

    sequence: int
    frame: int
    fragment: int
    payload_type: int
    mode: int
    shape: int
    last: bool
    slot: int = 0
    slots: int = 1
    stream: int = 0
    coder: int = 0
    version: int = VERSION

    def __post_init__(self) -> None:
        for name, (bits, lowest) in FIELDS.items():
            value = getattr(self, name)
            if not lowest <= value < lowest + (1 << bits):
                raise InputError(f"burst header: {name} {value} must be from {lowest} to {lowest + (1 << bits) - 1}")
        if self.slot >= self.slots:
            raise InputError(f"burst header: slot {self.slot} of {self.slots}")

    def pack(self) -> bytes:
        """The 22 bytes: fields, then CRC-16/IBM-3740 over them."""
        value = 0
        for name, (bits, lowest) in FIELDS.items():
            value = value << bits | (int(getattr(self, name)) - lowest)
        content = value.to_bytes(BYTES, "big")
        return content + binascii.crc_hqx(content, 0xFFFF).to_bytes(2, "big")

    @classmethod
    def parse(cls, packed: bytes) -> "BurstHeader":
        """The header in `packed`; raises ParseError for a wrong length, a wrong CRC, or fields that contradict, and
        UnknownBurst for another version.
        """
        if len(packed) != SIZE:
            raise ParseError(f"burst header of {len(packed)} bytes, not {SIZE}")
        content = packed[:BYTES]
        if binascii.crc_hqx(content, 0xFFFF) != int.from_bytes(packed[BYTES:], "big"):
            raise ParseError("burst header fails its CRC")
        value = int.from_bytes(content, "big")
        fields: dict[str, Any] = {}
        for name, mask, lowest, shift in _PLACES:
            fields[name] = (value >> shift & mask) + lowest
        if fields["version"] != VERSION:
            raise UnknownBurst(f"burst header of version {fields['version']}, this receiver reads version {VERSION}")
        if fields["slot"] >= fields["slots"]:
            raise ParseError(f"burst header: slot {fields['slot']} of {fields['slots']}")
        fields["last"] = bool(fields["last"])
        # Every value fits the field that it was cut from, and checking that takes as long as decoding.
        header = object.__new__(cls)
        header.__dict__.update(fields)
        return header


_ENDS = np.cumsum([bits for bits, _ in FIELDS.values()]).tolist()
_PLACES = [
    (name, (1 << bits) - 1, lowest, 8 * BYTES - end)
    for (name, (bits, lowest)), end in zip(FIELDS.items(), _ENDS, strict=True)
]


class UnknownBurst(ParseError):
    """A burst that was heard well and is not for this receiver to read: another version or payload type."""


def encode(packed: bytes, elements: int, code: str = "k7") -> np.ndarray:
    """QPSK symbols complex64 [elements], power 1, of a packed header: its code bits, repeated until all are full.

    code: name in `gvc.phy.fec.convolutional.CODES`. Raises InputError when the elements are too few.
    """
    bits = np.unpackbits(np.frombuffer(packed, np.uint8))
    order, signs = _places(elements, CODES[code].coded_bits(8 * SIZE))
    return _spread(CODES[code].encode(bits), order, signs).view(np.complex64)


def decode(soft: np.ndarray, code: str = "k7") -> bytes:
    """The most likely packed header in soft QPSK elements complex64 [elements] (any scale, weighted by reliability)."""
    coded_bits = CODES[code].coded_bits(8 * SIZE)
    order, signs = _places(len(soft), coded_bits)
    combined = _gather(np.ascontiguousarray(soft, np.complex64).view(np.float32), order, signs, coded_bits)
    return np.packbits(CODES[code].decode(combined)).tobytes()


@numba.njit(cache=True)
def _spread(coded: np.ndarray, order: np.ndarray, signs: np.ndarray) -> np.ndarray:
    levels = np.empty(len(order), np.float32)
    for i in range(len(order)):
        levels[i] = signs[i] * (np.float32(1) - np.float32(2) * coded[order[i]]) * np.float32(0.5**0.5)
    return levels


@numba.njit(cache=True)
def _gather(levels: np.ndarray, order: np.ndarray, signs: np.ndarray, coded_bits: int) -> np.ndarray:
    combined = np.zeros(coded_bits, np.float32)
    for i in range(len(order)):
        combined[order[i]] += levels[i] * signs[i]
    return combined


@functools.lru_cache(maxsize=8)
def _places(elements: int, coded_bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Code bit of each I and Q level, int64 [2 elements], and the level's sign: neighbouring code bits go far apart."""
    levels = 2 * elements
    if levels < coded_bits:
        raise InputError(f"a header needs {-(-coded_bits // 2)} resource elements, header_symbols give {elements}")
    stride = next(s for s in range(int(coded_bits * 0.618), coded_bits) if np.gcd(s, coded_bits) == 1)
    order = np.arange(levels) * stride % coded_bits
    signs = (1 - 2.0 * pseudo_random_bits(_SCRAMBLE_SEED, levels)).astype(np.float32)
    return order, signs
