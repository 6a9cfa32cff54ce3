"""Where each coefficient goes: order of sending, layers, Hadamard groups, symbols.

Coefficients are sent strongest first: the core of all blocks, then pairs of class and coefficient by falling variance.
They are mixed in groups (Jakubczak and Katabi, 2011, section 4.2): a layer's values are dealt to its groups one by one,
so that strong and weak ones meet, and a group's symbols lie as far apart as the layer allows. Either the frame is one
layer, which spreads the power evenly and serves best under fading, or the core and every further 1/192 of the picture's
dimensions are a layer each, and the symbols up to the end of any layer decode as if no others had been sent.

A layer has G groups of GROUP symbols. Value i of it is on row i div 2G of column i mod 2G; columns 2t and 2t + 1 are
the in-phase and quadrature parts of group t, whose row s travels in the layer's symbol s * G + t.
"""

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gvc.coding.schemes.ground.classes import CORE, ClassSet
from gvc.coding.schemes.ground.transform import COEFFICIENTS

GROUP = 32
STEP = 2 * GROUP
"""Real dimensions come in whole groups, in-phase and quadrature."""


@functools.lru_cache(maxsize=4)
def hadamard(device: torch.device) -> Tensor:
    """The orthonormal matrix [GROUP, GROUP] of J. J. Sylvester's construction, its own inverse."""
    matrix = torch.ones(1, 1)
    while len(matrix) < GROUP:
        matrix = torch.cat([torch.cat([matrix, matrix], 1), torch.cat([matrix, -matrix], 1)])
    return (matrix / math.sqrt(GROUP)).to(device)


def room(symbols: int) -> int:
    """Real dimensions that `symbols` complex ones offer: whole groups, the rest is left empty."""
    return symbols // GROUP * STEP


def core_room(blocks: int) -> int:
    """Real dimensions of the first layer."""
    return -(-blocks * CORE // STEP) * STEP


def layer_room(blocks: int) -> int:
    """Real dimensions of each further layer."""
    return -(-blocks * COEFFICIENTS // 96 // STEP) * STEP


@dataclass(frozen=True)
class Layout:
    """Of pictures with `blocks` blocks in `most` real dimensions, of which the first room [B] are used.

    place int64 [B, most]: where the value at a place of the order goes among the mixed columns, flattened as
    [columns, GROUP]. symbol int64 [B, most]: the symbol, twice as a real and an imaginary part (2 * symbol + part),
    that carries the mixed value at each such place.
    """

    place: Tensor
    symbol: Tensor


def layout(blocks: int, room: Tensor, most: int, layered: bool) -> Layout:
    """room int64 [B] and `most` are multiples of STEP."""
    index = torch.arange(most, device=room.device)
    core, step = (core_room(blocks), layer_room(blocks)) if layered else (most, most)
    start = torch.where(index < core, 0, core + (index - core) // step * step)
    length = torch.where(index < core, core, step)[None]
    used = index[None] < room[:, None]
    length = torch.minimum(length, room[:, None] - start[None]).clamp_min(STEP)
    columns = length // GROUP
    inside = index[None] - start[None]
    place = start[None] + inside % columns * GROUP + inside // columns
    column, row = inside // GROUP, inside % GROUP
    symbol = start[None] + 2 * (row * (columns // 2) + column // 2) + column % 2
    nothing = index[None].expand_as(place)
    return Layout(torch.where(used, place, nothing), torch.where(used, symbol, nothing))


def order(labels: Tensor | None, blocks: int, classes: ClassSet, room: Tensor, most: int) -> Tensor:
    """Which coefficient has each place: int64 [B, most] into the flattened [blocks, COEFFICIENTS], or one behind the
    last where there is none. labels int64 [B, blocks]; None: the core alone, as without the map.
    """
    batch, device = len(room), room.device
    nobody = blocks * COEFFICIENTS
    source = torch.full((batch, most + 1), nobody, dtype=torch.long, device=device)
    core = (torch.arange(blocks, device=device)[None] * COEFFICIENTS + classes.core[:, None]).flatten()
    first = min(len(core), most)
    source[:, :first] = core[:first]
    if labels is not None and most > core_room(blocks):
        counts = torch.nn.functional.one_hot(labels, classes.count).sum(1)
        sizes = counts[:, classes.order[:, 0]]
        ends = sizes.cumsum(1)
        place = torch.arange(most - core_room(blocks), device=device).expand(batch, -1).contiguous()
        pair = torch.searchsorted(ends, place, right=True)
        there = pair < len(classes.order)
        pair = pair.clamp_max(len(classes.order) - 1)
        number = place - (ends - sizes).gather(1, pair)
        # blocks by class, within one as they come
        members = torch.argsort(labels, dim=1, stable=True)
        begins = counts.cumsum(1) - counts
        member = (begins.gather(1, classes.order[pair, 0]) + number).clamp_max(blocks - 1)
        coefficient = members.gather(1, member) * COEFFICIENTS + classes.order[pair, 1]
        source[:, core_room(blocks) : most] = torch.where(there, coefficient, nobody)
    source = source[:, :most]
    return torch.where(torch.arange(most, device=device)[None] < room[:, None], source, nobody)
