"""Structural similarity, single- and multi-scale.

SSIM: Wang, Bovik, Sheikh, Simoncelli, IEEE Trans. Image Processing 13(4), 2004: Gaussian window 11x11, sigma 1.5,
K1 = 0.01, K2 = 0.03, on each of R, G and B without padding, averaged over positions and channels. With means m,
variances v and the covariance c in a window, C1 = (255 K1)^2 and C2 = (255 K2)^2,

    SSIM = (2 m1 m2 + C1) / (m1^2 + m2^2 + C1) * (2 c + C2) / (v1 + v2 + C2).

MS-SSIM: Wang, Simoncelli, Bovik, Asilomar 2003: the same window at five scales, 2x2 mean between them, weights
0.0448, 0.2856, 0.3001, 0.2363, 0.1333 as exponents of the second factor's mean, at the coarsest scale of SSIM's; per
channel, then averaged.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from gvc.evaluation.metrics import NotMeasured, pairs

WINDOW = 11
BAND = 64
SIGMA = 1.5
C1 = (0.01 * 255) ** 2
C2 = (0.03 * 255) ** 2
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
LEAST_SIDE = (WINDOW - 1) * 2 ** (len(WEIGHTS) - 1) + 1
"""161: below it the fifth scale is smaller than the window."""


def ssim(reference: Sequence[np.ndarray], distorted: Sequence[np.ndarray], fps: float = 25.0) -> np.ndarray:
    """SSIM per frame, float64[N], at most 1.

    >>> grey, lighter = (np.full((1, 16, 16, 3), level, np.uint8) for level in (100, 110))
    >>> ssim(grey, lighter).round(4).item(), round((2 * 100 * 110 + C1) / (100**2 + 110**2 + C1), 4)
    (0.9955, 0.9955)

    Raises NotMeasured for pictures smaller than the window.
    """
    return np.array([_single(*pair) for pair in pairs(reference, distorted)], np.float64)


def ms_ssim(reference: Sequence[np.ndarray], distorted: Sequence[np.ndarray], fps: float = 25.0) -> np.ndarray:
    """MS-SSIM per frame, float64[N], in 0..1 (a negative contrast term counts as 0).

    Raises NotMeasured for pictures below 161 pixels a side.
    """
    return np.array([_multi(*pair) for pair in pairs(reference, distorted)], np.float64)


def _tensor(picture: np.ndarray) -> torch.Tensor:
    """float32 [1, 3, height, width] in 0..255, channels last in memory."""
    return torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[None]


@torch.inference_mode()
def _single(first: np.ndarray, second: np.ndarray) -> float:
    if min(first.shape[:2]) < WINDOW:
        raise NotMeasured(f"SSIM needs pictures of at least {WINDOW}x{WINDOW} pixels")
    whole, _ = _means(_tensor(first), _tensor(second))
    return float(whole.mean())


@torch.inference_mode()
def _multi(first: np.ndarray, second: np.ndarray) -> float:
    if min(first.shape[:2]) < LEAST_SIDE:
        raise NotMeasured(f"MS-SSIM needs pictures of at least {LEAST_SIDE}x{LEAST_SIDE} pixels (five scales)")
    pair = _tensor(first), _tensor(second)
    product = torch.ones(3, dtype=torch.float64)
    for scale, weight in enumerate(WEIGHTS):
        if scale:
            # An odd side keeps its last row or column: pad it with itself, so that no picture content is dropped.
            pair = F.avg_pool2d(_even(pair[0]), 2), F.avg_pool2d(_even(pair[1]), 2)
        whole, contrast = _means(*pair)
        product *= (contrast if scale < len(WEIGHTS) - 1 else whole).clamp_min(0) ** weight
    return float(product.mean())


def _even(picture: torch.Tensor) -> torch.Tensor:
    height, width = picture.shape[-2:]
    return F.pad(picture, (0, width % 2, 0, height % 2), mode="replicate") if height % 2 or width % 2 else picture


def _means(first: torch.Tensor, second: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean over all positions of SSIM and of its contrast-structure term alone, each float64 [3]."""
    height, width = (side - WINDOW + 1 for side in first.shape[-2:])
    whole, contrast = torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    for top in range(0, height, BAND):
        # In bands that stay in the cache, with the rows that the window reaches into.
        rows = slice(top, min(top + BAND, height) + WINDOW - 1)
        a, b = first[..., rows, :], second[..., rows, :]
        mean_1, mean_2, energy, product = _blur(torch.cat((a, b, a * a + b * b, a * b), 1)).split(3, 1)
        squares, both = mean_1 * mean_1 + mean_2 * mean_2, mean_1 * mean_2
        structure = (2 * (product - both) + C2) / (energy - squares + C2)
        contrast += structure.sum((0, 2, 3), dtype=torch.float64)
        whole += (structure * (2 * both + C1) / (squares + C1)).sum((0, 2, 3), dtype=torch.float64)
    return whole / (height * width), contrast / (height * width)


def _blur(maps: torch.Tensor) -> torch.Tensor:
    """Windowed means of maps [1, channels, height, width], without padding."""
    offsets = torch.arange(WINDOW, dtype=torch.float32) - WINDOW // 2
    taps = torch.exp(-(offsets**2) / (2 * SIGMA**2))
    taps = (taps / taps.sum()).expand(maps.shape[1], 1, WINDOW)
    # All maps at once and channels last: 40 times faster than map by map on a CPU.
    maps = maps.contiguous(memory_format=torch.channels_last)
    columns = F.conv2d(maps, taps[..., None], groups=maps.shape[1])
    return F.conv2d(columns, taps[..., None, :], groups=maps.shape[1])
