"""A generative receiver stage between equaliser and decoder."""

from gvc import registry
from gvc.phy.frames import ReceivedFrame
from gvc_blocks.contents import DenoisedFrame
from gvc_blocks.guarded import GuardedBlock
from gvc_blocks.tap import Tap


class CddmDenoiser(GuardedBlock):
    """One call of the denoiser a frame.

    Input message `symbols`: gvc.phy.ReceivedFrame. Output message `symbols`: DenoisedFrame.

    Args:
        denoiser: registry name of kind `denoiser`, or package.module:Class.
        preset: small, default or large.
        dtype: auto, float32 or bfloat16.
        compiled: compile the network before the start.
        dump_path: file for the denoised symbols, cf32; empty for none.
    """

    def __init__(
        self,
        denoiser: str = "cddm",
        preset: str = "default",
        dtype: str = "auto",
        compiled: bool = False,
        dump_path: str = "",
    ):
        super().__init__("gvc cddm denoiser")
        self.denoiser = registry.create("denoiser", denoiser, preset=preset, dtype=dtype, compiled=compiled)
        self.frames_denoised = 0
        self._tap = Tap(dump_path)
        self.receive("symbols", self._denoise)
        self.send_on("symbols")

    def _denoise(self, frame: ReceivedFrame) -> None:
        symbols = self.denoiser.denoise(frame.symbols, frame.noise_map, frame.height, frame.width, frame.latents)
        self.frames_denoised += 1
        self._tap.write(symbols)
        self.publish("symbols", DenoisedFrame(frame, symbols))

    def at_end(self) -> None:
        self._tap.close()
