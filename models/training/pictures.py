"""Pictures for training and scoring: a folder, a tar, or a list of names inside a folder."""

import tarfile
import zlib
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gvc.errors import InputError
from gvc.video import picture
from gvc.video.picture import SUFFIXES

MOST_FILE_BYTES = 1 << 29
"""Of a picture in a tar, which may be compressed: more than the largest picture has raw."""


def read(source: Path, only: set[str] | None = None, without: set[str] | None = None) -> dict[str, Tensor]:
    """Name -> uint8 picture [3, H, W], sorted by name, from a folder or a .tar, both with all that lies in folders
    inside.

    A name is the file's own, or its whole path inside `source` where several files have the same one. `only` keeps the
    listed names, `without` drops them. Raises InputError when nothing readable is left, or one cannot be read.
    """
    source = Path(source)
    blobs: dict[str, Path] | dict[str, bytes] = {}
    try:
        if source.is_dir():
            blobs = {str(p.relative_to(source)): p for p in source.rglob("*") if _wanted(p) and p.is_file()}
        elif source.is_file() and tarfile.is_tarfile(source):
            blobs = _in_tar(source)
    except OSError as error:
        raise InputError(f"pictures '{source}' cannot be read: {error.strerror}") from error
    if not blobs:
        raise InputError(f"no pictures at '{source}': give a folder or a .tar with {', '.join(sorted(SUFFIXES))}")
    kept = set(blobs)
    if only is not None:
        kept &= _matching(blobs, only)
    if without is not None:
        kept -= _matching(blobs, without)
    if not kept:
        raise InputError(f"'{source}' holds no picture to use ({', '.join(sorted(SUFFIXES))})")
    shared = Counter(Path(path).name for path in blobs)
    paths = {(path if shared[Path(path).name] > 1 else Path(path).name): path for path in kept}
    names = sorted(paths)
    with ThreadPoolExecutor(8) as pool:
        return dict(zip(names, pool.map(lambda name: decode(blobs[paths[name]], name), names), strict=True))


def decode(blob: bytes | Path, name: str) -> Tensor:
    """One picture as uint8 [3, H, W]; see `gvc.video.picture.read`, and what that raises."""
    return torch.from_numpy(picture.read(blob, name)).permute(2, 0, 1).contiguous()


def _wanted(path: Path) -> bool:
    # What begins with a dot is another system's note on the file beside it.
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def _in_tar(source: Path) -> dict[str, bytes]:
    blobs = {}
    try:
        with tarfile.open(source) as archive:
            for member in archive:
                if member.isfile() and _wanted(Path(member.name)):
                    if member.size > MOST_FILE_BYTES:
                        raise InputError(f"'{member.name}' in '{source}' has {member.size} bytes: is it a picture?")
                    file = archive.extractfile(member)
                    blobs[str(Path(member.name))] = file.read() if file else b""
    except (tarfile.TarError, OSError, EOFError, ValueError, zlib.error) as error:
        raise InputError(f"'{source}' is no whole .tar: {error}") from error
    return blobs


def _matching(paths: Iterable[str], listed: set[str]) -> set[str]:
    """The paths that a list names: by their ends, since a list may have fewer folders before a name, or more."""
    by_list = {end for name in listed for end in _ends(name)}
    return {path for path in paths if path in by_list or not listed.isdisjoint(_ends(path))}


def _ends(path: str) -> list[str]:
    parts = Path(path).parts
    return ["/".join(parts[first:]) for first in range(len(parts))]


def listed(path: Path | None) -> set[str]:
    """The file names in a list, with folders or without, one a line; `#` starts a comment.

    Raises InputError when the list cannot be read.
    """
    if path is None:
        return set()
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"list of names '{path}' cannot be read: {error}") from error
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return {Path(line).as_posix() for line in lines if line}


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
