"""How much of what a judge found in the reference it still finds in the received picture, in 0..1.

What the judge says of the reference is taken for the truth, so that no labels are needed, and a judge that finds little
there says little: the numbers are of pictures, and their means over clips belong beside the number found.
"""

import numpy as np

from gvc.evaluation.pretrained.findings import Detections, Keypoints, Text, overlap

SURE = 0.3
"""A point of the reference counts if it scores this."""


def agreement(reference: Detections | Keypoints | Text, received: Detections | Keypoints | Text) -> float | None:
    """`f1` of objects, `found_points` of bodies and faces, `read` of text; None where the reference shows nothing."""
    if isinstance(reference, Detections) and isinstance(received, Detections):
        return f1(reference, received)
    if isinstance(reference, Keypoints) and isinstance(received, Keypoints):
        return found_points(reference, received)
    if isinstance(reference, Text) and isinstance(received, Text):
        return read(reference, received)
    raise TypeError(f"{type(reference).__name__} against {type(received).__name__}")


def f1(reference: Detections, received: Detections, least_overlap: float = 0.5) -> float | None:
    """2 TP / (2 TP + FP + FN), where a box is right that overlaps one of its class by `least_overlap` and more.

    The surest choose first, and no box is chosen twice. None where neither picture shows anything.
    """
    if not len(reference.boxes) + len(received.boxes):
        return None
    shares = overlap(received.boxes, reference.boxes) * (received.classes[:, None] == reference.classes[None])
    right = 0
    for row in range(len(shares) if len(reference.boxes) else 0):
        best = int(shares[row].argmax())
        if shares[row, best] >= least_overlap:
            right += 1
            shares[:, best] = 0
    return 2 * right / (len(reference.boxes) + len(received.boxes))


def found_points(reference: Keypoints, received: Keypoints, reach: float = 0.05) -> float | None:
    """The share of the reference's points that are within `reach` times the longer side of their body's box.

    PCK of Y. Yang, D. Ramanan, IEEE TPAMI 2013. Each body is held against the received one that it agrees with most.
    None where no point of the reference scores 0.3.
    """
    right = total = 0
    for points, scores in zip(reference.points, reference.scores, strict=True):
        sure = scores >= SURE
        if not sure.any():
            continue
        total += int(sure.sum())
        size = float(np.ptp(points[sure], axis=0).max())
        apart = np.linalg.norm(received.points[:, sure] - points[sure], axis=2)
        right += int((apart <= reach * size).sum(1).max(initial=0))
    return right / total if total else None


def read(reference: Text, received: Text) -> float | None:
    """1 - (edits that turn the received text into the reference's) / (its length), at least 0; spaces do not count.

    None where the reference has no text.
    """
    truth, heard = ("".join("".join(found.lines).split()) for found in (reference, received))
    return max(0.0, 1 - edits(truth, heard) / len(truth)) if truth else None


def edits(first: str, second: str) -> int:
    """Insertions, deletions and replacements of a character between two texts (V. Levenshtein, 1966)."""
    row = np.arange(len(second) + 1)
    symbols = np.array(list(second))
    for character in first:
        above = row
        row = np.empty_like(above)
        row[0] = above[0] + 1
        row[1:] = np.minimum(above[1:] + 1, above[:-1] + (symbols != character))
        # insertions run along the row
        row = np.minimum.accumulate(row - np.arange(len(row))) + np.arange(len(row))
    return int(row[-1])
