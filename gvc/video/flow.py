"""Dense motion between two pictures, by OpenCV's DIS optical flow, and pictures moved along it.

T. Kroeger, R. Timofte, D. Dai, L. Van Gool, "Fast optical flow using dense inverse search", ECCV 2016, in OpenCV's
medium preset. OpenCV cuts a picture into as many stripes as it has threads, and the flow depends on them: it runs with
one thread here.
"""

import numpy as np

from gvc.video.opencv import cv2

LEAST_SIDE = 16
"""Pixels; below it DIS finds no coarsest scale."""


def flow(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Motion float32 [height, width, 2] in pixels (x, y): what is at p in `first` is at p + motion in `second`.

    Pictures are uint8 [height, width, 3] RGB of one size, at least 16x16.
    """
    grey = [cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY) for picture in (first, second)]
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return search.calc(grey[0], grey[1], None)  # type: ignore[call-overload]


def warp(picture: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """float32 of `picture`'s shape: `picture` [height, width, channels] looked up at p + motion, bilinear.

    What lies outside the picture is its edge.
    """
    x, y = _targets(motion)
    return cv2.remap(picture.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def followed(motion: np.ndarray, back: np.ndarray) -> np.ndarray:
    """Where `motion` can be trusted, bool [height, width]: not occluded, and not moved out of the picture.

    `back` is the motion of the other direction. The two must cancel up to |m + b|^2 < 0.01 (|m|^2 + |b|^2) + 0.5:
    N. Sundaram, T. Brox, K. Keutzer, "Dense point trajectories by GPU-accelerated large displacement optical flow",
    ECCV 2010, equation 5.
    """
    height, width = motion.shape[:2]
    x, y = _targets(motion)
    returned = warp(back, motion)
    apart = np.square(motion + returned).sum(2)
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return inside & (apart < 0.01 * (np.square(motion).sum(2) + np.square(returned).sum(2)) + 0.5)


def _targets(motion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    height, width = motion.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return x + motion[..., 0], y + motion[..., 1]
