"""A generative receiver stage between equaliser and decoder."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gvc import registry
from gvc.errors import ParseError
from gvc.phy.frames import ReceivedFrame
from gvc_blocks.contents import DenoisedFrame, check_payload
from gvc_blocks.guarded import GuardedBlock
from gvc_blocks.tap import Tap


class CddmDenoiser(GuardedBlock):
    """One estimate a frame, and the gate's word on whether to decode from it.

    Input message `symbols`: gvc.phy.ReceivedFrame. Output message `symbols`: DenoisedFrame.

    Args:
        denoiser: registry name of kind `denoiser`, or package.module:Class.
        arm: of the ablation, which says whose weights.
        preset: small, default or large.
        sampler: registry name of kind `sampler`: x0, stochastic or paper.
        steps: network evaluations a frame.
        gate: follow the denoiser's own `gate`, where it has one.
        dtype: auto, float32 or bfloat16.
        compiled: compile the network before the start.
        dump_path: file for the denoised symbols, cf32; empty for none.
        options, sampler_options: further arguments of the denoiser's and of the sampler's constructor.
    """

    def __init__(
        self,
        denoiser: str = "cddm",
        arm: str = "jscc+cddm",
        preset: str = "default",
        sampler: str = "x0",
        steps: int = 1,
        gate: bool = True,
        dtype: str = "auto",
        compiled: bool = False,
        dump_path: str = "",
        options: Mapping[str, Any] | None = None,
        sampler_options: Mapping[str, Any] | None = None,
    ):
        super().__init__("gvc cddm denoiser")
        self.denoiser = registry.create(
            "denoiser",
            denoiser,
            options,
            preset=preset,
            arm_name=arm,
            sampler=sampler,
            steps=steps,
            dtype=dtype,
            compiled=compiled,
            **({"sampler_options": sampler_options} if sampler_options else {}),
        )
        self.gate = getattr(self.denoiser, "gate", None) if gate else None
        self.frames_denoised = 0
        self._tap = Tap(dump_path)
        self.receive("symbols", self._denoise)
        self.send_on("symbols")

    def estimate(
        self, symbols: np.ndarray, noise_map: np.ndarray, height: int, width: int, latents: int
    ) -> tuple[np.ndarray, bool]:
        """Estimate complex64 [n] of the sent symbols, and whether the gate lets it through."""
        estimate = self.denoiser.denoise(symbols, noise_map, height, width, latents)
        return estimate, self.gate is None or self.gate(symbols, noise_map, estimate)

    def _denoise(self, frame: ReceivedFrame) -> None:
        try:
            check_payload(frame)
            symbols, denoised = self.estimate(frame.symbols, frame.noise_map, *frame.shape.picture)
        except ParseError:
            # The decoder meets it too, and counts it.
            symbols, denoised = frame.symbols, False
        self.frames_denoised += denoised
        self._tap.write(symbols)
        self.publish("symbols", DenoisedFrame(frame, symbols, denoised))

    def at_end(self) -> None:
        self._tap.close()
