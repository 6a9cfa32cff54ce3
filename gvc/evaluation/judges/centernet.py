"""Objects of 80 classes by CenterNet on MobileNetV3 (X. Zhou et al., "Objects as points", 2019)."""

import numpy as np
import torch

from gvc.evaluation.pretrained import findings, graph, picture

SIDE = 512


class CenterNet:
    """A detector that judges. Raises ContentError without the installed weights."""

    def __init__(self, least_score: float = 0.3):
        self.least_score = least_score
        self._graph = graph.load("judges", "centernet")

    @torch.inference_mode()
    def look(self, shown: np.ndarray) -> findings.Detections:
        """The objects in a picture uint8 [height, width, 3] that score at least `least_score`."""
        height, width = shown.shape[:2]
        raw = self._graph(picture.tensor(picture.resized(shown, SIDE, SIDE)))["tower_0/detections"][0].numpy()
        boxes = raw[:, :4] * np.array([width, height, width, height]) / SIDE
        limits = np.array([width, height, width, height])
        return findings.detections(np.clip(boxes, 0, limits), raw[:, 4], raw[:, 5], self.least_score)
