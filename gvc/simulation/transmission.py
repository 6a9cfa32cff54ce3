"""A clip through an arm and one realisation of the channel: sent once, received by every arm that shares the sender."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from gvc.coding.arms import Arm
from gvc.coding.concealment import Concealment
from gvc.coding.scheme import ReceivedSlot, Slot
from gvc.phy.frames import ReceivedFrame
from gvc.simulation.realisation import Realisation


@dataclass
class Sent:
    """What came of the slots of a clip, None where nothing did; energy of the payload symbols, sum of |x|^2."""

    received: list[ReceivedFrame | None]
    energy: float
    encode_seconds: float


@dataclass
class Transmission:
    """What an arm made of a clip. pictures uint8 [n, height, width, 3] as displayed, concealed bool [n].

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


Coded = tuple[list[Slot], float]
"""The slots of a clip, and the seconds that coding took."""


def encode(arm: Arm, pictures: np.ndarray, count: int, design_snr_db: float = 0.0) -> Coded:
    """The slots of pictures uint8 [n, height, width, 3] by an arm that neither the channel nor feedback changes."""
    scheme = arm.scheme(count)
    began = time.perf_counter()
    slots: list[Slot] = []
    for start in range(0, len(pictures), scheme.segment_frames):
        slots += scheme.encode(pictures[start : start + scheme.segment_frames], design_snr_db)
    return slots, time.perf_counter() - began


def send(
    arm: Arm,
    realisation: Realisation,
    pictures: np.ndarray,
    feedback_delay: int,
    feedback_window: int = 16,
    coded: Callable[[], Coded] | None = None,
) -> Sent:
    """Send pictures uint8 [n, height, width, 3], one a slot.

    For each segment the transmitter knows the mean SNR that the receiver had measured `feedback_delay` slots before,
    over `feedback_window` slots. `coded` gives the slots of an arm for which that changes nothing, if they are known.
    """
    if arm.is_told or arm.uses_feedback:
        slots, spent = _follow(arm, realisation, pictures, feedback_delay, feedback_window)
    else:
        slots, spent = coded() if coded else encode(arm, pictures, realisation.count)
    received = realisation.send([(slot.symbols, slot.payload_type, slot.mode) for slot in slots])
    energy = float(sum(np.vdot(slot.symbols, slot.symbols).real for slot in slots))
    return Sent(received, energy, spent)


def _follow(arm: Arm, realisation: Realisation, pictures: np.ndarray, delay: int, window: int) -> Coded:
    scheme = arm.scheme(realisation.count)
    probe = realisation.probe(len(pictures))
    slots: list[Slot] = []
    spent = 0.0
    for start in range(0, len(pictures), scheme.segment_frames):
        end = min(start + scheme.segment_frames, len(pictures))
        arm.tell(realisation.count, probe.error[start:end], probe.noise_map[start:end])
        began = time.perf_counter()
        slots += scheme.encode(pictures[start:end], probe.feedback_db(start, delay, window))
        spent += time.perf_counter() - began
    return slots, spent


def receive(arm: Arm, sent: Sent, count: int, height: int, width: int, measured: int = 1) -> Transmission:
    """What an arm with the same sender makes of it. Every `measured`-th picture is looked at: a memoryless scheme
    decodes no others.
    """
    scheme, total = arm.scheme(count), len(sent.received)
    wanted = _looked_at(sent.received, measured) if arm.memoryless else set(range(total))
    decode_s = 0.0
    pictures: list[np.ndarray | None] = []
    concealed, reports = [], []
    for start in range(0, total, scheme.segment_frames):
        frames = sent.received[start : start + scheme.segment_frames]
        if wanted.isdisjoint(range(start, start + len(frames))):
            pictures += [None] * len(frames)
            concealed += [frame is None for frame in frames]
            continue
        began = time.perf_counter()
        decoded = scheme.decode([received_slot(frame) for frame in frames], height, width)
        decode_s += time.perf_counter() - began
        # What a memoryless scheme showed before may have been left out here.
        hidden = decoded.concealed if arm.memoryless else np.zeros(len(frames), bool)
        pictures += [None if lost else shown for lost, shown in zip(hidden, decoded.pictures, strict=True)]
        concealed += list(decoded.concealed)
        reports.append(decoded.report)
    return Transmission(
        pictures=Concealment().fill(pictures, height, width)[0],
        concealed=np.array(concealed, bool),
        slots_lost=sum(frame is None for frame in sent.received),
        energy=sent.energy,
        encode_seconds=sent.encode_seconds,
        decode_seconds=decode_s,
        reports=reports,
    )


def _looked_at(received: list[ReceivedFrame | None], measured: int) -> set[int]:
    """Slots that are shown when every `measured`-th picture is looked at: a lost one shows the last before it."""
    arrived = np.flatnonzero([frame is not None for frame in received])
    shown = (arrived[arrived <= number][-1:] for number in range(0, len(received), measured))
    return {int(number[0]) for number in shown if len(number)}


def received_slot(frame: ReceivedFrame | None) -> ReceivedSlot | None:
    """What a scheme is told of a received frame."""
    if frame is None:
        return None
    return ReceivedSlot(frame.symbols, frame.noise_map, frame.payload_type, frame.mode, frame.snr_db)
