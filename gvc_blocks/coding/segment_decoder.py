"""Symbols to pictures by a peer: a segment at once, when its last frame is in or will not come."""

from collections import Counter, OrderedDict

import numpy as np

from gvc.coding import peers
from gvc.coding.scheme import Scheme
from gvc.coding.transmission import received_slot
from gvc.config import LinkConfig, build
from gvc.errors import InputError
from gvc.phy.frames import ReceivedFrame
from gvc.phy.shape import frame_symbols
from gvc_blocks.contents import DecodedFrame, Undecodable
from gvc_blocks.flight import Flight
from gvc_blocks.guarded import GuardedBlock

OPEN_STREAMS, SIZES = 8, 4
"""Streams whose segments may be open at once, and picture sizes that schemes are kept for."""


class SegmentDecoder(GuardedBlock):
    """One call of a scheme a segment. Pictures that it had to conceal are not passed on: they count as lost.

    Where a segment ends its own frames say. Segments of a size that the scheme cannot have are counted (`undecodable`).

    Input message `symbols`: gvc.phy.ReceivedFrame. Output message `frames`: DecodedFrame.

    Args:
        arm: the peer that the transmitter uses.
        config: of the link, or the name or path of its radio file.
        fps: frames a second.
    """

    def __init__(self, arm: str = "av1+ldpc", config: LinkConfig | str = "sim-awgn", fps: float = 25.0):
        super().__init__("gvc segment decoder")
        self.config = build(config) if isinstance(config, str) else config
        self.arm, self._fps = arm, fps
        self.flight: Flight | None = None
        self.undecodable = Undecodable()
        # Sums over segments: a list would grow with a long run.
        self.told: Counter[str] = Counter()
        self._schemes: OrderedDict[tuple[int, int, int], Scheme] = OrderedDict()
        self._open: OrderedDict[tuple[int, int], list[ReceivedFrame]] = OrderedDict()
        self.receive("symbols", self._gather)
        self.send_on("frames")

    def scheme(self, height: int, width: int, latents: int) -> Scheme:
        """The scheme for pictures of this size; raises InputError where there is none."""
        size = height, width, latents
        if size not in self._schemes:
            self._schemes[size] = peers.create(self.arm, self.config, frame_symbols(*size), self._fps)
        self._schemes.move_to_end(size)
        if len(self._schemes) > SIZES:
            self._schemes.popitem(last=False)
        return self._schemes[size]

    def _gather(self, frame: ReceivedFrame) -> None:
        stream = frame.stream, frame.restarts
        frames = self._open.setdefault(stream, [])
        self._open.move_to_end(stream)
        if frames and _segment(frames[0]) != _segment(frame):
            self._decode(frames)
            frames.clear()
        frames.append(frame)
        if frame.slot == frame.slots - 1:
            self._decode(self._open.pop(stream))
        elif len(self._open) > OPEN_STREAMS:
            self._decode(self._open.popitem(last=False)[1])

    def _decode(self, frames: list[ReceivedFrame]) -> None:
        any_frame = frames[0]
        first, count = _segment(any_frame)
        place = any_frame.place - any_frame.slot
        slots = {frame.slot: frame for frame in frames}
        height, width, latents = any_frame.shape.picture
        try:
            scheme = self.scheme(height, width, latents)
            decoded = scheme.decode([received_slot(slots.get(number)) for number in range(count)], height, width)
        except InputError as error:
            self.undecodable.add(error, len(frames))
        else:
            self.told.update(decoded.report)
            for number in map(int, np.flatnonzero(~decoded.concealed)):
                self.publish("frames", DecodedFrame(first + number, decoded.pictures[number], place=place + number))
        if self.flight:
            # What was concealed will not be displayed.
            self.flight.displayed(first + count - 1)

    def at_end(self) -> None:
        while self._open:
            self._decode(self._open.popitem(last=False)[1])


def _segment(frame: ReceivedFrame) -> tuple[int, int]:
    """First frame and frames of the segment."""
    return frame.frame_id - frame.slot, frame.slots
