"""The first stage of an arm's reception, between equaliser and decoder."""

from collections.abc import Sequence
from typing import Any

from gvc.coding.arms import Arm, bind
from gvc.coding.scheme import Estimate
from gvc.config import LinkConfig, given
from gvc.errors import ConfigError, InputError
from gvc.phy.frames import ReceivedFrame
from gvc.simulation.transmission import received_slot
from gvc_blocks.runtime.contents import DenoisedFrame
from gvc_blocks.runtime.guarded import GuardedBlock
from gvc_blocks.runtime.tap import Tap


class DenoisingStage(GuardedBlock):
    """One estimate a frame, and the gate's word on whether to decode from it, in a thread of its own.

    Input message `symbols`: gvc.phy.ReceivedFrame. Output message `symbols`: DenoisedFrame.

    Args:
        arm: by name, or bound: with the decoder's own, networks are loaded once.
        config: of the link, or the name or path of its radio file; `settings` KEY=VALUE go over that.
        dump_path: file for the denoised symbols, cf32; empty for none.

    Raises ConfigError for an arm that has no such stage.
    """

    def __init__(
        self,
        arm: str | Arm = "jscc+cddm",
        config: LinkConfig | str = "sim-awgn",
        settings: Sequence[str] = (),
        dump_path: str = "",
    ):
        super().__init__("gvc denoiser")
        self.arm = bind(arm, given(config, settings))
        if not self.arm.denoises:
            raise ConfigError(f"arm '{self.arm.name}' has no denoiser here: leave the block out")
        self._tap = Tap(dump_path)
        self.receive("symbols", self._denoise)
        self.send_on("symbols")

    def _denoise(self, frame: ReceivedFrame) -> None:
        slot = received_slot(frame)
        assert slot is not None  # the frame was received
        height, width, _ = frame.shape.picture
        try:
            scheme: Any = self.arm.scheme(len(frame.symbols))
        except InputError:
            # A size that the scheme cannot have: the decoder meets it, too, and says why.
            estimate = Estimate(slot.symbols, trusted=False)
        else:
            estimate = scheme.denoise(slot, height, width).estimate
        self._tap.write(estimate.symbols)
        self.publish("symbols", DenoisedFrame(frame, estimate))

    def at_end(self) -> None:
        self._tap.close()
