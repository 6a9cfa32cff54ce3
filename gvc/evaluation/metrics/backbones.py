"""Installed ImageNet networks that LPIPS, DISTS and the EfficientNet distance look through."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from gvc.content import installed
from gvc.evaluation.metrics import NotMeasured

ALEXNET = "lpips_alex.safetensors"
VGG16 = "lpips_vgg.safetensors"
DISTS = "dists.safetensors"
EFFICIENTNET = "efficientnet_lite0.safetensors"
# (stride, padding, max pooling before) of AlexNet's convolutions, Krizhevsky 2014 variant.
_ALEXNET_LAYERS = ((4, 2, False), (1, 2, True), (1, 1, True), (1, 1, False), (1, 1, False))
_VGG16_BLOCKS = (2, 2, 3, 3, 3)
# Strides of EfficientNet-lite0's blocks, and those whose output is the last of a size: 1/2 to 1/32.
_EFFICIENTNET_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)
_EFFICIENTNET_LAST = (0, 2, 4, 10, 15)


def weights(name: str, device: str = "cpu") -> dict[str, torch.Tensor]:
    """The tensors of the installed metric weights `name`, whose SHA-256 is checked, on `device`.

    Raises NotMeasured, with the command to run, when they are missing or altered.
    """
    try:
        return _read(installed.file(f"metrics/{name}"), device)
    except installed.ContentError as error:
        raise NotMeasured(f"weights {error}") from error


@functools.lru_cache(maxsize=4)
def _read(path: Path, device: str) -> dict[str, torch.Tensor]:
    # kept for callers with and without gradients
    with torch.inference_mode(False):
        return load_file(path, device)


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


def efficientnet(tensors: dict[str, torch.Tensor], x: torch.Tensor) -> Iterator[torch.Tensor]:
    """Five layers of EfficientNet-lite0 for x [n, 3, height, width], one after the other.

    They have 16, 24, 40, 112 and 320 channels, and sides of the picture's divided by 2, 4, 8, 16 and 32, rounded up.
    M. Tan, Q. Le, "EfficientNet", ICML 2019, without squeeze and excitation and with ReLU6.
    """
    x = F.relu6(_same(tensors, "stem", x, 2))
    for i, stride in enumerate(_EFFICIENTNET_STRIDES):
        into = x
        if i:
            x = F.relu6(_same(tensors, f"block{i}.expand", x, 1))
        x = F.relu6(_same(tensors, f"block{i}.depthwise", x, stride, groups=x.shape[1]))
        x = _same(tensors, f"block{i}.project", x, 1)
        if stride == 1 and x.shape == into.shape:
            x = x + into
        if i in _EFFICIENTNET_LAST:
            yield x


def logits(tensors: dict[str, torch.Tensor], last: torch.Tensor) -> torch.Tensor:
    """The 1,000 ImageNet classes' logits, float32 [n, 1000], of the last layer that `efficientnet` gives."""
    pooled = F.relu6(_same(tensors, "head", last, 1)).mean((2, 3))
    return F.linear(pooled, tensors["fc.weight"], tensors["fc.bias"])


def _same(tensors: dict[str, torch.Tensor], name: str, x: torch.Tensor, stride: int, groups: int = 1) -> torch.Tensor:
    """A convolution with TensorFlow's padding: as many outputs as inputs over `stride`, the odd pixel on the right."""
    weight = tensors[f"{name}.weight"]
    padding = []
    for side, kernel in zip(reversed(x.shape[2:]), reversed(weight.shape[2:]), strict=True):
        total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        padding += [total // 2, total - total // 2]
    return F.conv2d(F.pad(x, padding), weight, tensors[f"{name}.bias"], stride, groups=groups)
