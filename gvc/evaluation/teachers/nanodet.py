"""Objects of 80 classes by NanoDet (RangiLyu, 2020), with gradients to the picture."""

import numpy as np
import torch
from torch import Tensor

from gvc.evaluation.pretrained import findings, graph, picture, roles

SIDE = 416
CELLS = (52, 26, 13)
"""Cells a side of the three grids."""


class NanoDet:
    """A detector that teaches. Raises ContentError without the installed weights."""

    def __init__(self, least_score: float = 0.35):
        roles.may_teach("nanodet")
        self.least_score = least_score
        self._graph = graph.load("teachers", "nanodet")

    def evidence(self, pictures: Tensor) -> list[tuple[Tensor, Tensor]]:
        """What the network computes for float32 [1, 3, 416, 416] in 0..1, with gradients: for each grid of cells

        scores [cells, 80] in 0..1, and logits [cells, 4, bins] of a box's distances left, up, right and down.
        """
        outputs = [value[0] for value in self._graph(pictures).values()]
        found = []
        for cells in CELLS:
            of_grid = [value for value in outputs if len(value) == cells**2]
            scores, bins = sorted(of_grid, key=lambda value: value.shape[1], reverse=True)
            found.append((scores, bins.reshape(cells**2, 4, -1)))
        return found

    @torch.inference_mode()
    def look(self, shown: np.ndarray) -> findings.Detections:
        """The objects in a picture uint8 [height, width, 3] that score at least `least_score`."""
        height, width = shown.shape[:2]
        x = picture.tensor(picture.resized(shown, SIDE, SIDE)).permute(0, 3, 1, 2) / 255
        boxes, scores, classes = [], [], []
        for cells, (of_cells, bins) in zip(CELLS, self.evidence(x), strict=True):
            # the mean of the distribution over distances, in cells (X. Li et al., "Generalized focal loss", 2020)
            reach = (bins.softmax(2) @ torch.arange(float(bins.shape[2]))).numpy()
            row, column = np.divmod(np.arange(cells**2), cells)
            middle = np.stack([column, row], 1) + 0.5
            boxes.append(np.concatenate([middle - reach[:, :2], middle + reach[:, 2:]], 1) / cells)
            best, index = of_cells.max(1)
            scores.append(best.numpy())
            classes.append(index.numpy())
        inside = np.clip(np.concatenate(boxes), 0, 1) * np.array([width, height, width, height])
        return findings.detections(inside, np.concatenate(scores), np.concatenate(classes), self.least_score)
