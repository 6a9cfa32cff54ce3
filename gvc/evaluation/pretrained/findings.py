"""What a network says of a picture: objects, points of bodies and faces, text; in the picture's own pixels."""

from dataclasses import dataclass

import numpy as np

COCO = (
    "person bicycle car motorcycle airplane bus train truck boat traffic-light fire-hydrant stop-sign parking-meter "
    "bench bird cat dog horse sheep cow elephant bear zebra giraffe backpack umbrella handbag tie suitcase frisbee "
    "skis snowboard sports-ball kite baseball-bat baseball-glove skateboard surfboard tennis-racket bottle wine-glass "
    "cup fork knife spoon bowl banana apple sandwich orange broccoli carrot hot-dog pizza donut cake chair couch "
    "potted-plant bed dining-table toilet tv laptop mouse remote keyboard cell-phone microwave oven toaster sink "
    "refrigerator book clock vase scissors teddy-bear hair-drier toothbrush"
).split()
"""The 80 classes of MS COCO (T. Lin et al., ECCV 2014), in the detectors' order."""


@dataclass(frozen=True)
class Detections:
    """Objects, the surest first: `boxes` float32 [n, 4] (left, top, right, bottom), `scores` float32 [n] in 0..1,
    `classes` int64 [n], of `COCO`.
    """

    boxes: np.ndarray
    scores: np.ndarray
    classes: np.ndarray

    def names(self) -> list[str]:
        """The classes in words."""
        return [COCO[index] for index in self.classes]


@dataclass(frozen=True)
class Keypoints:
    """Bodies or faces, the surest first: `points` float32 [n, points, 2] (x, y), `scores` float32 [n, points]."""

    points: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True)
class Text:
    """Lines of text from top to bottom: `corners` float32 [n, 4, 2] (x, y), clockwise from the line's top left;
    `lines`; `scores` float32 [n] in 0..1.
    """

    corners: np.ndarray
    lines: tuple[str, ...]
    scores: np.ndarray


def overlap(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes [n, 4] and [m, 4], float64 [n, m]."""
    a, b = first.astype(np.float64)[:, None], second.astype(np.float64)[None]
    sides = np.clip(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0, None)
    both = sides.prod(-1)
    areas = [np.clip(boxes[..., 2:] - boxes[..., :2], 0, None).prod(-1) for boxes in (a, b)]
    return both / np.maximum(areas[0] + areas[1] - both, 1e-12)


def strongest(
    boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, most: int = 100, most_overlap: float = 0.6
) -> np.ndarray:
    """Which boxes stay when of two of one class that overlap by more the surer one does; `most`, the surest first."""
    kept: list[int] = []
    for index in np.argsort(-scores, kind="stable"):
        rivals = [other for other in kept if classes[other] == classes[index]]
        if not rivals or overlap(boxes[index][None], boxes[rivals]).max() <= most_overlap:
            kept.append(int(index))
        if len(kept) == most:
            break
    return np.array(kept, np.int64)


def detections(boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, least_score: float) -> Detections:
    """The objects among boxes [n, 4] that score at least `least_score`, each once."""
    sure = scores >= least_score
    boxes, scores, classes = boxes[sure], scores[sure], classes[sure]
    kept = strongest(boxes, scores, classes)
    return Detections(boxes[kept].astype(np.float32), scores[kept].astype(np.float32), classes[kept].astype(np.int64))
