"""The latent grid and its complex symbols: one layout for the networks, the waveform and the recorded banks.

A picture of height x width, padded to multiples of 16, gives `latents` real maps of h x w = H/16 x W/16. Neighbouring
maps 2k and 2k+1 are the real and imaginary part of complex symbol (k, i, j); frame order is k, then i, then j.
"""

import torch
from torch import Tensor

from gvc.errors import InputError
from gvc.noise_map import NU_MAX

STRIDE = 16
MAX_LATENTS = 64
MIN_LATENTS = 8
SQRT_HALF = 0.5**0.5


def grid(height: int, width: int) -> tuple[int, int]:
    """Latent rows and columns of a picture."""
    return -(-height // STRIDE), -(-width // STRIDE)


def latents_of(cbr: float) -> int:
    """Latent maps for a channel bandwidth ratio: CBR = latents / (2 * 3 * 16^2), in even steps.

    Raises InputError when the ratio is outside 1/192 to 1/24 or falls between two steps.

    >>> latents_of(1 / 48)
    32
    """
    exact = cbr * 6 * STRIDE**2
    latents = 2 * round(exact / 2)
    if not MIN_LATENTS <= latents <= MAX_LATENTS or abs(latents - exact) > 1e-6 * exact:
        raise InputError(
            f"channel bandwidth ratio {cbr:.6g} is not offered: use k/768 with k from {MIN_LATENTS // 2} to "
            f"{MAX_LATENTS // 2} (1/192 to 1/24; 1/48 is the usual one)"
        )
    return latents


def to_symbols(latents: Tensor) -> Tensor:
    """Unit-power real latents [B, C, h, w] -> complex64 symbols [B, C/2 * h * w] of unit mean power."""
    batch, channels, rows, columns = latents.shape
    pairs = latents.float().reshape(batch, channels // 2, 2, rows, columns) * SQRT_HALF
    return torch.complex(pairs[:, :, 0], pairs[:, :, 1]).reshape(batch, -1)


def from_symbols(symbols: Tensor, channels: int, rows: int, columns: int) -> Tensor:
    """Complex symbols [B, C/2 * h * w] -> real latents [B, C, h, w]; the inverse of `to_symbols`."""
    parts = torch.view_as_real(symbols).reshape(-1, channels // 2, rows, columns, 2)
    return parts.permute(0, 1, 4, 2, 3).reshape(-1, channels, rows, columns) / SQRT_HALF


def fill(latents: Tensor, noise_map: Tensor) -> tuple[Tensor, Tensor]:
    """Pad [B, C, h, w] latents and [B, C/2, h, w] noise map to MAX_LATENTS; what was not sent counts as erased."""
    missing = MAX_LATENTS - latents.shape[1]
    if missing:
        latents = torch.nn.functional.pad(latents, (0, 0, 0, 0, 0, missing))
        noise_map = torch.nn.functional.pad(noise_map, (0, 0, 0, 0, 0, missing // 2), value=NU_MAX)
    return latents, noise_map
