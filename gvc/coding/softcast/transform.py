"""Pictures to chunks of transform coefficients and back: an orthonormal colour and 3D-DCT basis."""

import functools

import numpy as np
import scipy.fft

COLOUR = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]], np.float32)
COLOUR = COLOUR / np.linalg.norm(COLOUR, axis=1, keepdims=True)
"""Rows: brightness, red less blue, green less the others. Orthonormal, so that errors of RGB and coefficients agree."""
LARGEST = 16
"""Side of the largest chunk; pictures are extended at the edge to a multiple of it."""


class Chunks:
    """The coefficients of n pictures of height x width, cut into chunks, low frequencies first.

    A chunk lies in one temporal frequency of one colour. Its side doubles with every octave of spatial frequency up to
    16: energy falls steeply at low frequencies, and a chunk has one gain. Where little moves and in colour the smallest
    chunks are larger, for each costs metadata.

    Attributes: `sizes` and `starts` int [count]: coefficients of each chunk, and where they start.
    """

    def __init__(self, n: int, height: int, width: int):
        self.n, self.height, self.width = n, height, width
        self._rows, self._columns = (-(-side // LARGEST) * LARGEST for side in (height, width))
        self._order, self.sizes = _layout(n, self._rows, self._columns)
        self.starts = np.concatenate([[0], np.cumsum(self.sizes)[:-1]])
        self.count = len(self.sizes)

    def split(self, pictures: np.ndarray) -> np.ndarray:
        """float32 [n, height, width, 3] -> coefficients float32, chunk after chunk."""
        padding = ((0, 0), (0, self._rows - self.height), (0, self._columns - self.width), (0, 0))
        opponent = np.pad(pictures, padding, mode="edge") @ COLOUR.T
        return scipy.fft.dctn(opponent.astype(np.float32), axes=(0, 1, 2), norm="ortho").ravel()[self._order]

    def join(self, coefficients: np.ndarray) -> np.ndarray:
        """The inverse of `split`: float32 [n, height, width, 3]."""
        whole = np.empty_like(coefficients)
        whole[self._order] = coefficients
        shape = (self.n, self._rows, self._columns, 3)
        pictures = scipy.fft.idctn(whole.reshape(shape), axes=(0, 1, 2), norm="ortho") @ COLOUR
        return pictures[:, : self.height, : self.width]


@functools.lru_cache(maxsize=16)
def _layout(n: int, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Place of each coefficient in [n, rows, columns, 3], chunk after chunk, and the chunks' sizes.

    Planes of one time and colour follow each other, each from low to high frequencies.
    """
    u, v = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    octave = np.maximum(np.floor(np.log2(np.maximum(np.maximum(u, v), 1) / 4)).astype(int) + 1, 0)
    order, sizes = [], []
    for time in range(n):
        for colour in range(3):
            smallest = 1 if time == colour == 0 else 4 if time < 2 else 8
            side = np.clip(1 << octave, smallest, LARGEST)
            top, left = u // side * side, v // side * side
            label = (((top + left) * rows + top) * columns + left).ravel()
            plane = np.argsort(label, kind="stable")
            borders = np.flatnonzero(np.diff(label[plane])) + 1
            sizes.append(np.diff(np.concatenate([[0], borders, [len(plane)]])))
            order.append((time * rows * columns + plane) * 3 + colour)
    return np.concatenate(order), np.concatenate(sizes)
