"""What a viewer sees where nothing was decoded: the last picture shown, before the first one grey."""

from collections.abc import Sequence

import numpy as np

GREY = 128


class Concealment:
    """Remembers the last picture shown, over segments."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None

    def fill(self, pictures: Sequence[np.ndarray | None], height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Pictures uint8 [height, width, 3], None where one is missing -> uint8 [n, height, width, 3] as displayed and
        bool [n], which of them were concealed.
        """
        shown = np.empty((len(pictures), height, width, 3), np.uint8)
        for index, picture in enumerate(pictures):
            if picture is not None:
                self._last = picture
            elif self._last is None or self._last.shape != (height, width, 3):
                self._last = np.full((height, width, 3), GREY, np.uint8)
            shown[index] = self._last
        return shown, np.array([picture is None for picture in pictures], bool)
