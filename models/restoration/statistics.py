"""Fit the class statistics of the linear ground (`gvc/coding/schemes/ground/tables/classes.safetensors`) to photos.

    python -m models.restoration.statistics --images photos/ --validation photos/validation.txt --out new.safetensors

Lloyd's iteration with the encoder's own cost: every block goes to the class in which the link loses least of it, summed
over the working points (each relative to its mean), and a class's variances are those of its blocks.
"""

import argparse
import math
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from gvc import seeds
from gvc.coding.schemes.ground import class_map
from gvc.coding.schemes.ground.classes import FILE, ClassSet, costs, level, prepared
from gvc.coding.schemes.ground.ground import band_means
from gvc.coding.schemes.ground.transform import BLOCK, COEFFICIENTS, analyse
from gvc.errors import GvcError
from models.training import pictures
from models.training.fit import StepLog

COUNTS = (8, 64)
ITERATIONS = 14
POINTS = ((64, 0.0, 3.0), (64, 10.0, 1.0), (128, 5.0, 2.0), (128, 10.0, 1.0), (128, 20.0, 0.67), (256, 10.0, 1.0),
          (256, 20.0, 0.67))  # fmt: skip
"""Working points: coefficients a block, SNR in dB, real dimensions that a bit of the map takes."""
FEWEST = 60
"""A class with fewer blocks is given up for half of the largest one."""


def blocks_of(photos: list[Tensor]) -> tuple[Tensor, Tensor, list[tuple[int, int]]]:
    """Pictures uint8 [3, H, W] -> energies x^2 float32 [blocks, COEFFICIENTS] about the means, the means of the three
    colours [3], and the rows and columns of each picture's whole blocks.
    """
    parts, grids = [], []
    for photo in photos:
        rows, columns = photo.shape[1] // BLOCK, photo.shape[2] // BLOCK
        if not rows or not columns:
            continue
        top, left = (photo.shape[1] - rows * BLOCK) // 2, (photo.shape[2] - columns * BLOCK) // 2
        cut = photo[None, :, top : top + rows * BLOCK, left : left + columns * BLOCK].float() / 255
        parts.append(analyse(cut)[0])
        grids.append((rows, columns))
    coefficients = torch.cat(parts)
    step = BLOCK * BLOCK
    means = coefficients[:, ::step].mean(0)
    coefficients[:, ::step] -= means
    return coefficients.square_(), means, grids


def fit(energies: Tensor, common: Tensor, count: int, log: StepLog, generator: torch.Generator) -> tuple[Tensor, ...]:
    """`count` classes from energies [blocks, COEFFICIENTS] -> levels int64 [count, COEFFICIENTS], bits float32 [count],
    both by rising energy, and the class int64 [blocks] of each block.
    """
    features = (energies @ band_means(energies.device) + 1e-6).log()
    chosen = torch.randperm(len(features), generator=generator)[:count]
    labels = torch.cdist(features, features[chosen]).argmin(1)
    pooled = energies.mean(0)
    for turn in range(ITERATIONS + 1):
        classes = _statistics(energies, labels, pooled, common, count)
        if turn == ITERATIONS:
            break
        total, shown = torch.zeros(1), []
        counts = torch.bincount(labels, minlength=count).float()[None]
        for coefficients, snr_db, each in POINTS:
            room = torch.tensor([float(coefficients * len(energies))])
            noise = torch.tensor([10 ** (-snr_db / 10)])
            slope, offset = costs(classes, counts, room, noise, torch.tensor([each]))
            cost = energies @ slope[0] + offset[0]
            mean = cost.min(1).values.mean()
            total = total + cost / mean
            shown.append(round(-10 * math.log10(mean.item() / COEFFICIENTS), 3))
        labels = total.argmin(1)
        for dead in (torch.bincount(labels, minlength=count) < FEWEST).nonzero()[:, 0].tolist():
            members = (labels == torch.bincount(labels, minlength=count).argmax()).nonzero()[:, 0]
            strength = energies[members].sum(1)
            labels[members[strength > strength.median()]] = dead
        log.add(stage=f"{count} classes", step=turn + 1, costs=str(shown))
    rising = classes.variances.sum(1).argsort()
    return classes.levels[rising], classes.bits[rising], rising.argsort()[labels]


def _statistics(energies: Tensor, labels: Tensor, pooled: Tensor, common: Tensor, count: int) -> ClassSet:
    """The set that labels make: variances drawn a little to those of all blocks."""
    sizes = torch.bincount(labels, minlength=count).float()
    sums = torch.zeros(count, COEFFICIENTS).index_add_(0, labels, energies)
    variances = (sums + 2 * pooled) / (sizes[:, None] + 2)
    shares = (sizes + 1) / (sizes + 1).sum()
    return prepared(level(variances), -shares.log2(), common)


def tables(photos: list[Tensor], log: StepLog, seed: int = 1) -> dict[str, Tensor]:
    """Everything that the file of statistics holds."""
    energies, means, grids = blocks_of(photos)
    common = level(energies.mean(0))
    result = {"means": means, "levels-1": common[None].to(torch.int16), "bits-1": torch.zeros(1)}
    for count in COUNTS:
        generator = torch.Generator().manual_seed(seeds.integer(seed, f"classes/{count}"))
        levels, bits, labels = fit(energies, common, count, log, generator)
        whole = labels.split([rows * columns for rows, columns in grids])
        maps = [labels.reshape(grid) for labels, grid in zip(whole, grids, strict=True)]
        result |= {f"levels-{count}": levels.to(torch.int16), f"bits-{count}": bits}
        result[f"tree-{count}"] = class_map.fit(maps, count)
    return {name: values.contiguous() for name, values in result.items()}


def main() -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="folder or .tar of pictures")
    parser.add_argument("--validation", type=Path, help="list of names to leave out")
    parser.add_argument("--every", type=int, default=2, help="take every N-th picture: 1,700 photos need 4 GB")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--out", type=Path, required=True, help=f"file to write; {FILE.name} is what every command reads"
    )
    options = parser.parse_args()
    try:
        photos = list(pictures.read(options.images, without=pictures.listed(options.validation)).values())
        log = StepLog(options.out.with_suffix(".jsonl"))
        save_file(tables(photos[:: options.every], log, options.seed), options.out)
    except GvcError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
