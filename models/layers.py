"""Building blocks that the JSCC pair and the denoiser share.

Residual stacks without a normaliser collapsed to a constant picture at practical learning rates; each residual
block therefore starts with a parameter-free per-pixel RMS norm, and its last convolution starts at zero.
"""

from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CONDITION_WIDTH = 64
Network = TypeVar("Network", bound=nn.Module)


def placed(network: Network, device: torch.device, dtype: torch.dtype | None = None) -> Network:
    """`network` itself on a device, its weights channels-last, as convolutions are fastest; dtype None: as it is."""
    placement: dict[str, Any] = {"device": device, "memory_format": torch.channels_last}
    if dtype is not None:
        placement["dtype"] = dtype
    return network.to(**placement)


def weights_dtype(network: nn.Module) -> torch.dtype:
    """The type that a network's weights have, and so want their inputs in."""
    return next(network.parameters()).dtype


class Condition(nn.Module):
    """Embeds a few scalars that describe the link. Input [B, n], output [B, CONDITION_WIDTH]."""

    def __init__(self, scalars: int):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(scalars, CONDITION_WIDTH), nn.SiLU(), nn.Linear(CONDITION_WIDTH, CONDITION_WIDTH), nn.SiLU()
        )

    def forward(self, scalars: Tensor) -> Tensor:
        return self.net(scalars.to(weights_dtype(self.net)))


def start_at_zero(layer: nn.Conv2d | nn.Linear) -> None:
    """Make a layer with a bias give zero until it has learned."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


class Residual(nn.Module):
    """RMS norm -> conv 3x3 -> FiLM (Perez et al., 2018) -> SiLU -> conv 3x3, added to the input [B, C, h, w]."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.film = nn.Linear(CONDITION_WIDTH, 2 * channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        start_at_zero(self.film)
        start_at_zero(self.second)

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
        elif isinstance(layer, nn.Linear):
            total += output.numel() * layer.in_features

    hooks = [m.register_forward_hook(count) for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    try:
        with torch.no_grad():
            network(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return total
