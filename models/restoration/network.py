"""Restoration behind the linear ground: a network that is told what error to expect, where and in which bands.

The linear estimate is the posterior mean of Gaussian coefficients; what it leaves is what pictures have beyond their
variances: edges, texture, whatever was not sent. A U-Net (Ronneberger et al., 2015) on the linear picture at a quarter
of its resolution gives a correction, in units of the expected error, so that it starts at nothing and cannot do harm
where the linear picture is right.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gvc.coding.schemes.ground.ground import BANDS, GroundEstimate, band_shares
from models.layers import Condition, Stack, residuals, start_at_zero, weights_dtype

UNSHUFFLE = 4
CELLS = 8
"""Network pixels along a block's side."""
TOLD = 2 * BANDS + 2
DESCRIPTION = 128
_FLOOR = 1e-7


@dataclass(frozen=True)
class RestorationSize:
    """Channels at 1/4, 1/8 and 1/16 of the picture, and residual blocks on the way down, at the bottom and up."""

    widths: tuple[int, int, int]
    down: tuple[int, int]
    bottom: int
    up: tuple[int, int]


SIZES = {
    "small": RestorationSize((32, 64, 128), (1, 1), 3, (1, 1)),
    "default": RestorationSize((64, 96, 192), (1, 1), 4, (2, 1)),
    "large": RestorationSize((96, 192, 320), (2, 2), 6, (3, 3)),
}


class Restoration(nn.Module):
    """Linear picture [B, 3, H, W] in about 0..1 (whole blocks) with its expected errors -> restored picture.

    noise, truncation [B, BANDS, H/32, W/32] are those of `gvc.coding.schemes.ground.ground.GroundEstimate`. With
    `aware=False` every block is told the frame's mean alone: the network knows how good the frame is, but not where.
    `extra` residual blocks at the bottom widen a control by the multiplications of a denoiser.
    """

    share: Tensor

    def __init__(self, size: RestorationSize, aware: bool = True, extra: int = 0):
        super().__init__()
        narrow, middle, wide = size.widths
        self.aware = aware
        self.register_buffer("share", band_shares(torch.device("cpu")).clone(), persistent=False)
        self.condition = Condition(3)
        self.description = nn.Conv2d(TOLD, DESCRIPTION, 1)
        self.told = nn.ModuleList([nn.Conv2d(DESCRIPTION, channels, 1) for channels in size.widths])
        self.position = nn.Parameter(torch.zeros(1, narrow, CELLS, CELLS))
        self.head = nn.Conv2d(3 * UNSHUFFLE**2, narrow, 3, padding=1)
        self.fine = Stack(*residuals(narrow, size.down[0]))
        self.to_middle = nn.Conv2d(narrow, middle, 2, stride=2)
        self.medium = Stack(*residuals(middle, size.down[1]))
        self.to_wide = nn.Conv2d(middle, wide, 2, stride=2)
        self.coarse = Stack(*residuals(wide, size.bottom))
        self.widening = Stack(*residuals(wide, extra))
        self.from_wide = nn.Conv2d(wide, 4 * middle, 1)
        self.medium_up = Stack(*residuals(middle, size.up[1]))
        self.from_middle = nn.Conv2d(middle, 4 * narrow, 1)
        self.fine_up = Stack(*residuals(narrow, size.up[0]))
        self.tail = nn.Conv2d(narrow, 3 * UNSHUFFLE**2, 3, padding=1)
        start_at_zero(self.tail)

    def forward(self, picture: Tensor, noise: Tensor, truncation: Tensor) -> Tensor:
        maps, scalars, expected = describe(noise, truncation, self.share, self.aware)
        kind = weights_dtype(self.head)
        condition = self.condition(scalars)
        told = F.silu(self.description(maps.to(kind)))
        rows, columns = noise.shape[2:]
        place = self.position.repeat(1, 1, rows, columns)
        centred = F.pixel_unshuffle((picture - 0.5) * 3, UNSHUFFLE).to(kind)
        hidden = self.head(centred.contiguous(memory_format=torch.channels_last)) + place
        fine = self.fine(hidden + _spread(self.told[0](told), CELLS), condition)
        medium = self.medium(self.to_middle(fine) + _spread(self.told[1](told), CELLS // 2), condition)
        coarse = self.to_wide(medium) + _spread(self.told[2](told), CELLS // 4)
        coarse = self.widening(self.coarse(coarse, condition), condition)
        medium = self.medium_up(medium + F.pixel_shuffle(self.from_wide(coarse), 2), condition)
        fine = self.fine_up(fine + F.pixel_shuffle(self.from_middle(medium), 2), condition)
        correction = F.pixel_shuffle(self.tail(F.silu(fine)), UNSHUFFLE).float()
        size = F.interpolate(expected, size=picture.shape[2:], mode="bilinear", align_corners=False)
        return picture + correction * size


def describe(noise: Tensor, truncation: Tensor, share: Tensor, aware: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    """Expected errors -> (their logarithms, scaled to about -1..1, [B, TOLD, rows, columns]; scalars [B, 3]; the root
    of the expected squared error per sample [B, 1, rows, columns]). share [BANDS]: of each band in a block.
    """
    if not aware:
        noise = noise.mean((2, 3), keepdim=True).expand_as(noise)
        truncation = truncation.mean((2, 3), keepdim=True).expand_as(truncation)
    share = share.float()[None, :, None, None]
    total = torch.cat([(noise * share).sum(1, keepdim=True), (truncation * share).sum(1, keepdim=True)], 1)
    whole = total.sum(1, keepdim=True)
    maps = torch.cat([noise, noise + truncation, total], 1)
    mean = torch.cat([total, whole], 1).mean((2, 3))
    return _scaled(maps), _scaled(mean), (whole + 1e-6).sqrt()


def restore(network: Callable[..., Tensor], estimate: GroundEstimate) -> Tensor:
    """The restored picture of what a receiver has: float32 as `estimate.picture`."""
    return network(estimate.picture, estimate.noise, estimate.truncation)


def _scaled(errors: Tensor) -> Tensor:
    return (errors + _FLOOR).log() / 4 + 1.75


def _spread(maps: Tensor, times: int) -> Tensor:
    return F.interpolate(maps, scale_factor=times, mode="nearest")
