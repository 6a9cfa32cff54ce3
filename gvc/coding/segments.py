"""Received slots, one after another, to pictures: a segment at once, when its last slot is in or will not come."""

from collections import Counter, OrderedDict
from dataclasses import dataclass, field

import numpy as np

from gvc.coding.arms import Arm
from gvc.coding.scheme import ReceivedSlot
from gvc.errors import InputError, WeightsError
from gvc.phy.shape import frame_symbols

OPEN_STREAMS = 8
"""Streams whose segments may be open at once."""


@dataclass(frozen=True)
class Piece:
    """A received slot and where it belongs: number `slot` of a segment of `slots`, frame `frame_id` of a stream,
    `place` among all that the receiver shows. picture: (height, width, latents).
    """

    received: ReceivedSlot
    frame_id: int
    picture: tuple[int, int, int]
    slot: int = 0
    slots: int = 1
    place: int | None = None
    stream: tuple[int, int] = (0, 0)

    @property
    def segment(self) -> tuple[int, int]:
        """First frame and frames of the segment."""
        return self.frame_id - self.slot, self.slots


@dataclass(frozen=True)
class Shown:
    """A decoded picture uint8 [height, width, 3] and where it belongs, as of `Piece`."""

    frame_id: int
    pixels: np.ndarray
    place: int | None = None


@dataclass(frozen=True)
class Segment:
    """What came of a segment. shown: pictures that were decoded; one that the scheme had to conceal is lost.
    last_frame: its last frame's number. undecodable: slots that arrived and could not be decoded, `reason` why.
    """

    shown: list[Shown]
    last_frame: int
    undecodable: int = 0
    reason: str = ""
    report: dict[str, float] = field(default_factory=dict)


class SegmentReceiver:
    """Gathers slots into segments and has an arm decode them. Where a segment ends its slots say.

    `told` sums the scheme's reports over segments: a list would grow with a long run.

    Raises WeightsError at the first segment when an arm that was not loaded has no weights.
    """

    def __init__(self, arm: Arm):
        self.arm = arm
        self.told: Counter[str] = Counter()
        self._open: OrderedDict[tuple[int, int], list[Piece]] = OrderedDict()

    def push(self, piece: Piece) -> list[Segment]:
        """The segments that this slot ends, its own or those before."""
        ended = []
        pieces = self._open.setdefault(piece.stream, [])
        self._open.move_to_end(piece.stream)
        if pieces and pieces[0].segment != piece.segment:
            ended.append(self._decode(pieces))
            pieces.clear()
        pieces.append(piece)
        if piece.slot == piece.slots - 1:
            ended.append(self._decode(self._open.pop(piece.stream)))
        elif len(self._open) > OPEN_STREAMS:
            ended.append(self._decode(self._open.popitem(last=False)[1]))
        return ended

    def flush(self) -> list[Segment]:
        """What is still open."""
        return [self._decode(self._open.popitem(last=False)[1]) for _ in range(len(self._open))]

    def _decode(self, pieces: list[Piece]) -> Segment:
        some = pieces[0]
        first, count = some.segment
        slots = {piece.slot: piece.received for piece in pieces}
        height, width, _ = some.picture
        try:
            scheme = self.arm.scheme(frame_symbols(*some.picture))
            decoded = scheme.decode([slots.get(number) for number in range(count)], height, width)
        except WeightsError:
            # No frame is to blame, and none will be decoded.
            raise
        except InputError as error:
            # A size that the scheme cannot have.
            return Segment([], first + count - 1, len(pieces), str(error))
        self.told.update(decoded.report)
        place = None if some.place is None else some.place - some.slot
        shown = [
            Shown(first + number, decoded.pictures[number], None if place is None else place + number)
            for number in map(int, np.flatnonzero(~decoded.concealed))
        ]
        failed = sum(bool(decoded.concealed[number]) for number in slots) if decoded.reason else 0
        return Segment(shown, first + count - 1, failed, decoded.reason, decoded.report)
