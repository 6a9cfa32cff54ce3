"""Distance of two pictures in the features of EfficientNet-lite0, a third family beside AlexNet and VGG16.

No human judgements were used: it is the uncalibrated distance of Zhang et al., "The unreasonable effectiveness of deep
features as a perceptual metric", CVPR 2018, section 3, on a network that nothing here is trained with. What learned to
please LPIPS or DISTS, or a network like theirs, shows here.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from gvc.evaluation.metrics import NotMeasured, backbones, pairs

LEAST_SIDE = 32
"""The deepest of the five layers has one position for 32 pixels."""


def efficientnet(reference: Sequence[np.ndarray], distorted: Sequence[np.ndarray], fps: float = 25.0) -> np.ndarray:
    """One minus the cosine of the two pictures' features, mean over positions and five layers; float64[N], 0..2.

    0 for equal pictures; lower is better. Raises NotMeasured without the installed weights and for pictures below 32
    pixels a side.
    """
    tensors = backbones.weights(backbones.EFFICIENTNET)
    return np.array([_one(tensors, *pair) for pair in pairs(reference, distorted)], np.float64)


def classify(picture: np.ndarray) -> np.ndarray:
    """Probabilities float64[1000] of the ImageNet classes, in ImageNet's order, of uint8 [224, 224, 3]."""
    tensors = backbones.weights(backbones.EFFICIENTNET)
    with torch.inference_mode():
        *_, last = backbones.efficientnet(tensors, _input(picture))
        return backbones.logits(tensors, last)[0].double().softmax(0).numpy()


@torch.inference_mode()
def _one(tensors: dict[str, torch.Tensor], first: np.ndarray, second: np.ndarray) -> float:
    if min(first.shape[:2]) < LEAST_SIDE:
        raise NotMeasured(f"the EfficientNet distance needs pictures of at least {LEAST_SIDE}x{LEAST_SIDE} pixels")
    both = torch.cat([_input(first), _input(second)])
    distances = []
    for features in backbones.efficientnet(tensors, both):
        one, other = F.normalize(features, dim=1).double().chunk(2)
        distances.append((one - other).square().sum(1).mean() / 2)
    return float(torch.stack(distances).mean())


def _input(picture: np.ndarray) -> torch.Tensor:
    """float32 [1, 3, height, width], scaled as the network was trained."""
    return (backbones.tensor(picture) * 255 - 127) / 128
