"""The linear ground's transform: opponent colours, then an orthonormal two-dimensional DCT of 32 x 32 blocks.

Both are orthonormal, so squared errors of coefficients and of pictures have the same sum.
"""

import functools
import math

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 32
COEFFICIENTS = 3 * BLOCK * BLOCK
"""Of a block: brightness, red less blue, green less its neighbours; each by rows, then columns, of the DCT."""
_COLOURS = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [1.0, -2.0, 1.0]])


def grid(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of blocks of a picture."""
    return -(-height // BLOCK), -(-width // BLOCK)


def pad(picture: Tensor) -> Tensor:
    """Picture [B, 3, H, W] with its last row and column repeated to whole blocks."""
    rows, columns = grid(*picture.shape[2:])
    down, right = rows * BLOCK - picture.shape[2], columns * BLOCK - picture.shape[3]
    return F.pad(picture, (0, right, 0, down), mode="replicate") if down or right else picture


def analyse(picture: Tensor) -> Tensor:
    """Pictures float32 [B, 3, H, W] in whole blocks -> coefficients float32 [B, blocks, COEFFICIENTS].

    >>> grey = analyse(torch.full((1, 3, 32, 32), 0.5))[0, 0]
    >>> round(grey[0].item(), 3), round(0.5 * (3 * 32 * 32) ** 0.5, 3)  # all energy in the first of the brightness
    (27.713, 27.713)
    >>> bool(grey[1:].abs().max() < 1e-5)
    True
    """
    basis, colours = _bases(picture.device)
    batch, _, height, width = picture.shape
    opponent = torch.einsum("kc,bchw->bkhw", colours, picture)
    blocks = opponent.reshape(batch, 3, height // BLOCK, BLOCK, width // BLOCK, BLOCK).permute(0, 2, 4, 1, 3, 5)
    return (basis @ blocks @ basis.T).reshape(batch, -1, COEFFICIENTS)


def synthesise(coefficients: Tensor, rows: int, columns: int) -> Tensor:
    """The inverse of `analyse`: float32 [B, rows * columns, COEFFICIENTS] -> [B, 3, 32 rows, 32 columns]."""
    basis, colours = _bases(coefficients.device)
    blocks = basis.T @ coefficients.reshape(-1, rows, columns, 3, BLOCK, BLOCK) @ basis
    opponent = blocks.permute(0, 3, 1, 4, 2, 5).reshape(-1, 3, rows * BLOCK, columns * BLOCK)
    return torch.einsum("kc,bkhw->bchw", colours, opponent)


@functools.lru_cache(maxsize=8)
def _bases(device: torch.device) -> tuple[Tensor, Tensor]:
    frequency = torch.arange(BLOCK, dtype=torch.float64)
    basis = torch.cos(math.pi * frequency[:, None] * (frequency[None] + 0.5) / BLOCK) * math.sqrt(2 / BLOCK)
    basis[0] /= math.sqrt(2)
    colours = _COLOURS / _COLOURS.norm(dim=1, keepdim=True)
    return basis.float().to(device), colours.to(device)
