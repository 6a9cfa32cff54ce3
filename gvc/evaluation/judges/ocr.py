"""Text by PP-OCRv4 (PaddleOCR, 2023): lines are found by differentiable binarisation (M. Liao et al., AAAI 2020) and
read by SVTR (Y. Du et al., IJCAI 2022), Latin and Chinese, through OpenCV.
"""

import functools

import numpy as np

from gvc.content import installed
from gvc.evaluation.pretrained import onnx, picture
from gvc.evaluation.pretrained.findings import Text
from gvc.video.opencv import cv2

LEAST_SHORT_SIDE, MOST_LONG_SIDE = 736, 1600
"""The finder's picture is enlarged to the first, and never beyond the second."""
INSIDE, LEAST_BOX, UNCLIP = 0.3, 0.5, 1.6
"""A pixel is text above INSIDE; a line's pixels have LEAST_BOX on the mean; it was learned shrunken, and grows by
UNCLIP times its area over its perimeter."""
LINE_HEIGHT, LINE_WIDTHS = 48, (320, 640, 1280)
"""A line is read at one height, at the least of these widths that holds it."""


class Ocr:
    """A reader that judges. Raises ContentError without the installed weights."""

    def __init__(self, least_score: float = 0.5):
        self.least_score = least_score
        self._finder = installed.file("judges/ch_PP-OCRv4_det_infer.onnx").read_bytes()
        self._reader = installed.file("judges/ch_PP-OCRv4_rec_infer.onnx").read_bytes()
        # the network's first class is "no character", its last a space
        self._characters = ["", *onnx.metadata(self._reader)["character"].splitlines(), " "]
        self._networks = functools.lru_cache(maxsize=8)(self._network)

    def look(self, shown: np.ndarray) -> Text:
        """The lines in a picture uint8 [height, width, 3] that are read with a mean of at least `least_score`."""
        corners, lines, scores = [], [], []
        for box in sorted(self._boxes(shown), key=lambda box: (box[:, 1].min(), box[:, 0].min())):
            line, score = self._read(_cut(shown, box))
            if line and score >= self.least_score:
                corners.append(box)
                lines.append(line)
                scores.append(score)
        return Text(np.array(corners, np.float32).reshape(-1, 4, 2), tuple(lines), np.array(scores, np.float32))

    def _network(self, reads: bool, height: int, width: int) -> cv2.dnn.Net:
        model = onnx.with_input(self._reader if reads else self._finder, (1, 3, height, width))
        return cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8))

    def _run(self, reads: bool, shown: np.ndarray) -> np.ndarray:
        """The network's output for uint8 [height, width, 3]."""
        network = self._networks(reads, *shown.shape[:2])
        blue_first = shown[..., ::-1].astype(np.float32) / 127.5 - 1
        network.setInput(np.ascontiguousarray(blue_first.transpose(2, 0, 1)[None]))
        return network.forward()[0]

    def _boxes(self, shown: np.ndarray) -> list[np.ndarray]:
        """Corners float32 [4, 2] of each line found, clockwise from its top left."""
        height, width = shown.shape[:2]
        scale = max(1.0, LEAST_SHORT_SIDE / min(height, width))
        scale = min(scale, MOST_LONG_SIDE / max(height, width))
        tall, wide = (max(32, round(side * scale / 32) * 32) for side in (height, width))
        likely = self._run(False, picture.resized(shown, wide, tall))[0]
        inside = cv2.dilate((likely > INSIDE).astype(np.uint8), np.ones((2, 2), np.uint8))
        outlines, _ = cv2.findContours(inside, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
        boxes = []
        for outline in outlines:
            middle, sides, angle = cv2.minAreaRect(outline)
            if min(sides) < 3 or _mean_inside(likely, outline) < LEAST_BOX:
                continue
            grow = 2 * UNCLIP * sides[0] * sides[1] / (2 * (sides[0] + sides[1]))
            corners = cv2.boxPoints((middle, (sides[0] + grow, sides[1] + grow), angle))
            boxes.append((_clockwise(corners) * [width / wide, height / tall]).astype(np.float32))
        return boxes

    def _read(self, line: np.ndarray) -> tuple[str, float]:
        """The text of a picture of one line, and the mean probability of its characters."""
        wide = max(1, round(line.shape[1] * LINE_HEIGHT / line.shape[0]))
        width = next((width for width in LINE_WIDTHS if width >= wide), LINE_WIDTHS[-1])
        # grey is 0 to the network
        padded = np.full((LINE_HEIGHT, width, 3), 128, np.uint8)
        padded[:, : min(wide, width)] = picture.resized(line, min(wide, width), LINE_HEIGHT)
        chances = self._run(True, padded)
        best, sure = chances.argmax(1), chances.max(1)
        # connectionist temporal classification: repetitions are one, and "no character" divides them
        written = (best > 0) & (best != np.concatenate([[-1], best[:-1]]))
        text = "".join(self._characters[index] for index in best[written])
        return text, float(sure[written].mean()) if written.any() else 0.0


def _mean_inside(likely: np.ndarray, outline: np.ndarray) -> float:
    left, top, width, height = cv2.boundingRect(outline)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [outline - np.array([left, top], np.int32)], (1,))
    return float(likely[top : top + height, left : left + width][mask > 0].mean())


def _clockwise(corners: np.ndarray) -> np.ndarray:
    """Four corners from the top left one on, clockwise on the screen."""
    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    left, right = (side[np.argsort(side[:, 1], kind="stable")] for side in (by_x[:2], by_x[2:]))
    return np.array([left[0], right[0], right[1], left[1]])


def _cut(shown: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """What lies within `corners`, upright; a line that is much taller than wide is turned."""
    width = max(1, round(float(max(np.linalg.norm(corners[0] - corners[1]), np.linalg.norm(corners[2] - corners[3])))))
    height = max(1, round(float(max(np.linalg.norm(corners[0] - corners[3]), np.linalg.norm(corners[1] - corners[2])))))
    onto = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    map_ = cv2.getPerspectiveTransform(corners, onto)
    line = cv2.warpPerspective(
        np.ascontiguousarray(shown), map_, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.rot90(line) if height >= 1.5 * width else line
