"""Streams of bursts, told apart, put in order, and counted to the last burst."""

import dataclasses

from gvc.phy.frames import ReceivedBurst
from gvc.phy.header import FIELDS

SEQUENCES = 1 << FIELDS["sequence"][0]
FRAMES = 1 << FIELDS["frame"][0]
HEARD_AGAIN = 3
"""So many bursts in order, all behind the newest one: the transmitter has begun again. Fewer are duplicates."""


@dataclasses.dataclass
class Counters:
    """Bursts and frames so far.

    Lost ones are those that numbers show to have been sent: for each stream from the first burst of the first frame
    heard to the last burst of the last one, and from the first frame of the first segment heard to the last of the last
    one, received + lost = sent, exactly. What was sent before and after is not known. Of the others, duplicate, foreign
    (not for this decoder) and misplaced bursts (whose numbers contradict those before) are in none of these.
    """

    bursts_received: int = 0
    bursts_lost: int = 0
    bursts_duplicate: int = 0
    bursts_foreign: int = 0
    bursts_misplaced: int = 0
    streams: int = 0
    restarts: int = 0
    frames_complete: int = 0
    frames_partial: int = 0
    frames_lost: int = 0

    @property
    def frames_heard(self) -> int:
        """Frames of which at least one burst was received."""
        return self.frames_complete + self.frames_partial

    @property
    def frames_known(self) -> int:
        """Frames that are known to have been sent."""
        return self.frames_heard + self.frames_lost

    def as_dict(self) -> dict[str, int]:
        return dataclasses.asdict(self)

    def add(self, other: "Counters") -> None:
        """Count what `other` has counted too."""
        for name, value in other.as_dict().items():
            setattr(self, name, getattr(self, name) + value)


@dataclasses.dataclass(frozen=True)
class Position:
    """Where a burst stands in its stream, numbers unwrapped: `sequence` of the burst, its `frame` and `fragment` of
    `fragments`, and the `segment` (its first frame) of `slots` frames. `kind`: what all bursts of a frame agree on.
    """

    sequence: int
    frame: int
    fragment: int
    fragments: int
    segment: int
    slots: int
    kind: tuple[int, ...]

    @property
    def frame_start(self) -> int:
        """Sequence number of the frame's first burst."""
        return self.sequence - self.fragment

    def follows(self, before: "Position") -> bool:
        """Whether a transmitter that sent `before` can have sent this one later."""
        between = self.frame - before.frame
        ahead = self.frame_start - before.frame_start
        if between == 0:
            same = (self.kind, self.segment, self.slots) == (before.kind, before.segment, before.slots)
            return same and ahead == 0 and self.fragment > before.fragment
        if self.segment == before.segment:
            in_order = self.slots == before.slots
        else:
            in_order = self.segment >= before.segment + before.slots
        # Each frame between takes at least one burst.
        return between > 0 and in_order and ahead >= before.fragments + between - 1

    def rebased(self, sequences: int, frames: int) -> "Position":
        """The same with so many subtracted."""
        sequence, frame, segment = self.sequence - sequences, self.frame - frames, self.segment - frames
        return dataclasses.replace(self, sequence=sequence, frame=frame, segment=segment)


