"""Coefficients to symbols of unit mean power and back: gains, Hadamard mixing, the linear estimate and its error.

A coefficient x of variance V is sent as a x and received, behind mixing by H, as y = H a x + n. The linear
least-squares estimate over a group is V a H' (H P H' + N)^-1 y with P = a^2 V, and V - V^2 a^2 h' (H P H' + N)^-1 h
its error for the column h of the coefficient: exact for Gaussian coefficients, and what a decoder behind is told.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from gvc.coding.schemes.ground import classes as class_statistics
from gvc.coding.schemes.ground.classes import ClassSet, cut, fill, variance
from gvc.coding.schemes.ground.layout import GROUP, Layout, hadamard, layout, order
from gvc.coding.schemes.ground.transform import COEFFICIENTS
from gvc.noise_map import NU_MAX

_ERASED = 1e6


@dataclass(frozen=True)
class Allocation:
    """source int64 [B, most]: as of `layout.order`. gain, variances float32 [B, most]: of the coefficient at each
    place, before the frame's scale; 0 where there is none.
    """

    source: Tensor
    gain: Tensor
    variances: Tensor
    layout: Layout


def water(labels: Tensor, classes: ClassSet, room: Tensor, noise: Tensor) -> Tensor:
    """q [B] of the water-filling for pictures of these classes; noise [B] is what is designed for."""
    counts = torch.nn.functional.one_hot(labels, classes.count).float().sum(1)
    sent, _ = cut(classes, counts, room.float())
    return fill(sent, room.float(), noise)


def plan(
    labels: Tensor | None,
    blocks: int,
    classes: ClassSet,
    room: Tensor,
    most: int,
    noise: Tensor,
    q: Tensor,
    layered: bool = False,
) -> Allocation:
    """What both ends know once they know the classes int64 [B, blocks] and q [B].

    room int64 [B]: real dimensions used, multiples of STEP; noise [B]: variance that is designed for. labels None: the
    map was lost; what is not core is then noise of the power that the core leaves over.
    """
    source = order(labels, blocks, classes, room, most)
    common = torch.zeros(COEFFICIENTS, device=source.device)
    common[classes.core] = variance(classes.core_levels)
    block, coefficient = (source // COEFFICIENTS).clamp_max(blocks - 1), source % COEFFICIENTS
    if labels is None:
        variances = common[coefficient]
    else:
        variances = classes.variances[labels.gather(1, block), coefficient]
    # the core's gains must be known without the map
    core = common[coefficient]
    designed = torch.where(core > 0, core, variances)
    sent = class_statistics.power(designed.sqrt(), q[:, None], noise[:, None])
    there = source < blocks * COEFFICIENTS
    gain = torch.where(there, (sent / designed.clamp_min(1e-12)).sqrt(), 0.0)
    variances = variances * there
    if labels is None:
        taken = (gain.square() * variances).sum(1)
        rest = ((room - taken) / (room - there.sum(1)).clamp_min(1)).clamp_min(0)
        beside = ~there & (torch.arange(most, device=source.device)[None] < room[:, None])
        gain = torch.where(beside, 1.0, gain)
        variances = torch.where(beside, rest[:, None], variances)
    return Allocation(source, gain, variances, layout(blocks, room, most, layered))


def values(coefficients: Tensor, made: Allocation) -> Tensor:
    """Coefficients float32 [B, blocks, COEFFICIENTS] -> what is sent at each place [B, most], without the scale."""
    flat = torch.nn.functional.pad(coefficients.flatten(1), (0, 1))
    return flat.gather(1, made.source) * made.gain


def mix(sent: Tensor, made: Allocation) -> Tensor:
    """Values [B, most], of unit mean power -> complex symbols [B, most / 2] of unit mean power."""
    columns = torch.zeros_like(sent).scatter(1, made.layout.place, sent)
    mixed = (columns.reshape(len(sent), -1, GROUP) @ hadamard(sent.device)).flatten(1)
    reals = torch.zeros_like(mixed).scatter(1, made.layout.symbol, mixed)
    return torch.view_as_complex(reals.reshape(len(sent), -1, 2)) * 0.5**0.5


def estimate(symbols: Tensor, noise_map: Tensor, made: Allocation, scale: Tensor) -> tuple[Tensor, Tensor]:
    """Received complex symbols [B, most / 2] and their noise [B, most / 2] -> estimates of the coefficients at each
    place and their expected squared errors, both [B, most]. scale [B]: the frame's.
    """
    batch, device = len(symbols), symbols.device
    reals = torch.view_as_real(symbols).flatten(1) * 2**0.5
    noise = torch.where(noise_map < NU_MAX, noise_map, _ERASED).repeat_interleave(2, 1)
    received = reals.gather(1, made.layout.symbol).reshape(-1, GROUP, 1)
    noise = noise.gather(1, made.layout.symbol).reshape(-1, GROUP)
    gain = made.gain * scale[:, None]

    def grouped(places: Tensor) -> Tensor:
        return torch.zeros_like(places).scatter(1, made.layout.place, places).reshape(-1, GROUP)

    gains, variances = grouped(gain), grouped(made.variances)
    matrix = hadamard(device)
    # asking would make an accelerator wait
    if device.type == "cpu" and bool((noise == noise[:, :1]).all()):
        # one noise for each group: H H' = 1, nothing to invert
        power = gains.square() * variances
        spread = (matrix @ received)[..., 0]
        found = variances * gains / (power + noise) * spread
        left = variances * noise / (power + noise)
    else:
        covariance = (matrix[None] * (gains.square() * variances)[:, None]) @ matrix + torch.diag_embed(noise)
        root = torch.linalg.cholesky_ex(covariance)[0]
        both = torch.cat([matrix.expand(len(root), -1, -1), received], 2)
        solved = torch.linalg.solve_triangular(root, both, upper=False)
        seen = solved[..., :GROUP]
        found = variances * gains * (seen * solved[..., GROUP:]).sum(1)
        left = (variances - variances.square() * gains.square() * seen.square().sum(1)).clamp_min(0)
    place = made.layout.place
    return found.reshape(batch, -1).gather(1, place), left.reshape(batch, -1).gather(1, place)


def spread_back(found: Tensor, made: Allocation, blocks: int) -> Tensor:
    """Values at each place [B, most] -> [B, blocks, COEFFICIENTS], 0 for what has no place."""
    result = torch.zeros(len(found), blocks * COEFFICIENTS + 1, device=found.device)
    return result.scatter(1, made.source, found)[:, :-1].reshape(len(found), blocks, COEFFICIENTS)
