"""Pictures to chunks of transform coefficients and back: an orthonormal colour and 3D-DCT basis."""

import functools

import numpy as np
import scipy.fft

COLOUR = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]], np.float32)
COLOUR = COLOUR / np.linalg.norm(COLOUR, axis=1, keepdims=True)
"""Rows: brightness, red less blue, green less the others. Orthonormal, so that errors of RGB and coefficients agree."""
GRIDS = ((2.0, 1.0, 16), (1.5, 1.0, 32), (1.0, 1.0, 32), (1.0, 0.5, 64), (0.5, 0.5, 64), (0.25, 0.25, 128))
"""Fineness in space and in time, and the longest side: a chunk is as long as its frequency / fineness."""


class Chunks:
    """The coefficients of n pictures of height x width, cut into boxes of colour, time, row and column frequency.

    Energy falls steeply with frequency, and a chunk has one gain: sides grow with the frequency. Each chunk costs
    metadata, so there are several grids.

    Attributes:
        shape: chunks along colour, time, rows and columns; their order is C's.
        sizes, starts: int [count], coefficients of each chunk, and where they start.
    """

    def __init__(self, n: int, height: int, width: int, grid: int):
        space, time, longest = GRIDS[grid]
        self._edges = [edges(side, fine, most) for side, fine, most in
                       ((3, 1, 1), (n, time, 4), (height, space, longest), (width, space, longest))]  # fmt: skip
        widths = [np.diff(axis) for axis in self._edges]
        self.shape = tuple(len(axis) for axis in widths)
        self.sizes = functools.reduce(np.multiply.outer, widths).ravel()
        self.starts = np.cumsum(self.sizes) - self.sizes
        self.count = len(self.sizes)
        self._pixels = (3, n, height, width)

    @functools.cached_property
    def order(self) -> np.ndarray:
        """int [coefficients]: place of each in a `spectrum`, chunk after chunk."""
        bands = [np.repeat(np.arange(len(axis) - 1), np.diff(axis)) for axis in self._edges]
        label = np.zeros((1, 1, 1, 1), np.int32)
        for axis, (band, number) in enumerate(zip(bands, self.shape, strict=True)):
            label = label * number + band.reshape([-1 if axis == other else 1 for other in range(4)]).astype(np.int32)
        return np.argsort(label.ravel(), kind="stable").astype(np.int32)

    def energies(self, spectrum: np.ndarray) -> np.ndarray:
        """Mean squares of the coefficients of each chunk, float64 [count]."""
        sums = spectrum.astype(np.float32) ** 2
        for axis in (3, 2, 1, 0):
            sums = np.add.reduceat(sums, self._edges[axis][:-1], axis=axis)
        return sums.ravel().astype(np.float64) / self.sizes


def edges(side: int, fine: float, longest: int) -> np.ndarray:
    """Borders of the intervals of an axis, int, from 0 to `side`."""
    borders = [0]
    while borders[-1] < side:
        borders.append(min(side, borders[-1] + min(max(1, int(borders[-1] / fine)), longest)))
    return np.array(borders)


def spectrum(pictures: np.ndarray) -> np.ndarray:
    """float32 [n, height, width, 3] -> coefficients float32 [3, n, height, width].

    >>> shown = np.random.default_rng(0).standard_normal((2, 8, 8, 3)).astype(np.float32)
    >>> bool(np.isclose(np.sum(spectrum(shown) ** 2), np.sum(shown**2)))
    True
    >>> bool(np.allclose(pictures(spectrum(shown)), shown, atol=1e-5))
    True
    """
    opponent = np.moveaxis(pictures @ COLOUR.T, 3, 0)
    return scipy.fft.dctn(opponent.astype(np.float32), axes=(1, 2, 3), norm="ortho")


def pictures(coefficients: np.ndarray) -> np.ndarray:
    """The inverse of `spectrum`: float32 [n, height, width, 3]."""
    return np.moveaxis(scipy.fft.idctn(coefficients, axes=(1, 2, 3), norm="ortho"), 0, 3) @ COLOUR
