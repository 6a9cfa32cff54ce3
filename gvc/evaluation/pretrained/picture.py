"""Pictures as networks take them."""

import numpy as np
import torch
from torch import Tensor

from gvc.video.opencv import cv2


def resized(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """`picture` uint8 [h, w, 3] at another size: means of pixels where it shrinks, bilinear where it grows."""
    shrinks = width < picture.shape[1] or height < picture.shape[0]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(picture), (width, height), interpolation=method)


def squared(picture: np.ndarray, side: int) -> tuple[np.ndarray, float, tuple[float, float]]:
    """The whole picture in the middle of a black square, uint8 [side, side, 3].

    And its scale, and where its left and top edge are: p of the picture is at p * scale + (left, top).
    """
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    small = resized(picture, max(1, round(width * scale)), max(1, round(height * scale)))
    top, left = (side - small.shape[0]) // 2, (side - small.shape[1]) // 2
    square = np.zeros((side, side, 3), np.uint8)
    square[top : top + small.shape[0], left : left + small.shape[1]] = small
    return square, scale, (left, top)


def tensor(picture: np.ndarray) -> Tensor:
    """float32 [1, height, width, 3] of uint8 [height, width, 3], values as they are."""
    return torch.from_numpy(np.ascontiguousarray(picture)).float()[None]
