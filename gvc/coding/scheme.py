"""The peers of the neural link: schemes that code a segment of pictures into the same slots of symbols."""

from collections.abc import Container
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from gvc.noise_map import NU_MAX


@dataclass(frozen=True)
class Slot:
    """What one frame's worth of channel uses carries: symbols complex64 [count], mean power 1 over the segment.

    payload_type and mode are those of the burst header (`gvc.phy.payload`).
    """

    symbols: np.ndarray
    payload_type: int
    mode: int = 0


@dataclass(frozen=True)
class ReceivedSlot:
    """A slot behind the equaliser: symbols complex64 [count] and their noise variances float32 [count], as
    `gvc.phy.frames.ReceivedFrame` has them. snr_db: received Es/N0, mean over the slot.
    """

    symbols: np.ndarray
    noise_map: np.ndarray
    payload_type: int
    mode: int = 0
    snr_db: float = 0.0


@dataclass(frozen=True)
class Decoded:
    """Pictures uint8 [n, height, width, 3] as displayed; `concealed` bool [n] marks those that were not decoded.

    report: what the scheme has to say of the segment, such as `block_errors` or `bytes`.
    """

    pictures: np.ndarray
    concealed: np.ndarray
    report: dict[str, float] = field(default_factory=dict)


def stacked(
    slots: list[ReceivedSlot | None], count: int, types: Container[int] = range(16)
) -> tuple[np.ndarray, np.ndarray]:
    """Symbols complex64 and noise variances float32 of n slots [n, count]; 0 and NU_MAX where one was lost, or has
    another length or a payload type outside `types`.
    """
    symbols = np.zeros((len(slots), count), np.complex64)
    noise_map = np.full((len(slots), count), NU_MAX, np.float32)
    for row, slot in enumerate(slots):
        if slot is not None and slot.payload_type in types and len(slot.symbols) == count:
            symbols[row], noise_map[row] = slot.symbols, slot.noise_map
    return symbols, noise_map


class Scheme(Protocol):
    """Codes n pictures, 1 to `segment_frames`, into n slots, and n slots into n pictures.

    Both ends are built from the same parameters; `encode` and `decode` share nothing else. A scheme that knows more
    than a radio could (a genie, a bound) also has `tell(error, noise_map)`, complex64 and float32 [n, count]: a
    simulation calls it before `encode` with what the channel is going to do to the segment.
    """

    segment_frames: int

    def encode(self, pictures: np.ndarray, snr_db: float) -> list[Slot]:
        """uint8 [n, height, width, 3] -> n slots. snr_db is what the transmitter knows of the channel."""

    def decode(self, slots: list[ReceivedSlot | None], height: int, width: int) -> Decoded:
        """n slots, None where one was lost, -> n pictures. Never raises on what was received."""
