"""Judges by name: pretrained networks that say what a machine still sees in a picture.

`registry.create("judge", NAME)` makes one. They look at one picture at a time and keep nothing, so a stream judged a
frame at a time and a clip judged as a whole give the same. Nothing here is ever trained with, see
`gvc.evaluation.pretrained.roles`; their weights come with set-up (`gvc content fetch judges`).
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np

Finding = TypeVar("Finding", covariant=True)


class Judge(Protocol[Finding]):
    """Says what is in a picture: Detections, Keypoints or Text of `gvc.evaluation.pretrained.findings`."""

    def look(self, picture: np.ndarray) -> Finding:
        """What is in `picture`, uint8 [height, width, 3] RGB."""
        ...


def look(judge: Judge[Finding], pictures: Sequence[np.ndarray]) -> list[Finding]:
    """What `judge` finds in each picture; they are read one after the other."""
    return [judge.look(pictures[index]) for index in range(len(pictures))]
