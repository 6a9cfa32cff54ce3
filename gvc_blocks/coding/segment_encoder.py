"""Pictures to symbols by the scheme of an arm: segments of pictures at once, of one picture for some."""

from collections.abc import Sequence

import numpy as np

from gvc.coding.arms import Arm, bind
from gvc.coding.scheme import Scheme
from gvc.config import LinkConfig, given
from gvc.errors import LinkError
from gvc.phy.frames import SymbolFrame
from gvc.phy.shape import PictureShape, frame_symbols
from gvc_blocks.runtime.contents import VideoFrame
from gvc_blocks.runtime.feedback import Feedback
from gvc_blocks.runtime.guarded import GuardedBlock
from gvc_blocks.runtime.tap import Tap
from models.latents import latents_of


class SegmentEncoder(GuardedBlock):
    """One call of a scheme a segment; as many frames of symbols as pictures.

    Input message `frames`: VideoFrame. Output message `symbols`: gvc.phy.SymbolFrame, mean power 1.

    Args:
        arm: by name, such as `jscc` or `av1+ldpc`, or bound.
        config: of the link, or the name or path of its radio file; `settings` KEY=VALUE go over that.
        fps: frames a second.
        dump_path: file for the symbols, cf32; empty for none.

    Raises ConfigError for an arm that no radio can be: a genie or a bound.
    """

    def __init__(
        self,
        arm: str | Arm = "jscc",
        config: LinkConfig | str = "sim-awgn",
        settings: Sequence[str] = (),
        fps: float = 25.0,
        dump_path: str = "",
    ):
        super().__init__("gvc segment encoder")
        self.config = given(config, settings)
        self.arm = bind(arm, self.config, fps).check_running()
        self.feedback: Feedback | None = None
        self._latents = latents_of(self.config.model.cbr)
        self._waiting: list[VideoFrame] = []
        self._tap = Tap(dump_path)
        self.receive("frames", self._gather)
        self.send_on("symbols")

    def scheme(self, height: int, width: int) -> Scheme:
        """The scheme for pictures of this size."""
        return self.arm.scheme(frame_symbols(height, width, self._latents))

    def frames(self, pictures: np.ndarray, snr_db: float, first: int = 0, last: bool = False) -> list[SymbolFrame]:
        """The frames of a segment, uint8 [n, height, width, 3], numbered from `first`; `last` ends the stream.

        Raises LinkError for a scheme that sends what its receiver would refuse.
        """
        n, height, width = pictures.shape[:3]
        made = []
        for number, slot in enumerate(self.scheme(height, width).encode(pictures, snr_db)):
            if slot.payload_type not in self.arm.payload_types:
                takes = ", ".join(map(str, sorted(self.arm.payload_types)))
                raise LinkError(
                    f"arm '{self.arm.name}' sends payload type {slot.payload_type}, and takes {takes} alone"
                )
            # An encoder from outside may have a rate of its own.
            shape = PictureShape(height, width, 2 * len(slot.symbols) // frame_symbols(height, width, 2))
            ends = last and number == n - 1
            made.append(SymbolFrame(first + number, slot.symbols, shape, slot.mode, slot.payload_type, ends, number, n))
        return made

    def _gather(self, frame: VideoFrame) -> None:
        self._waiting.append(frame)
        if frame.last or len(self._waiting) == self.scheme(*frame.pixels.shape[:2]).segment_frames:
            self._encode()

    def _encode(self) -> None:
        frames, self._waiting = self._waiting, []
        snr_db = self.config.model.design_snr_db
        if self.feedback is not None:
            snr_db = self.feedback.known_db(frames[0].frame_id, self.flow.stopping)
        pictures = np.stack([frame.pixels for frame in frames])
        for coded in self.frames(pictures, snr_db, frames[0].frame_id, frames[-1].last):
            self._tap.write(coded.symbols)
            self.publish("symbols", coded, symbols=len(coded.symbols))

    def at_end(self) -> None:
        if self._waiting:
            self._encode()
        self._tap.close()
