"""Who made a burst, in the few bits that its header has for it, and what a receiver takes."""

import dataclasses
import hashlib

from gvc import seeds
from gvc.phy.header import BurstHeader
from gvc.phy.shape import Shape

CODER_BITS = 12
SEGMENT_PICTURES = 16


def coder_of_weights(sha256: str) -> int:
    """The header's `coder` for a network: the first 12 bits of its weights' SHA-256, given in hex."""
    return int(sha256[: CODER_BITS // 4], 16)


def coder_of_name(name: str) -> int:
    """The header's `coder` for what has no weights: the first 12 bits of its name's SHA-256."""
    return coder_of_weights(hashlib.sha256(name.encode()).hexdigest())


def stream_of(seed: int, *about: object) -> int:
    """The header's `stream`: the same for the same seed and content, so that a run can be repeated to the bit, and
    another one (but for 1 in 65,536) for everything else.
    """
    return seeds.integer(seed, "/".join(["stream", *map(str, about)])) & 0xFFFF


@dataclasses.dataclass(frozen=True)
class Expected:
    """What a receiver can decode: payload types, the coder whose symbols it knows, pictures of up to `max_pixels`, and
    segments of up to SEGMENT_PICTURES such pictures.

    A picture far larger than its burst is how a few milliseconds of air would keep a receiver busy for half a minute.
    """

    payload_types: frozenset[int]
    coder: int
    max_pixels: int

    def refuses(self, header: BurstHeader, shape: Shape) -> str:
        """Why a burst is not decoded: `payload type`, `coder` or `size`; empty for one that is."""
        height, width, _ = shape.picture
        if header.payload_type not in self.payload_types:
            return "payload type"
        if header.coder != self.coder:
            return "coder"
        pixels = height * width
        return "size" if max(pixels, pixels * header.slots / SEGMENT_PICTURES) > self.max_pixels else ""
