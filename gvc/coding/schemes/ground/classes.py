"""Classes of blocks: how strong each coefficient is expected to be in each, and which class suits a block best.

A block's class says which of its coefficients are sent. The decision weighs what the link will make of the block:
with water-filling for a linear receiver (K.-H. Lee and D. P. Petersen, 1976) a coefficient of variance V over noise N
gets the power P = sqrt(V) q - N, is estimated with the weight w = P / (P + N), and costs a dimension and its power at
prices that the whole picture settles. So the cost of block x in class j is linear in the energies x^2, and one matrix
product decides all blocks against all classes. The same cost, averaged over working points, is what
`models.restoration.statistics` minimises over photos (S. P. Lloyd's iteration), instead of a distance of features.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from gvc.coding.schemes.ground.transform import BLOCK, COEFFICIENTS

STEPS = 16
"""Levels to an octave: variances are powers of 2^(1/16)."""
LOWEST = -24 * STEPS
LEVELS = 34 * STEPS
"""Levels reach from 2^-24 to 2^10, more than a block of pixels in 0..1 has."""
CORE = 8
"""Coefficients of a block that every class sends, first, so that they are found without the map."""
PEAK = 128.0
"""Most power of a coefficient; mixing gives each symbol a 32nd of it. A transmitter's limiter would clip more."""
FILE = Path(__file__).parent / "tables" / "classes.safetensors"


@dataclass(frozen=True)
class ClassSet:
    """`count` classes: levels int64 [count, COEFFICIENTS] from 0 to LEVELS - 1, bits float32 [count], what naming a
    class costs on the mean. Made ready by `prepared`, on one device.

    order int64 [pairs, 2]: (class, coefficient) outside the core, strongest first, equal ones by class, then
    coefficient. histogram float32 [count, LEVELS]: of the levels outside the core. core int64 [CORE], and core_levels
    int64 [CORE] over all blocks, which its gains follow.
    """

    count: int
    levels: Tensor
    bits: Tensor
    order: Tensor
    histogram: Tensor
    core: Tensor
    core_levels: Tensor

    @functools.cached_property
    def is_core(self) -> Tensor:
        """bool [COEFFICIENTS]"""
        marks = torch.zeros(COEFFICIENTS, dtype=torch.bool, device=self.levels.device)
        marks[self.core] = True
        return marks

    @functools.cached_property
    def variances(self) -> Tensor:
        """float32 [count, COEFFICIENTS]"""
        return variance(self.levels)


def variance(levels: Tensor) -> Tensor:
    """Levels -> variances float32."""
    return torch.exp2((levels.float() + LOWEST) / STEPS)


def level(variances: Tensor) -> Tensor:
    """Variances -> the nearest levels int64."""
    exact = torch.log2(variances.double().clamp_min(1e-12)) * STEPS - LOWEST
    return exact.round().long().clamp(0, LEVELS - 1)


def prepared(levels: Tensor, bits: Tensor, common: Tensor) -> ClassSet:
    """A set from the levels of its classes, what each costs to name, and the levels over all blocks, of which the
    strongest CORE are the core.
    """
    device = levels.device
    count = len(levels)
    core = torch.argsort(common, descending=True, stable=True)[:CORE]
    outside = torch.ones(COEFFICIENTS, dtype=torch.bool, device=device)
    outside[core] = False
    places = outside.nonzero()[:, 0]
    flat = levels[:, places].flatten()
    sorted_pairs = torch.argsort(flat, descending=True, stable=True)
    classes, coefficients = sorted_pairs // len(places), places[sorted_pairs % len(places)]
    histogram = torch.zeros(count, LEVELS, device=device)
    histogram.scatter_add_(1, levels[:, places], torch.ones(1, 1, device=device).expand(count, len(places)))
    order = torch.stack([classes, coefficients], 1)
    return ClassSet(count, levels, bits, order, histogram, core, common[core])


@functools.lru_cache(maxsize=8)
def class_sets(device: torch.device = torch.device("cpu")) -> dict[int, ClassSet]:
    """The shipped sets by their number of classes; 1 is the plain linear scheme. Fitted by
    `python -m models.restoration.statistics`.
    """
    stored = {name: values.to(device) for name, values in load_file(FILE).items()}
    common = stored["levels-1"].long()[0]
    counts = sorted(int(name.partition("-")[2]) for name in stored if name.startswith("levels-"))
    return {n: prepared(stored[f"levels-{n}"].long(), stored[f"bits-{n}"].float(), common) for n in counts}


@functools.lru_cache(maxsize=8)
def means(device: torch.device) -> Tensor:
    """float32 [COEFFICIENTS]: what the linear scheme takes off, the mean grey and colour."""
    result = torch.zeros(COEFFICIENTS, device=device)
    result[:: BLOCK * BLOCK] = load_file(FILE)["means"].to(device)
    return result