class Pass:
    """One run of a stream's numbers: from the transmitter's start, or a recording's, to its end or the next start.

    `restarts`: how often the stream has begun again before this pass.
    """

    def __init__(self, stream: int, restarts: int, burst: ReceivedBurst, position: Position):
        self.stream, self.restarts = stream, restarts
        self.coder, self.payload_type = burst.header.coder, burst.header.payload_type
        self.picture = burst.shape.picture
        self.first = self.newest = position
        self.ended = False
        self.counters = Counters(streams=restarts == 0, restarts=restarts > 0)

    def take(self, burst: ReceivedBurst, position: Position) -> None:
        """Count a burst that follows the newest one, or is the first."""
        self.newest = position
        self.ended |= burst.header.last
        self.counters.bursts_received += 1
        sent = position.frame_start + position.fragments - self.first.frame_start
        self.counters.bursts_lost = sent - self.counters.bursts_received

    def frame_over(self, complete: bool) -> None:
        """Count a frame of which at least one burst was taken."""
        self.counters.frames_complete += complete
        self.counters.frames_partial += not complete
        self.counters.frames_lost = self.frames - self.counters.frames_heard

    @property
    def frames(self) -> int:
        """Frames that are known to have been sent."""
        return self.newest.segment + self.newest.slots - self.first.segment

    def as_dict(self) -> dict[str, object]:
        """For JSON. `frames` counts what is known to have been sent from number `first_frame` on; `ended`: the
        transmitter's own mark of the end was heard.
        """
        counted = self.counters
        height, width, _ = self.picture
        return {
            "stream": f"{self.stream:04x}",
            "restarts": self.restarts,
            "payload_type": self.payload_type,
            "coder": f"{self.coder:03x}",
            "size": [width, height],
            "first_frame": self.first.segment % FRAMES,
            "frames": self.frames,
            "bursts_received": counted.bursts_received,
            "bursts_lost": counted.bursts_lost,
            "frames_complete": counted.frames_complete,
            "frames_partial": counted.frames_partial,
            "frames_lost": counted.frames_lost,
            "ended": self.ended,
        }


class Track:
    """The bursts of one stream in a plausible order. Memory is bounded, whatever the numbers say."""

    def __init__(self, stream: int):
        self.stream = stream
        self.current: Pass | None = None
        self._again: list[tuple[ReceivedBurst, Position]] = []

    def place(self, burst: ReceivedBurst, fragments: int, counters: Counters) -> list[tuple[ReceivedBurst, Position]]:
        """The bursts that are to be taken now, in order; what is dropped is counted in `counters`.

        `current` is the pass that they belong to: a new one where the transmitter has begun again.
        """
        if self.current is None:
            position = self._position(burst, fragments, None)
            self.current = Pass(self.stream, 0, burst, position)
            return [(burst, position)]
        newest = self.current.newest
        position = self._position(burst, fragments, newest)
        if position == newest:
            counters.bursts_duplicate += 1
            return []
        if position.sequence > newest.sequence:
            self.forget(counters)
            if position.follows(newest):
                return [(burst, position)]
            counters.bursts_misplaced += 1
            return []
        if self._again and not position.follows(self._again[-1][1]):
            self.forget(counters)
        self._again.append((burst, position))
        from_the_start = self.current.ended and position.sequence <= self.current.first.sequence
        if len(self._again) < HEARD_AGAIN and not from_the_start:
            return []
        return self._begin_again()

    def forget(self, counters: Counters) -> None:
        """What has been heard again so far are duplicates."""
        counters.bursts_duplicate += len(self._again)
        self._again = []

    def _begin_again(self) -> list[tuple[ReceivedBurst, Position]]:
        assert self.current is not None
        start = self._again[0][1]
        # Numbers of a pass begin as the transmitter has them, whatever was unwrapped before.
        off = start.sequence // SEQUENCES * SEQUENCES, start.frame // FRAMES * FRAMES
        again = [(burst, position.rebased(*off)) for burst, position in self._again]
        self._again = []
        self.current = Pass(self.stream, self.current.restarts + 1, *again[0])
        return again

    @staticmethod
    def _position(burst: ReceivedBurst, fragments: int, near: Position | None) -> Position:
        """Numbers unwrapped to those nearest to the newest burst's; of frames, to what the bursts between make."""
        header = burst.header
        if near is None:
            sequence, frame = header.sequence, header.frame
        else:
            half = SEQUENCES // 2
            ahead = (header.sequence - near.sequence + half) % SEQUENCES - half
            expected = round((ahead + near.fragment - header.fragment) / near.fragments)
            half = FRAMES // 2
            between = expected + (header.frame - near.frame - expected + half) % FRAMES - half
            sequence, frame = near.sequence + ahead, near.frame + between
        kind = header.payload_type, header.mode, header.shape, int(header.last), header.coder
        return Position(sequence, frame, header.fragment, fragments, frame - header.slot, header.slots, kind)
