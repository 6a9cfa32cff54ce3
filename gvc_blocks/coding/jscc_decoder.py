"""Symbols to pictures by a neural decoder."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gvc import registry
from gvc.errors import ParseError
from gvc.phy.frames import ReceivedFrame
from gvc_blocks.contents import DecodedFrame, DenoisedFrame, Undecodable, check_payload
from gvc_blocks.flight import Flight
from gvc_blocks.guarded import GuardedBlock


class JsccDecoder(GuardedBlock):
    """One call of a decoder a frame: the arm's own, or that of received symbols where the gate left a frame alone. A
    frame that cannot be decoded is counted (`undecodable`) and lost.

    Input message `symbols`: gvc.phy.ReceivedFrame, or DenoisedFrame from a denoiser. Output message `frames`:
    DecodedFrame.

    Args:
        decoder: registry name of kind `decoder`, or package.module:Class.
        arm: `jscc` for the decoder of received symbols, `jscc+cddm` for that of denoised ones.
        preset: small, default or large.
        gate: frames may come that the denoiser's gate left alone.
        dtype: auto, float32 or bfloat16.
        compiled: compile the network before the start.
        options: further arguments of the decoder's constructor.
    """

    def __init__(
        self,
        decoder: str = "jscc",
        arm: str = "jscc",
        preset: str = "default",
        gate: bool = False,
        dtype: str = "auto",
        compiled: bool = False,
        options: Mapping[str, Any] | None = None,
    ):
        super().__init__("gvc jscc decoder")
        given = {"preset": preset, "dtype": dtype, "compiled": compiled}
        self.decoder = registry.create("decoder", decoder, options, arm_name=arm, **given)
        self.plain = registry.create("decoder", decoder, options, arm_name="jscc", **given) if gate else self.decoder
        self.flight: Flight | None = None
        self.undecodable = Undecodable()
        self.receive("symbols", self._decode)
        self.send_on("frames")

    def pixels(
        self,
        symbols: np.ndarray,
        estimate: np.ndarray | None,
        noise_map: np.ndarray,
        height: int,
        width: int,
        latents: int,
    ) -> np.ndarray:
        """Picture uint8 [height, width, 3] from a denoiser's `estimate`, or, without one, from received symbols."""
        if estimate is None:
            return self.plain.decode(symbols, noise_map, height, width, latents)
        return self.decoder.decode(estimate, noise_map, height, width, latents)

    def _decode(self, frame: ReceivedFrame | DenoisedFrame) -> None:
        received = frame.received if isinstance(frame, DenoisedFrame) else frame
        estimate = frame.symbols if isinstance(frame, DenoisedFrame) and frame.denoised else None
        try:
            check_payload(received)
            pixels = self.pixels(received.symbols, estimate, received.noise_map, *received.shape.picture)
        except ParseError as error:
            self.undecodable.add(error)
            if self.flight:
                self.flight.displayed(received.frame_id)
            return
        self.publish("frames", DecodedFrame(received.frame_id, pixels, received.mode, received.place))
