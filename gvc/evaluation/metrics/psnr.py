"""Peak signal-to-noise ratio."""

from collections.abc import Sequence

import numpy as np

from gvc.evaluation.metrics import pairs

CAP_DB = 100.0


def psnr_db(reference: Sequence[np.ndarray], distorted: Sequence[np.ndarray], fps: float = 25.0) -> np.ndarray:
    """PSNR of 8-bit RGB, 10 log10(255^2 / MSE) over all three channels, capped at 100 dB; float64[N] in dB.

    >>> black = np.zeros((1, 16, 16, 3), np.uint8)
    >>> psnr_db(black, black + np.uint8(1)).round(2).tolist()  # MSE 1: 20 log10(255)
    [48.13]
    """
    return np.array([_one(first, second) for first, second in pairs(reference, distorted)], np.float64)


def _one(first: np.ndarray, second: np.ndarray) -> float:
    error = first.astype(np.int32) - second
    mse = float(np.mean(error * error, dtype=np.float64))
    return CAP_DB if mse == 0 else min(CAP_DB, 10 * np.log10(255.0**2 / mse))
