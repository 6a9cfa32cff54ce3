"""The 17 points of one body by MoveNet Lightning (Google, 2021)."""

import numpy as np
import torch

from gvc.evaluation.pretrained import findings, graph, picture

SIDE = 192
POINTS = (
    "nose left-eye right-eye left-ear right-ear left-shoulder right-shoulder left-elbow right-elbow left-wrist "
    "right-wrist left-hip right-hip left-knee right-knee left-ankle right-ankle"
).split()
"""In order, as in COCO."""


class MoveNet:
    """A pose estimator that judges; it sees the one body in the middle. Raises ContentError without the weights."""

    def __init__(self) -> None:
        self._graph = graph.load("judges", "movenet-lightning")

    @torch.inference_mode()
    def look(self, shown: np.ndarray) -> findings.Keypoints:
        """The points of the body in a picture uint8 [height, width, 3]; scores of 0.3 and more are worth something."""
        square, scale, corner = picture.squared(shown, SIDE)
        (raw,) = self._graph(picture.tensor(square).to(torch.int32)).values()
        points = raw[0].numpy()
        return findings.Keypoints((points[..., 1::-1] * SIDE - np.array(corner)) / np.float32(scale), points[..., 2])