def fill(weights: Tensor, energy: Tensor, noise: Tensor) -> Tensor:
    """Water-filling: q [B] with sum over levels of weights * power(level) = energy.

    weights float [B, LEVELS]: how many coefficients have each level; energy, noise [B].

    >>> weights = torch.zeros(1, LEVELS)
    >>> weights[0, level(torch.tensor([1.0, 4.0]))] = 1
    >>> round(fill(weights, torch.tensor([4.0]), torch.tensor([0.5])).item(), 3)  # (q - 0.5) + (2 q - 0.5) = 4
    1.667
    """
    roots = variance(torch.arange(LEVELS, device=weights.device)).sqrt()[None]
    low = torch.full_like(energy, -10.0)
    high = torch.full_like(energy, 24.0)
    for _ in range(26):
        middle = (low + high) / 2
        total = (weights * power(roots, middle.exp2()[:, None], noise[:, None])).sum(1)
        low, high = torch.where(total > energy, low, middle), torch.where(total > energy, middle, high)
    return low.exp2()


def power(roots: Tensor, q: Tensor, noise: Tensor) -> Tensor:
    """Power of coefficients with these standard deviations: min(max(sqrt(V) q - N, 0), PEAK).

    >>> power(torch.tensor([0.25, 1.0, 2.0, 100.0]), torch.tensor(1.5), torch.tensor(0.5)).tolist()
    [0.0, 1.0, 2.5, 128.0]
    """
    return (roots * q - noise).clamp(0, PEAK)


def cut(classes: ClassSet, counts: Tensor, room: Tensor) -> tuple[Tensor, Tensor]:
    """How many coefficients of each level are sent [B, LEVELS], the core included, and the weakest level sent [B].

    counts float [B, count]: blocks in each class; room [B]: coefficients that fit.
    """
    blocks = counts.sum(1)
    outside = counts @ classes.histogram
    stronger = outside.flip(1).cumsum(1).flip(1) - outside
    left = (room - CORE * blocks).clamp_min(0)[:, None]
    sent = torch.minimum(outside, (left - stronger).clamp_min(0))
    weakest = (sent > 0).to(torch.uint8).argmax(1).where((sent > 0).any(1), LEVELS - 1)
    core = torch.zeros(LEVELS, device=counts.device)
    core.scatter_add_(0, classes.core_levels, torch.ones(CORE, device=counts.device))
    return sent + core[None] * blocks[:, None], weakest


def costs(
    classes: ClassSet, counts: Tensor, room: Tensor, noise: Tensor, reals_per_bit: Tensor
) -> tuple[Tensor, Tensor]:
    """The cost of a block in each class, energies x^2 @ slope + offset: slope [B, COEFFICIENTS, count], offset
    [B, 1, count]. reals_per_bit [B]: real dimensions that a bit of the map takes from the coefficients.
    """
    sent, weakest = cut(classes, counts, room)
    q = fill(sent, room, noise)
    spread = variance(torch.arange(LEVELS, device=counts.device))[None]
    given = power(spread.sqrt(), q[:, None], noise[:, None])
    weight = given / (given + noise[:, None])
    price = noise[:, None] / q[:, None].square()
    at_cut = weakest[:, None]
    least = spread.expand_as(given).gather(1, at_cut)
    dimension = (least * weight.gather(1, at_cut) - price * given.gather(1, at_cut)).clamp_min(0)
    chosen = torch.arange(LEVELS, device=counts.device)[None] >= at_cut
    slope = torch.where(chosen, (1 - weight).square() + price * given / spread, 1.0)
    residue = spread * weight * (1 - weight)
    offset = torch.where(chosen, residue + dimension, 0.0) @ classes.histogram.T
    offset = offset + reals_per_bit[:, None] * (dimension + price) * classes.bits[None]
    slope = slope[:, classes.levels.T.flatten()].reshape(len(slope), COEFFICIENTS, classes.count)
    # the core is sent whatever the class
    slope = slope.masked_fill(classes.is_core[None, :, None], 0.0)
    return slope, offset[:, None]


def decide(energies: Tensor, classes: ClassSet, room: Tensor, noise: Tensor, reals_per_bit: Tensor) -> Tensor:
    """Energies x^2 [B, blocks, COEFFICIENTS] -> classes int64 [B, blocks].

    room [B]: coefficients that fit; noise [B]: variance beside unit power. Prices come from the usual shares of the
    classes first, then from the picture's own.
    """
    batch, blocks, _ = energies.shape
    if classes.count == 1:
        return torch.zeros(batch, blocks, dtype=torch.long, device=energies.device)
    shares = torch.exp2(-classes.bits)
    counts = (blocks * shares / shares.sum())[None].expand(batch, -1)
    for turn in range(2):
        slope, offset = costs(classes, counts, room, noise, reals_per_bit)
        labels = (energies @ slope + offset).argmin(2)
        if turn == 0:
            counts = torch.nn.functional.one_hot(labels, classes.count).float().sum(1)
    return labels
