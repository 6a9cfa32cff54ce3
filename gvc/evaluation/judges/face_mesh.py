"""The 468 points of faces by MediaPipe's face mesh (Y. Kartynnik et al., 2019), found by BlazeFace (V. Bazarevsky et
al., 2019).
"""

import numpy as np
import torch

from gvc.evaluation.pretrained import findings, graph, picture
from gvc.video.opencv import cv2

FINDER_SIDE, MESH_SIDE = 256, 192
POINTS = 468
FINDER_OVERLAP = 0.3
"""Boxes that overlap by more are on one face."""
LOOKS = 2
"""The mesh is found twice: in the finder's box, then in the box of the points found there."""
MARGIN = 1.5
"""The mesh's square is so much larger than the face's box, as in MediaPipe."""
EYES = 33, 263
"""The points at the outer corners of the two eyes."""


class FaceMesh:
    """A face mesh that judges. Raises ContentError without the installed weights."""

    def __init__(self, least_score: float = 0.5, most: int = 4):
        self.least_score, self.most = least_score, most
        self._finder, self._mesh = graph.load("judges", "blazeface"), graph.load("judges", "facemesh")
        self._anchors = _anchors()

    @torch.inference_mode()
    def look(self, shown: np.ndarray) -> findings.Keypoints:
        """The points of up to `most` faces in a picture uint8 [height, width, 3]; all of a face have its score."""
        points, scores = [], []
        for middle, side, angle in self._faces(shown):
            for _ in range(LOOKS):
                mesh, score = self._points(shown, middle, side, angle)
                low, high = mesh.min(0), mesh.max(0)
                middle, side = (low + high) / 2, max(1.0, float((high - low).max()) * MARGIN)
                angle = _angle(mesh[EYES[0]], mesh[EYES[1]])
            if score >= self.least_score:
                points.append(mesh)
                scores.append(np.full(POINTS, score, np.float32))
        if not points:
            return findings.Keypoints(np.zeros((0, POINTS, 2), np.float32), np.zeros((0, POINTS), np.float32))
        order = np.argsort([-score[0] for score in scores], kind="stable")
        return findings.Keypoints(np.stack(points)[order].astype(np.float32), np.stack(scores)[order])

    def _faces(self, shown: np.ndarray) -> list[tuple[np.ndarray, float, float]]:
        """(middle, side, angle in radians) of the square around each face found, the surest first."""
        square, scale, corner = picture.squared(shown, FINDER_SIDE)
        outputs = list(self._finder(picture.tensor(square) / 127.5 - 1).values())
        # 512 anchors of the fine grid, then 384 of the coarse one
        outputs.sort(key=lambda value: value.shape[1], reverse=True)
        logits, moved = (torch.cat([v[0] for v in outputs if v.shape[2] == width]).double() for width in (1, 16))
        sure, raw = logits[:, 0].sigmoid().numpy(), moved.numpy()
        middles, sides = raw[:, :2] + self._anchors, raw[:, 2:4]
        eyes = raw[:, 4:8].reshape(-1, 2, 2) + self._anchors[:, None]
        boxes = np.concatenate([middles - sides / 2, middles + sides / 2], 1)
        found = np.flatnonzero(sure >= self.least_score)
        faces = found[findings.strongest(boxes[found], sure[found], np.zeros(len(found)), self.most, FINDER_OVERLAP)]
        return [
            ((middles[i] - corner) / scale, max(1.0, float(sides[i].max()) / scale * MARGIN), _angle(*eyes[i]))
            for i in faces
        ]

    def _points(self, shown: np.ndarray, middle: np.ndarray, side: float, angle: float) -> tuple[np.ndarray, float]:
        """The mesh float64 [468, 2] and its score, in a square of `side` pixels around `middle`, turned by `angle`."""
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * MESH_SIDE / side
        shift = np.full(2, MESH_SIDE / 2) - turn @ middle
        crop = cv2.warpAffine(
            np.ascontiguousarray(shown),
            np.column_stack([turn, shift]),
            (MESH_SIDE, MESH_SIDE),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        found = self._mesh(picture.tensor(crop) / 255)
        mesh = found["output_mesh"].reshape(POINTS, 3)[:, :2].double().numpy()
        return (mesh - shift) @ np.linalg.inv(turn).T, float(found["output_faceflag"])


def _angle(first: np.ndarray, second: np.ndarray) -> float:
    """By how much the line from `first` to `second` is turned clockwise on the screen, in radians."""
    across, down = np.asarray(second) - np.asarray(first)
    return float(np.arctan2(down, across))


def _anchors() -> np.ndarray:
    """Middles of the finder's boxes before it moves them, float64 [896, 2] in pixels of its square."""
    parts = []
    for cells, each in ((16, 2), (8, 6)):
        step = FINDER_SIDE / cells
        y, x = np.mgrid[:cells, :cells]
        parts.append(np.repeat((np.stack([x, y], -1).reshape(-1, 2) + 0.5) * step, each, axis=0))
    return np.concatenate(parts)
