"""Samplers over the x0 network: every symbol starts at its own noise and all descend together.

With sigma_n = sqrt(nu_n) of symbol n, the network's x0 gives the direction of the probability-flow equation
dz/dsigma = (z - x0) / sigma (Karras et al., "Elucidating the design space of diffusion-based generative models",
NeurIPS 2022, eq. 4). After step j all sigma_n have fallen to 1 - j/steps of their start, and end at 0. One step is the
posterior mean.
"""

from typing import Protocol

import torch
from torch import Tensor, nn

from gvc.errors import InputError
from gvc.noise_map import NU_MAX
from models.cddm.network import linear_estimate
from models.jscc.network import sent

MOST_STEPS = 1000


class Sampler(Protocol):
    """Strategy of kind `sampler`, made with (network, steps). `used`: network evaluations of the last call."""

    used: int

    def __call__(
        self, latents: Tensor, noise_map: Tensor, active: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """Unbiased latents [B, C, h, w], noise map [B, C/2, h, w], maps sent [B] -> estimate [B, C, h, w]."""


class Deterministic:
    """`x0`: Euler steps of the probability-flow equation. Raises InputError for steps outside 1 to MOST_STEPS."""

    def __init__(self, network: nn.Module, steps: int = 1):
        if not 1 <= steps <= MOST_STEPS:
            raise InputError(f"{steps} denoiser steps: use 1 to {MOST_STEPS}")
        self.network = network
        self.steps = self.used = steps

    def __call__(
        self, latents: Tensor, noise_map: Tensor, active: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        known = sent(noise_map, active / 2)
        latents = self._start(latents, noise_map, generator) * sent(latents, active)
        for j in range(self.steps):
            scale, smaller = 1 - j / self.steps, 1 - (j + 1) / self.steps
            # maps that were not sent stay as the network has learned them: zero, with no information
            nu = torch.where(known, noise_map * scale**2, noise_map)
            x0 = self.network(linear_estimate(latents, nu), nu, active)
            if smaller:
                latents = self._step(latents, x0, noise_map, scale, smaller, generator) * sent(latents, active)
        return x0

    def _start(self, latents: Tensor, noise_map: Tensor, generator: torch.Generator | None) -> Tensor:
        return latents

    def _step(
        self,
        latents: Tensor,
        x0: Tensor,
        noise_map: Tensor,
        scale: float,
        smaller: float,
        generator: torch.Generator | None,
    ) -> Tensor:
        return x0 + smaller / scale * (latents - x0)


class Stochastic(Deterministic):
    """`stochastic`: ancestral steps, in the limit a sample of the posterior p(x | z). Same errors."""

    def _start(self, latents: Tensor, noise_map: Tensor, generator: torch.Generator | None) -> Tensor:
        # a lost symbol has z = 0, the mean of z = x + noise and no draw of it
        nu = noise_map.repeat_interleave(2, 1)
        return torch.where(nu >= NU_MAX, (1 + nu).sqrt() * _normal(latents, generator), latents)

    def _step(
        self,
        latents: Tensor,
        x0: Tensor,
        noise_map: Tensor,
        scale: float,
        smaller: float,
        generator: torch.Generator | None,
    ) -> Tensor:
        kept = (smaller / scale) ** 2
        fresh = (noise_map * smaller**2 * (1 - kept)).sqrt().repeat_interleave(2, 1)
        return x0 + kept * (latents - x0) + fresh * _normal(latents, generator)


def _normal(like: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.randn(like.shape, device=like.device, generator=generator)
