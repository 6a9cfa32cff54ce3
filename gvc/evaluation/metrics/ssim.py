"""Structural similarity, single- and multi-scale.

SSIM: Wang, Bovik, Sheikh, Simoncelli, IEEE Trans. Image Processing 13(4), 2004: Gaussian window 11x11, sigma 1.5,
K1 = 0.01, K2 = 0.03, on each of R, G and B without padding, averaged over positions and channels.
MS-SSIM: Wang, Simoncelli, Bovik, Asilomar 2003: the same window at five scales, 2x2 mean between them, weights
0.0448, 0.2856, 0.3001, 0.2363, 0.1333; per channel, then averaged.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from gvc.evaluation.metrics import NotMeasured, pairs

WINDOW = 11
SIGMA = 1.5
C1 = (0.01 * 255) ** 2
C2 = (0.03 * 255) ** 2
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
LEAST_SIDE = (WINDOW - 1) * 2 ** (len(WEIGHTS) - 1) + 1
"""161: below it the fifth scale is smaller than the window."""


def ssim(reference: Sequence[np.ndarray], distorted: Sequence[np.ndarray], fps: float = 25.0) -> np.ndarray:
    """SSIM per frame, float64[N], at most 1.

    Raises NotMeasured for pictures smaller than the window.
    """
    return np.array([_single(*_tensors(*pair)) for pair in pairs(reference, distorted)], np.float64)


def ms_ssim(reference: Sequence[np.ndarray], distorted: Sequence[np.ndarray], fps: float = 25.0) -> np.ndarray:
    """MS-SSIM per frame, float64[N], in 0..1 (a negative contrast term counts as 0).

    Raises NotMeasured for pictures below 161 pixels a side.
    """
    return np.array([_multi(*_tensors(*pair)) for pair in pairs(reference, distorted)], np.float64)


def _tensors(first: np.ndarray, second: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """float32 [3, 1, height, width] in 0..255 of each."""
    return tuple(
        torch.from_numpy(np.ascontiguousarray(p.transpose(2, 0, 1)[:, None], np.float32)) for p in (first, second)
    )


def _single(first: torch.Tensor, second: torch.Tensor) -> float:
    if min(first.shape[-2:]) < WINDOW:
        raise NotMeasured(f"SSIM needs pictures of at least {WINDOW}x{WINDOW} pixels")
    luminance, contrast = _terms(first, second)
    return float((luminance * contrast).mean(dtype=torch.float64))


def _multi(first: torch.Tensor, second: torch.Tensor) -> float:
    if min(first.shape[-2:]) < LEAST_SIDE:
        raise NotMeasured(f"MS-SSIM needs pictures of at least {LEAST_SIDE}x{LEAST_SIDE} pixels (five scales)")
    product = torch.ones(3, dtype=torch.float64)
    for scale, weight in enumerate(WEIGHTS):
        if scale:
            # An odd side keeps its last row or column: pad it with itself, so that no picture content is dropped.
            first, second = (F.avg_pool2d(_even(p), 2) for p in (first, second))
        luminance, contrast = _terms(first, second)
        value = contrast if scale < len(WEIGHTS) - 1 else luminance * contrast
        product *= value.double().mean((1, 2, 3)).clamp_min(0) ** weight
    return float(product.mean())


def _even(picture: torch.Tensor) -> torch.Tensor:
    height, width = picture.shape[-2:]
    return F.pad(picture, (0, width % 2, 0, height % 2), mode="replicate") if height % 2 or width % 2 else picture


def _terms(first: torch.Tensor, second: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Luminance term and contrast-structure term at every position, each [3, 1, height - 10, width - 10]."""
    mean_1, mean_2 = _blur(first), _blur(second)
    variance_1 = _blur(first * first) - mean_1 * mean_1
    variance_2 = _blur(second * second) - mean_2 * mean_2
    covariance = _blur(first * second) - mean_1 * mean_2
    luminance = (2 * mean_1 * mean_2 + C1) / (mean_1 * mean_1 + mean_2 * mean_2 + C1)
    return luminance, (2 * covariance + C2) / (variance_1 + variance_2 + C2)


def _blur(picture: torch.Tensor) -> torch.Tensor:
    offsets = torch.arange(WINDOW, dtype=torch.float32) - WINDOW // 2
    taps = torch.exp(-(offsets**2) / (2 * SIGMA**2))
    taps = taps / taps.sum()
    return F.conv2d(F.conv2d(picture, taps.view(1, 1, -1, 1)), taps.view(1, 1, 1, -1))
