"""Pictures to symbols by a neural encoder."""

from collections.abc import Mapping
from typing import Any

from gvc import registry
from gvc.phy.frames import SymbolFrame
from gvc.phy.shape import PictureShape
from gvc_blocks.contents import VideoFrame
from gvc_blocks.guarded import GuardedBlock
from gvc_blocks.tap import Tap


class JsccEncoder(GuardedBlock):
    """One call of the encoder a frame.

    Input message `frames`: VideoFrame. Output message `symbols`: gvc.phy.SymbolFrame, unit mean power.

    Args:
        encoder: registry name of kind `encoder`, or package.module:Class.
        preset: small, default or large.
        cbr: channel bandwidth ratio, payload symbols / (3 x height x width).
        design_snr_db: the SNR that the transmitter designs for.
        dtype: auto, float32 or bfloat16.
        compiled: compile the network before the start (seconds to minutes, then faster).
        dump_path: file for the symbols, cf32; empty for none.
        options: further arguments of the encoder's constructor.
    """

    def __init__(
        self,
        encoder: str = "jscc",
        preset: str = "default",
        cbr: float = 1 / 48,
        design_snr_db: float = 10.0,
        dtype: str = "auto",
        compiled: bool = False,
        dump_path: str = "",
        options: Mapping[str, Any] | None = None,
    ):
        super().__init__("gvc jscc encoder")
        self.encoder = registry.create(
            "encoder", encoder, options, preset=preset, cbr=cbr, design_snr_db=design_snr_db, dtype=dtype,
            compiled=compiled,
        )  # fmt: skip
        self._tap = Tap(dump_path)
        self.receive("frames", self._encode)
        self.send_on("symbols")

    def _encode(self, frame: VideoFrame) -> None:
        symbols = self.encoder.encode(frame.pixels)
        self._tap.write(symbols)
        height, width = frame.pixels.shape[:2]
        shape = PictureShape(height, width, self.encoder.latents)
        coded = SymbolFrame(frame.frame_id, symbols, shape, last=frame.last)
        self.publish("symbols", coded, symbols=len(symbols))

    def at_end(self) -> None:
        self._tap.close()
