"""Symbols to pictures by the scheme of an arm: a segment at once, when its last frame is in or will not come."""

import dataclasses
from collections import Counter
from collections.abc import Sequence

from gvc.coding.arms import Arm, bind
from gvc.coding.segments import Piece, Segment, SegmentReceiver
from gvc.config import LinkConfig, given
from gvc.phy.frames import ReceivedFrame
from gvc.simulation.transmission import received_slot
from gvc_blocks.runtime.contents import DecodedFrame, DenoisedFrame, Undecodable
from gvc_blocks.runtime.flight import Flight
from gvc_blocks.runtime.guarded import GuardedBlock


class SegmentDecoder(GuardedBlock):
    """One call of a scheme a segment. Pictures that it had to conceal are not passed on: they count as lost.

    Where a segment ends its own frames say. Frames that arrived and cannot be decoded are counted (`undecodable`).

    Input message `symbols`: gvc.phy.ReceivedFrame, or DenoisedFrame from a denoiser. Output message `frames`:
    DecodedFrame.

    Args:
        arm: by name, the transmitter's or one that shares its symbols, or bound.
        config: of the link, or the name or path of its radio file; `settings` KEY=VALUE go over that.
        fps: frames a second.
    """

    def __init__(
        self,
        arm: str | Arm = "jscc",
        config: LinkConfig | str = "sim-awgn",
        settings: Sequence[str] = (),
        fps: float = 25.0,
    ):
        super().__init__("gvc segment decoder")
        self.arm = bind(arm, given(config, settings), fps)
        self.flight: Flight | None = None
        self.undecodable = Undecodable()
        self._segments = SegmentReceiver(self.arm)
        self.receive("symbols", self._gather)
        self.send_on("frames")

    @property
    def told(self) -> Counter[str]:
        """The scheme's reports, summed over segments."""
        return self._segments.told

    def _gather(self, content: ReceivedFrame | DenoisedFrame) -> None:
        frame = content.received if isinstance(content, DenoisedFrame) else content
        slot = received_slot(frame)
        assert slot is not None  # the frame was received
        if isinstance(content, DenoisedFrame):
            slot = dataclasses.replace(slot, estimate=content.estimate)
        stream = frame.stream, frame.restarts
        piece = Piece(slot, frame.frame_id, frame.shape.picture, frame.slot, frame.slots, frame.place, stream)
        for segment in self._segments.push(piece):
            self._show(segment)

    def _show(self, segment: Segment) -> None:
        if segment.undecodable:
            self.undecodable.add(segment.reason, segment.undecodable)
        for shown in segment.shown:
            self.publish("frames", DecodedFrame(shown.frame_id, shown.pixels, place=shown.place))
        if self.flight and not any(shown.frame_id == segment.last_frame for shown in segment.shown):
            # What was concealed will not be displayed.
            self.flight.displayed(segment.last_frame)

    def at_end(self) -> None:
        for segment in self._segments.flush():
            self._show(segment)
