"""A scheme codes a segment of pictures into slots of symbols: the middle one of three layers.

A codec (`gvc.coding.codecs.video`) turns pictures into bytes, a scheme a segment of pictures into one slot of symbols a
picture, a transport bytes into packets. JSCC, digital, softcast and hybrid are schemes alike.
"""

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
class Estimate:
    """What a denoiser before the decoder makes of a slot: symbols complex64 [count]. `trusted` False: the receiver's
    gate expects more of decoding the received symbols. evaluations: of the denoiser's network.
    """

    symbols: np.ndarray
    trusted: bool = True
    evaluations: int = 0


@dataclass(frozen=True)
class ReceivedSlot:
    """A slot behind the equaliser: symbols complex64 [count] and their noise variances float32 [count], as
    `gvc.phy.frames.ReceivedFrame` has them. snr_db: received Es/N0, mean over the slot. estimate: of a scheme's own
    `denoise`, None before that.
    """

    symbols: np.ndarray
    noise_map: np.ndarray
    payload_type: int
    mode: int = 0
    snr_db: float = 0.0
    estimate: Estimate | None = None


@dataclass(frozen=True)
class Decoded:
    """Pictures uint8 [n, height, width, 3] as displayed; `concealed` bool [n] marks those that were not decoded.

    report: what the scheme has to say of the segment, such as `block_errors` or `bytes`; sums over segments make sense.
    reason: why slots that did arrive, and could be read, were not decoded; empty where none was.
    """

    pictures: np.ndarray
    concealed: np.ndarray
    report: dict[str, float] = field(default_factory=dict)
    reason: str = ""


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
    """The socket of kind `scheme`: n pictures, 1 to `segment_frames`, to n slots, and n slots to n pictures.

    Made with `count`, the symbols a slot, `segment_frames`, at most so many pictures a segment, `fps`, and its own
    options. Both ends are made alike; `encode` and `decode` share nothing else. payload_types: what `decode` takes, as
    the burst header has it; `gvc.phy.payload` says which are free.

    What only some schemes have, `gvc.coding.arms.Arm` knows:

    configured(config, at): class method; options that a `gvc.config.LinkConfig` gives, `at` stands behind @ in the
        arm's name. Without it the arm's row alone gives options.
    scored(places, dtype, cbr, sampler, steps): class method; options under which `score` asks for it.
    coder, sender: what the header calls who made a burst, 12 bits, and a text that two arms share when one transmission
        serves both; without them the arm's name decides.
    uses_feedback: False where what the receiver feeds back changes nothing.
    tell(error, noise_map): of a scheme that knows more than a radio could, a genie or a bound; complex64 and float32
        [n, count]. A simulation says before `encode` what the channel is going to do to the segment. `knows_channel`
        says whether it needs that now.
    memoryless: True where `decode` keeps nothing but the last picture shown, and its report nothing to add up: segments
        that nobody looks at may be left out.
    denoises, denoise(slot, height, width): a first stage of reception, slot -> slot with its `estimate`; a flowgraph
        gives it a thread of its own. `decode` does it itself for slots that have none.
    parts: what is costly and does not depend on `count`; the same scheme for slots of another size is made with it, as
        a further argument `parts`.
    load(sending, receiving), rehearse(slot, height, width): make what either end makes at first use; do once all that
        reception may do.
    reseed(seed): let its own draws begin anew.
    weights(): files that its results depend on.
    costs(): by part (multiplications and accumulations in 1e9 at 256 x 256, parameters).
    """

    segment_frames: int
    payload_types: frozenset[int]

    def encode(self, pictures: np.ndarray, snr_db: float) -> list[Slot]:
        """uint8 [n, height, width, 3] -> n slots. snr_db is what the transmitter knows of the channel."""

    def decode(self, slots: list[ReceivedSlot | None], height: int, width: int) -> Decoded:
        """n slots, None where one was lost, -> n pictures. Never raises on what was received."""
