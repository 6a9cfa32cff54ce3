"""Installed ImageNet networks that LPIPS and DISTS look through."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from gvc.evaluation.metrics import NotMeasured
from gvc.paths import content_dir

ALEXNET = "lpips_alex.safetensors"
VGG16 = "lpips_vgg.safetensors"
# (stride, padding, max pooling before) of AlexNet's convolutions, Krizhevsky 2014 variant.
_ALEXNET_LAYERS = ((4, 2, False), (1, 2, True), (1, 1, True), (1, 1, False), (1, 1, False))
_VGG16_BLOCKS = (2, 2, 3, 3, 3)


def weights(name: str, device: str = "cpu") -> dict[str, torch.Tensor]:
    """The tensors of the installed metric weights `name` on `device`.

    Raises NotMeasured, with the command to run, when they are missing or unreadable.
    """
    return _read(content_dir() / "metrics" / name, device)


@functools.lru_cache(maxsize=4)
def _read(path: Path, device: str) -> dict[str, torch.Tensor]:
    if not path.is_file():
        raise NotMeasured(f"weights {path.name} are not installed; run ./testbed setup")
    try:
        # kept for callers with and without gradients
        with torch.inference_mode(False):
            return load_file(path, device)
    except Exception as error:
        raise NotMeasured(f"weights {path.name} are unreadable ({error}); run ./testbed setup") from error


def tensor(picture: np.ndarray) -> torch.Tensor:
    """float32 [1, 3, height, width] in 0..1 of uint8 [height, width, 3]."""
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)) / 255


def alexnet(tensors: dict[str, torch.Tensor], x: torch.Tensor) -> Iterator[torch.Tensor]:
    """The five rectified convolution outputs for x [n, 3, height, width], one after the other."""
    for i, (stride, padding, pool) in enumerate(_ALEXNET_LAYERS):
        if pool:
            x = F.max_pool2d(x, 3, 2)
        x = F.relu_(F.conv2d(x, tensors[f"conv{i}.weight"], tensors[f"conv{i}.bias"], stride, padding))
        yield x


def vgg16(
    tensors: dict[str, torch.Tensor], x: torch.Tensor, pool: Callable[[torch.Tensor], torch.Tensor]
) -> Iterator[torch.Tensor]:
    """relu1_2, relu2_2, relu3_3, relu4_3, relu5_3 for x [n, 3, height, width]; `pool` halves between them.

    Only the latest layer is kept: the first of a 1080p picture alone takes 0.5 GB.
    """
    i = 0
    for block, convolutions in enumerate(_VGG16_BLOCKS):
        x = pool(x) if block else x
        for _ in range(convolutions):
            x = F.relu_(F.conv2d(x, tensors[f"conv{i}.weight"], tensors[f"conv{i}.bias"], padding=1))
            i += 1
        yield x
