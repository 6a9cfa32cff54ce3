"""Pictures for training and scoring: a folder, a tar, or a list of names inside a folder."""

import io
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gvc.errors import InputError

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".ppm", ".tif", ".tiff"}


def read(source: Path, only: set[str] | None = None, without: set[str] | None = None) -> dict[str, Tensor]:
    """Name -> uint8 picture [3, H, W], sorted by name, from a folder or a .tar.

    `only` keeps the listed names, `without` drops them. Raises InputError when nothing readable is left.
    """
    source = Path(source)
    if source.is_dir():
        blobs: dict[str, bytes | Path] = {p.name: p for p in source.iterdir() if p.suffix.lower() in SUFFIXES}
    elif source.is_file() and tarfile.is_tarfile(source):
        with tarfile.open(source) as archive:
            members = [m for m in archive.getmembers() if m.isfile() and Path(m.name).suffix.lower() in SUFFIXES]
            opened = ((Path(m.name).name, archive.extractfile(m)) for m in members)
            blobs = {name: file.read() for name, file in opened if file is not None}
    else:
        raise InputError(f"no pictures at '{source}': give a folder or a .tar with {', '.join(sorted(SUFFIXES))}")
    names = sorted(n for n in blobs if (only is None or n in only) and (without is None or n not in without))
    if not names:
        raise InputError(f"'{source}' holds no picture to use ({', '.join(sorted(SUFFIXES))})")
    with ThreadPoolExecutor(8) as pool:
        return dict(zip(names, pool.map(lambda n: decode(blobs[n], n), names), strict=True))


def decode(blob: bytes | Path, name: str) -> Tensor:
    """One picture as uint8 [3, H, W]; raises InputError naming the file when it cannot be read."""
    try:
        with Image.open(io.BytesIO(blob) if isinstance(blob, bytes) else blob) as image:
            return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1).contiguous()
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"picture '{name}' cannot be read: {error}") from error


def listed(path: Path | None) -> set[str]:
    """The file names in a list, one a line; `#` starts a comment."""
    if path is None:
        return set()
    lines = (line.split("#")[0].strip() for line in Path(path).read_text().splitlines())
    return {Path(line).name for line in lines if line}


class Crops:
    """Random square crops, all in one buffer on the device, drawn without leaving it."""

    def __init__(self, pictures: dict[str, Tensor], crop: int, device: torch.device):
        kept = [p for p in pictures.values() if min(p.shape[1:]) >= crop]
        if not kept:
            raise InputError(f"no training picture is at least {crop}x{crop}: give larger pictures or a smaller --crop")
        self.count = len(kept)
        self.crop = crop
        self.device = device
        self.heights = torch.tensor([p.shape[1] for p in kept], device=device)
        self.widths = torch.tensor([p.shape[2] for p in kept], device=device)
        self.offsets = torch.tensor(np.cumsum([0] + [p.numel() for p in kept])[:-1], device=device)
        self.buffer = torch.cat([p.flatten() for p in kept]).to(device)
        self.range = torch.arange(crop, device=device)
        self.colours = torch.arange(3, device=device)

    def draw(self, batch: int) -> Tensor:
        """Float pictures [batch, 3, crop, crop] in 0..1, flipped left-right at random, channels last."""

        def integer(limit: Tensor | int) -> Tensor:
            return (torch.rand(batch, device=self.device) * limit).long()

        chosen = integer(self.count).clamp_max(self.count - 1)
        height, width = self.heights[chosen], self.widths[chosen]
        top, left = integer(height - self.crop + 1), integer(width - self.crop + 1)
        flip = torch.rand(batch, 1, device=self.device) < 0.5
        columns = torch.where(flip, self.range.flip(0)[None], self.range[None]) + left[:, None]
        rows = self.range[None] + top[:, None]
        plane = (height * width)[:, None, None, None] * self.colours[None, :, None, None]
        index = (
            self.offsets[chosen][:, None, None, None]
            + plane
            + rows[:, None, :, None] * width[:, None, None, None]
            + columns[:, None, None, :]
        )
        return (self.buffer[index].float() / 255).contiguous(memory_format=torch.channels_last)
