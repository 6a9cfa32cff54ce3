"""Learned perceptual image patch similarity with AlexNet, version 0.1 (Zhang et al., CVPR 2018)."""

from collections.abc import Sequence

import numpy as np
import torch

from gvc.evaluation.metrics import NotMeasured, backbones, pairs
from gvc.evaluation.pretrained.roles import may_teach

LEAST_SIDE = 31
"""Below it AlexNet's second pooling has nothing left."""
_SHIFT = torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1)
_SCALE = torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1)


def lpips(reference: Sequence[np.ndarray], distorted: Sequence[np.ndarray], fps: float = 25.0) -> np.ndarray:
    """LPIPS per frame, float64[N], 0 for equal pictures; lower is better.

    The sum over five layers of mean |sqrt(w) (f1 - f2)|^2 over positions, f the features at a position divided by
    their norm, w >= 0 learned weights of the channels (eq. 1 there).

    Raises NotMeasured without the installed weights and for pictures below 31 pixels a side.
    """
    return np.array([_one(*pair) for pair in pairs(reference, distorted)], np.float64)


def distance(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """LPIPS of float32 pictures [n, 3, height, width] in 0..1 as float32 [n], with gradients: the metric as a loss.

    Raises NotMeasured without the installed weights.
    """
    may_teach("alexnet")
    tensors = backbones.weights(backbones.ALEXNET, str(first.device))
    both = (torch.cat([first, second]) * 2 - 1 - _SHIFT.to(first.device)) / _SCALE.to(first.device)
    total = torch.zeros(len(first), device=first.device)
    for j, features in enumerate(backbones.alexnet(tensors, both)):
        one, other = (features / (features.norm(dim=1, keepdim=True) + 1e-10)).chunk(2)
        total = total + (one - other).square().mean((2, 3)) @ tensors[f"head{j}"]
    return total


@torch.inference_mode()
def _one(first: np.ndarray, second: np.ndarray) -> float:
    if min(first.shape[:2]) < LEAST_SIDE:
        raise NotMeasured(f"LPIPS needs pictures of at least {LEAST_SIDE}x{LEAST_SIDE} pixels")
    return float(distance(backbones.tensor(first), backbones.tensor(second)))
