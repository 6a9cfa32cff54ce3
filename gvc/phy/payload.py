"""Payload sockets: how a frame's symbols become resource elements and come back. The waveform does not look inside.

A header's `payload_type` names the socket, the kind of shape, and tells the decoder what the symbols are: 0 those of a
neural encoder, 1 to 4 QAM of 2, 4, 6 or 8 bits with the code rate in the header's `mode` (`gvc.phy.fec.mcs`), 5
softcast, 6 hybrid, 7 coded bytes that say themselves what they are. 8 to 63 are for schemes from outside the
repository, which send pictures: a receiver takes those that its own scheme names.
"""

from typing import NamedTuple, Protocol

import numpy as np

from gvc.errors import InputError
from gvc.phy.kernels.combining import gather
from gvc.phy.sequences import interleaver, pseudo_random_bits, scrambling_signs
from gvc.phy.shape import CountShape, PictureShape, Shape


class Payload(Protocol):
    """Mapping of one frame. `places` is the number of resource elements that its bursts have, at least `count`."""

    def spread(self, symbols: np.ndarray, places: int) -> np.ndarray:
        """complex64 [count] -> complex64 [places] of mean power 1."""

    def collect(self, elements: np.ndarray, noise_map: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Received elements complex64 [places] and their noise float32 [places] -> symbols [count], noise [count]."""


class InterleavedPayload:
    """Symbols as they are: signs of I and Q scrambled, order interleaved over the whole frame and so over its bursts.

    What the frame leaves over in its last symbols is filled with QPSK.
    """

    def __init__(self, seed: int):
        self._seed = seed

    def spread(self, symbols: np.ndarray, places: int) -> np.ndarray:
        filled = np.empty(places, np.complex64)
        filled[: len(symbols)] = symbols
        rest = places - len(symbols)
        bits = pseudo_random_bits(self._seed, 2 * rest).astype(np.float32)
        filled[len(symbols) :] = ((1 - 2 * bits) / 2**0.5).view(np.complex64)
        scrambled = (filled.view(np.float32).reshape(-1, 2) * scrambling_signs(self._seed, places)).view(np.complex64)
        elements = np.empty(places, np.complex64)
        elements[interleaver(self._seed, places)] = scrambled[:, 0]
        return elements

    def collect(self, elements: np.ndarray, noise_map: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        order = interleaver(self._seed, len(elements))
        return gather(elements, noise_map, order, scrambling_signs(self._seed, len(elements)), count)


JSCC, SOFTCAST, HYBRID, BYTES = 0, 5, 6, 7
QAM = frozenset({1, 2, 3, 4})


class Socket(NamedTuple):
    """How symbols of a payload type are mapped, and what the header's shape field means for them."""

    mapping: type[InterleavedPayload]
    shape: type[Shape]


SOCKETS = {
    **dict.fromkeys(range(HYBRID + 1), Socket(InterleavedPayload, PictureShape)),
    BYTES: Socket(InterleavedPayload, CountShape),
    **dict.fromkeys(range(BYTES + 1, 64), Socket(InterleavedPayload, PictureShape)),
}


def socket(payload_type: int) -> Socket:
    """The socket of a payload type; raises InputError for a type that is not known."""
    if payload_type not in SOCKETS:
        raise InputError(f"payload type {payload_type} is not known (known: 0 to {max(SOCKETS)})")
    return SOCKETS[payload_type]


def create_payload(payload_type: int, seed: int) -> Payload:
    """The mapping of a payload type; raises InputError for a type that is not known."""
    return socket(payload_type).mapping(seed)
