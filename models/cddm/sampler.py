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
    """`x0`: Euler steps of the probability-flow equation. Raises InputError for steps outside 1 to MOST_STEPS.

    Of white Gaussian latents the posterior mean is z / (1 + nu), and the flow ends at z / sqrt(1 + nu):

    >>> def network(estimate, noise_map, active):  # the linear estimate is exact
    ...     return estimate
    >>> z, nu, active = torch.ones(1, 2, 1, 1), torch.ones(1, 1, 1, 1), torch.tensor([2.0])
    >>> [round(Deterministic(network, steps)(z, nu, active)[0, 0].item(), 2) for steps in (1, 200)]
    [0.5, 0.71]
    """

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
    """`stochastic`: ancestral steps, in the limit a sample of the posterior p(x | z). Same errors.

    From sigma to sigma' < sigma, z' = x0 + k (z - x0) + sigma' sqrt(1 - k) e with k = (sigma' / sigma)^2 and
    e ~ N(0, 1). A sample of white Gaussian latents has their power, 1; the mean has 1 / (1 + nu).

    >>> draws = torch.Generator().manual_seed(0)
    >>> z = 2**0.5 * torch.randn(1, 2, 64, 64, generator=draws)  # latents and noise of power 1
    >>> sampler = Stochastic(lambda estimate, noise_map, active: estimate, steps=400)
    >>> round(sampler(z, torch.ones(1, 1, 64, 64), torch.tensor([2.0]), draws).square().mean().item(), 1)
    1.0
    """

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
