"""Learned perceptual image patch similarity with AlexNet, version 0.1 (Zhang et al., CVPR 2018)."""

from collections.abc import Sequence

import numpy as np
import torch

from gvc.evaluation.metrics import NotMeasured, backbones, pairs

LEAST_SIDE = 31
"""Below it AlexNet's second pooling has nothing left."""
_SHIFT = torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1)
_SCALE = torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1)


def lpips(reference: Sequence[np.ndarray], distorted: Sequence[np.ndarray], fps: float = 25.0) -> np.ndarray:
    """LPIPS per frame, float64[N], 0 for equal pictures; lower is better.

    Raises NotMeasured without the installed weights and for pictures below 31 pixels a side.
    """
    tensors = backbones.weights(backbones.ALEXNET)
    return np.array([_one(tensors, *pair) for pair in pairs(reference, distorted)], np.float64)


@torch.inference_mode()
def _one(tensors: dict[str, torch.Tensor], first: np.ndarray, second: np.ndarray) -> float:
    if min(first.shape[:2]) < LEAST_SIDE:
        raise NotMeasured(f"LPIPS needs pictures of at least {LEAST_SIDE}x{LEAST_SIDE} pixels")
    both = (torch.cat([backbones.tensor(first), backbones.tensor(second)]) * 2 - 1 - _SHIFT) / _SCALE
    total = 0.0
    for j, features in enumerate(backbones.alexnet(tensors, both)):
        unit = features / (features.norm(dim=1, keepdim=True) + 1e-10)
        difference = (unit[0] - unit[1]).square_().mean((1, 2))
        total += float(difference @ tensors[f"head{j}"])
    return total
