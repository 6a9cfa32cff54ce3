"""Deep image structure and texture similarity (Ding, Ma, Wang, Simoncelli, IEEE TPAMI 2020)."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F

from gvc.evaluation.metrics import NotMeasured, backbones, pairs

LEAST_SIDE = 16
_MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
_DEVIATION = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
_C = 1e-6


def dists(reference: Sequence[np.ndarray], distorted: Sequence[np.ndarray], fps: float = 25.0) -> np.ndarray:
    """DISTS per frame at the pictures' own size, float64[N], 0 for equal pictures; lower is better.

    1 - sum(alpha l + beta s) over the channels of the picture and of five layers, with learned alpha, beta of sum 1,
    l = (2 m1 m2 + c) / (m1^2 + m2^2 + c) of their means m (texture) and s = (2 c12 + c) / (v1 + v2 + c) of their
    variances v and covariance c12 (structure).

    Raises NotMeasured without the installed weights and for pictures below 16 pixels a side.
    """
    vgg16, weights = backbones.weights(backbones.VGG16), backbones.weights(backbones.DISTS)
    return np.array([_one(vgg16, weights, *pair) for pair in pairs(reference, distorted)], np.float64)


@torch.inference_mode()
def _one(
    vgg16: dict[str, torch.Tensor], weights: dict[str, torch.Tensor], first: np.ndarray, second: np.ndarray
) -> float:
    if min(first.shape[:2]) < LEAST_SIDE:
        raise NotMeasured(f"DISTS needs pictures of at least {LEAST_SIDE}x{LEAST_SIDE} pixels")
    layers_1, layers_2 = (_features(vgg16, backbones.tensor(picture)) for picture in (first, second))
    texture, structure = [], []
    for x, y in zip(layers_1, layers_2, strict=True):
        mean_x, mean_y = x.mean(1), y.mean(1)
        variance_x, variance_y = x.var(1, correction=0), y.var(1, correction=0)
        covariance = torch.linalg.vecdot(x, y) / x.shape[1] - mean_x * mean_y
        texture.append((2 * mean_x * mean_y + _C) / (mean_x**2 + mean_y**2 + _C))
        structure.append((2 * covariance + _C) / (variance_x + variance_y + _C))
    alpha, beta = weights["alpha"], weights["beta"]
    return float(1 - (alpha @ torch.cat(texture) + beta @ torch.cat(structure)) / (alpha.sum() + beta.sum()))


def _features(vgg16: dict[str, torch.Tensor], picture: torch.Tensor) -> Iterator[torch.Tensor]:
    """The picture and five layers of it, each float32 [channels, positions], one after the other."""
    yield picture.flatten(2)[0]
    for layer in backbones.vgg16(vgg16, (picture - _MEAN) / _DEVIATION, _l2_pool):
        yield layer.flatten(2)[0]


def _l2_pool(x: torch.Tensor) -> torch.Tensor:
    """Blurred energy at every second position: a pooling without aliasing, kernel 3x3 of a Hann window."""
    window = torch.tensor([0.5, 1.0, 0.5])
    kernel = window[:, None] * window[None, :] / window.sum() ** 2
    channels = x.shape[1]
    energy = F.conv2d(x * x, kernel.expand(channels, 1, 3, 3), stride=2, padding=1, groups=channels)
    return (energy + 1e-12).sqrt()
