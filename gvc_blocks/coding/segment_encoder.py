"""Pictures to symbols by a peer: segments of pictures at once, digital, softcast or hybrid."""

import numpy as np

from gvc.coding import peers
from gvc.coding.scheme import Scheme
from gvc.config import LinkConfig, build
from gvc.phy.frames import SymbolFrame
from gvc.phy.shape import PictureShape
from gvc_blocks.contents import VideoFrame
from gvc_blocks.feedback import Feedback
from gvc_blocks.guarded import GuardedBlock
from gvc_blocks.tap import Tap
from models.latents import latents_of


class SegmentEncoder(GuardedBlock):
    """One call of a scheme a segment; as many frames of symbols as pictures.

    Input message `frames`: VideoFrame. Output message `symbols`: gvc.phy.SymbolFrame.

    Args:
        arm: a peer by name, such as `av1+ldpc`.
        config: of the link, or the name or path of its radio file.
        fps: frames a second.
        dump_path: file for the symbols, cf32; empty for none.
    """

    def __init__(
        self, arm: str = "av1+ldpc", config: LinkConfig | str = "sim-awgn", fps: float = 25.0, dump_path: str = ""
    ):
        super().__init__("gvc segment encoder")
        self.config = build(config) if isinstance(config, str) else config
        self.arm, self._fps = arm, fps
        self.latents = latents_of(self.config.model.cbr)
        self.feedback: Feedback | None = None
        self._scheme: Scheme | None = None
        self._waiting: list[VideoFrame] = []
        self._tap = Tap(dump_path)
        self.receive("frames", self._gather)
        self.send_on("symbols")

    def scheme(self, height: int, width: int) -> Scheme:
        """The scheme, made for the first picture's size."""
        if self._scheme is None:
            count = PictureShape(height, width, self.latents).elements
            self._scheme = peers.create(self.arm, self.config, count, self._fps)
        return self._scheme

    def _gather(self, frame: VideoFrame) -> None:
        self._waiting.append(frame)
        if frame.last or len(self._waiting) == self.scheme(*frame.pixels.shape[:2]).segment_frames:
            self._encode()

    def _encode(self) -> None:
        frames, self._waiting = self._waiting, []
        height, width = frames[0].pixels.shape[:2]
        snr_db = self.config.model.design_snr_db
        if self.feedback is not None:
            snr_db = self.feedback.known_db(frames[0].frame_id, self.flow.stopping)
        slots = self.scheme(height, width).encode(np.stack([frame.pixels for frame in frames]), snr_db)
        shape = PictureShape(height, width, self.latents)
        for number, (frame, slot) in enumerate(zip(frames, slots, strict=True)):
            self._tap.write(slot.symbols)
            coded = SymbolFrame(
                frame.frame_id, slot.symbols, shape, slot.mode, slot.payload_type, frame.last, number, len(slots)
            )
            self.publish("symbols", coded, symbols=len(slot.symbols))

    def at_end(self) -> None:
        if self._waiting:
            self._encode()
        self._tap.close()
