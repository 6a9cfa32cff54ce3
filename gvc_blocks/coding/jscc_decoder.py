"""Symbols to pictures by a neural decoder."""

from gvc import registry
from gvc.phy.frames import ReceivedFrame
from gvc_blocks.contents import DecodedFrame, DenoisedFrame
from gvc_blocks.guarded import GuardedBlock


class JsccDecoder(GuardedBlock):
    """One call of the decoder a frame.

    Input message `symbols`: gvc.phy.ReceivedFrame, or DenoisedFrame from a denoiser. Output message `frames`:
    DecodedFrame.

    Args:
        decoder: registry name of kind `decoder`, or package.module:Class.
        arm: `jscc` for the decoder of received symbols, `jscc+cddm` for that of denoised ones.
        preset: small, default or large.
        dtype: auto, float32 or bfloat16.
        compiled: compile the network before the start.
    """

    def __init__(
        self,
        decoder: str = "jscc",
        arm: str = "jscc",
        preset: str = "default",
        dtype: str = "auto",
        compiled: bool = False,
    ):
        super().__init__("gvc jscc decoder")
        self.decoder = registry.create("decoder", decoder, preset=preset, arm_name=arm, dtype=dtype, compiled=compiled)
        self.receive("symbols", self._decode)
        self.send_on("frames")

    def _decode(self, frame: ReceivedFrame | DenoisedFrame) -> None:
        received = frame.received if isinstance(frame, DenoisedFrame) else frame
        pixels = self.decoder.decode(
            frame.symbols, received.noise_map, received.height, received.width, received.latents
        )
        self.publish("frames", DecodedFrame(received.frame_id, pixels, received.mode))
