"""One-step channel denoiser: the posterior mean of the sent latents given symbols and their noise map.

The start of CDDM (Wu et al., "CDDM: Channel denoising diffusion models for wireless semantic communications", 2024)
made exact per symbol: symbol n has diffusion time alpha_bar = 1 / (1 + nu_n). The network predicts x0, not the noise,
so that one evaluation is the minimum-MSE estimate and a deep fade can be in-painted from its neighbours.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.jscc.network import describe, sent
from models.latents import MAX_LATENTS
from models.layers import Condition, Stack, residuals, start_at_zero, weights_dtype


@dataclass(frozen=True)
class DenoiserSize:
    """Channels and residual blocks, all at 1/16 of the picture."""

    width: int
    blocks: int


SIZES = {"small": DenoiserSize(96, 4), "default": DenoiserSize(160, 6), "large": DenoiserSize(256, 10)}


def linear_estimate(latents: Tensor, noise_map: Tensor) -> Tensor:
    """Linear MMSE estimate z / (1 + nu) of unit-power latents [B, C, h, w] from the unbiased ones.

    >>> linear_estimate(torch.ones(1, 2, 1, 1), torch.full((1, 1, 1, 1), 3.0)).flatten().tolist()
    [0.25, 0.25]
    """
    return latents / (1 + noise_map.repeat_interleave(2, 1))


def backbone(size: DenoiserSize) -> Stack:
    """Latents and one map a complex symbol, [B, MAX_LATENTS * 3/2, h, w], to [B, MAX_LATENTS, h, w]; zero at first."""
    first = nn.Conv2d(MAX_LATENTS * 3 // 2, size.width, 3, padding=1)
    blocks = residuals(size.width, size.blocks)
    last = nn.Conv2d(size.width, MAX_LATENTS, 3, padding=1)
    start_at_zero(last)
    return Stack(first, *blocks, nn.SiLU(), last)


class Denoiser(nn.Module):
    """Linear estimate [B, MAX_LATENTS, h, w] and noise map [B, MAX_LATENTS/2, h, w] -> latents of the same shape.

    Preconditioned as in EDM (Karras et al., 2022): c_skip * z + c_out * F with c_skip = 1 / (1 + nu) and
    c_out = sqrt(nu / (1 + nu)), so that it is the identity where there is no noise.
    """

    def __init__(self, size: DenoiserSize):
        super().__init__()
        self.condition = Condition(3)
        self.body = backbone(size)

    def forward(self, estimate: Tensor, noise_map: Tensor, active: Tensor) -> Tensor:
        reliability, scalars = describe(noise_map, active)
        inputs = torch.cat([estimate, reliability], 1).to(weights_dtype(self.body))
        correction = self.body(inputs, self.condition(scalars)).float()
        per_map = noise_map.repeat_interleave(2, 1)
        # maps that were not sent are zero, as a decoder expects them, and nothing else is known of them
        return (estimate + (per_map / (1 + per_map)).sqrt() * correction) * sent(correction, active)
