"""Building blocks that the JSCC pair and the denoiser share.

Residual stacks without a normaliser collapsed to a constant picture at practical learning rates; each residual
block therefore starts with a parameter-free per-pixel RMS norm, and its last convolution starts at zero.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CONDITION_WIDTH = 64


class Condition(nn.Module):
    """Embeds a few scalars that describe the link. Input [B, n], output [B, CONDITION_WIDTH]."""

    def __init__(self, scalars: int):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(scalars, CONDITION_WIDTH), nn.SiLU(), nn.Linear(CONDITION_WIDTH, CONDITION_WIDTH), nn.SiLU()
        )

    def forward(self, scalars: Tensor) -> Tensor:
        return self.net(scalars.to(self.net[0].weight.dtype))


class Residual(nn.Module):
    """RMS norm -> conv 3x3 -> FiLM (Perez et al., 2018) -> SiLU -> conv 3x3, added to the input [B, C, h, w]."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.film = nn.Linear(CONDITION_WIDTH, 2 * channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        for layer in (self.film, self.second):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        inverse_rms = torch.rsqrt(x.float().square().mean(1, keepdim=True) + 1e-4).to(x.dtype)
        scale, shift = self.film(condition)[:, :, None, None].chunk(2, 1)
        hidden = F.silu(torch.addcmul(shift, self.first(x * inverse_rms), 1 + scale))
        return x + self.second(hidden)


class Stack(nn.Module):
    """A sequence in which the residual blocks also see the condition."""

    def __init__(self, *layers: nn.Module):
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x, condition) if isinstance(layer, Residual) else layer(x)
        return x


def residuals(channels: int, count: int) -> list[nn.Module]:
    """`count` residual blocks of `channels`."""
    return [Residual(channels) for _ in range(count)]


def multiply_accumulates(network: nn.Module, *inputs: Tensor) -> int:
    """Multiply-accumulate operations of the convolutions and linear layers in one forward pass."""
    total = 0

    def count(layer: nn.Module, _: tuple, output: Tensor) -> None:
        nonlocal total
        if isinstance(layer, nn.Conv2d):
            total += output.numel() * layer.in_channels // layer.groups * layer.kernel_size[0] * layer.kernel_size[1]
        else:
            total += output.numel() * layer.in_features

    hooks = [m.register_forward_hook(count) for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    try:
        with torch.no_grad():
            network(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return total
