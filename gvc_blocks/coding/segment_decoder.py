"""Symbols to pictures by a peer: a segment at once, when its last frame is in or will not come."""

from collections import Counter

import numpy as np

from gvc.coding import peers
from gvc.coding.scheme import Scheme
from gvc.coding.transmission import received_slot
from gvc.config import LinkConfig, build
from gvc.phy.frames import ReceivedFrame
from gvc.phy.header import frame_symbols
from gvc_blocks.contents import DecodedFrame
from gvc_blocks.flight import Flight
from gvc_blocks.guarded import GuardedBlock


class SegmentDecoder(GuardedBlock):
    """One call of a scheme a segment. Pictures that it had to conceal are not passed on: they count as lost.

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
        # Sums over segments: a list would grow with a long run.
        self.told: Counter[str] = Counter()
        self._scheme: Scheme | None = None
        self._segment = 0
        self._slots: dict[int, ReceivedFrame] = {}
        self.receive("symbols", self._gather)
        self.send_on("frames")

    def scheme(self, height: int, width: int, latents: int) -> Scheme:
        """The scheme, made for the first frame's size."""
        if self._scheme is None:
            self._scheme = peers.create(self.arm, self.config, frame_symbols(height, width, latents), self._fps)
        return self._scheme

    def _gather(self, frame: ReceivedFrame) -> None:
        size = self.scheme(frame.height, frame.width, frame.latents).segment_frames
        segment, number = divmod(frame.frame_id, size)
        if segment != self._segment:
            self._decode()
            self._segment = segment
        self._slots[number] = frame
        if number == size - 1 or frame.last:
            self._decode()

    def _decode(self) -> None:
        if not self._slots:
            return
        slots, self._slots = self._slots, {}
        any_frame = next(iter(slots.values()))
        scheme = self.scheme(any_frame.height, any_frame.width, any_frame.latents)
        last = max(slots)
        count = last + 1 if slots[last].last else scheme.segment_frames
        decoded = scheme.decode(
            [received_slot(slots.get(number)) for number in range(count)], any_frame.height, any_frame.width
        )
        self.told.update(decoded.report)
        first = self._segment * scheme.segment_frames
        for number in np.flatnonzero(~decoded.concealed):
            self.publish("frames", DecodedFrame(int(first + number), decoded.pictures[number]))
        if self.flight:
            # What was concealed will not be displayed.
            self.flight.displayed(first + count - 1)

    def at_end(self) -> None:
        self._decode()
