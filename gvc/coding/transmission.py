"""A clip through a scheme and one realisation of the channel."""

import time
from dataclasses import dataclass, field

import numpy as np

from gvc.coding.scheme import ReceivedSlot, Scheme, Slot
from gvc.phy.frames import ReceivedFrame
from gvc.phy.realisation import Realisation


@dataclass
class Transmission:
    """What came of a clip. pictures uint8 [n, height, width, 3] as displayed, concealed bool [n].

    slots_lost: slots of which no burst arrived. energy: of the payload symbols, sum of |x|^2. reports: the scheme's, by
    segment. encode_seconds and decode_seconds: of the scheme alone.
    """

    pictures: np.ndarray
    concealed: np.ndarray
    slots_lost: int
    energy: float
    encode_seconds: float
    decode_seconds: float
    reports: list[dict[str, float]] = field(default_factory=list)


def transmit(
    scheme: Scheme, realisation: Realisation, pictures: np.ndarray, feedback_delay: int, feedback_window: int = 16
) -> Transmission:
    """Send pictures uint8 [n, height, width, 3], one a slot, and receive them.

    For each segment the transmitter knows the mean SNR that the receiver had measured `feedback_delay` slots before,
    over `feedback_window` slots.
    """
    total, step = len(pictures), scheme.segment_frames
    probe = realisation.probe(total)
    tell = getattr(scheme, "tell", None)
    slots: list[Slot] = []
    encode_s = decode_s = 0.0
    for start in range(0, total, step):
        end = min(start + step, total)
        if tell is not None:
            tell(probe.error[start:end], probe.noise_map[start:end])
        began = time.perf_counter()
        slots += scheme.encode(pictures[start:end], probe.feedback_db(start, feedback_delay, feedback_window))
        encode_s += time.perf_counter() - began
    received = realisation.send([(slot.symbols, slot.payload_type, slot.mode) for slot in slots])
    shown, concealed, reports = [], [], []
    for start in range(0, total, step):
        began = time.perf_counter()
        decoded = scheme.decode(
            [received_slot(frame) for frame in received[start : start + step]], *pictures.shape[1:3]
        )
        decode_s += time.perf_counter() - began
        shown.append(decoded.pictures)
        concealed.append(decoded.concealed)
        reports.append(decoded.report)
    return Transmission(
        pictures=np.concatenate(shown),
        concealed=np.concatenate(concealed),
        slots_lost=sum(frame is None for frame in received),
        energy=float(sum(np.vdot(slot.symbols, slot.symbols).real for slot in slots)),
        encode_seconds=encode_s,
        decode_seconds=decode_s,
        reports=reports,
    )


def received_slot(frame: ReceivedFrame | None) -> ReceivedSlot | None:
    """What a scheme is told of a received frame."""
    if frame is None:
        return None
    return ReceivedSlot(frame.symbols, frame.noise_map, frame.payload_type, frame.mode, frame.snr_db)
