"""Where the correlation at lag 16 stays high: short training."""

import numba
import numpy as np

from gvc.phy.kernels.detection import CELL
from gvc.phy.kernels.prediction import ORDER, behind, cell_lags, over_stretch

_TURNING = 0.25
"""Square of the correlation of neighbouring samples from which linear prediction is tried: above short training's."""
_ALIKE = 0.25
"""Square of that over the square of the correlation at lag 16, from which a tone may be all there is: it has both
alike, a clear burst a sixth.
"""
_SUSPECT = 1.12
"""Power before over power behind linear prediction, likewise; clear bursts have it too."""
_COLOURED = 2.0
"""The same where something is stronger than a burst that may be there."""
_HOPELESS = 100.0
"""The same from which a burst that may be there could not be read."""


@numba.njit(cache=True, error_model="numpy")
def first_plateau(
    samples: np.ndarray,
    start: int,
    product: np.ndarray,
    energy: np.ndarray,
    neighbours: np.ndarray,
    window: int,
    search: int,
    threshold: float,
) -> int:
    """The first cell where |sum of `window` products|^2 passes threshold^2 energy^2, moved to the strongest of the
    following `search` cells; -1 when no cell among the first len(product) - window - search + 1 does.

    product, energy, neighbours: `detection.cell_sums` of samples, complex64 [rx, ...], from column `start`. A tone or
    a narrow-band signal correlates at every lag, with or against a burst. Where samples are somewhat predictable,
    correlation and energy behind a linear predictor have to pass too, and where they are largely, only these.

    Each window is summed afresh, so that the result does not depend on where the cells start.
    """
    limit = len(product) - window - search + 1
    least = threshold * threshold
    lags = np.zeros((0, 0), np.complex64)
    known = np.zeros(0, np.bool_)
    c = np.zeros(0, np.complex128)
    for j in range(limit):
        metric, turning = _metric(product, energy, neighbours, j, window)
        passes = metric > least
        coloured = False
        if turning > _TURNING or (passes and turning > _ALIKE * metric):
            begin = start + CELL * j
            c, gain = over_stretch(samples, begin, begin + CELL * window)
            coloured = gain > _COLOURED
            if coloured or (passes and gain > _SUSPECT):
                if len(known) == 0:
                    lags = np.empty((len(product), 3 * ORDER + 2), np.complex64)
                    known = np.zeros(len(product), np.bool_)
                # One cell less: its lags reach further.
                p, e = behind(_lags(samples, start, lags, known, j, window - 1), c)
                passes = gain < _HOPELESS and p.real * p.real + p.imag * p.imag > least * e * e
        if not passes:
            continue
        best, at = -1.0, j
        for i in range(j, j + search):
            if coloured:
                # Not over the energy: what the filter leaves of the tone would decide where short training is all.
                p, e = behind(_lags(samples, start, lags, known, i, window - 1), c)
                metric = p.real * p.real + p.imag * p.imag
            else:
                metric, _ = _metric(product, energy, neighbours, i, window)
            if metric > best:
                best, at = metric, i
        return at
    return -1


@numba.njit(cache=True, error_model="numpy")
def _metric(
    product: np.ndarray, energy: np.ndarray, neighbours: np.ndarray, j: int, window: int
) -> tuple[float, float]:
    """Squares of correlations over energy, at lags 16 and 1."""
    p = np.complex64(0)
    n = np.complex64(0)
    e = np.float32(0)
    for i in range(j, j + window):
        p += product[i]
        n += neighbours[i]
        e += np.float32(0.5) * (energy[i] + energy[i + 1])
    if not e > 0:
        return 0.0, 0.0
    # Squares of squares: beyond float32 for samples of 1e-9 or 1e9.
    product_squared = np.float64(p.real) ** 2 + np.float64(p.imag) ** 2
    neighbours_squared = 4 * (np.float64(n.real) ** 2 + np.float64(n.imag) ** 2)
    energy_squared = np.float64(e) ** 2
    return float(np.float32(product_squared / energy_squared)), float(neighbours_squared / energy_squared)


@numba.njit(cache=True, error_model="numpy")
def _lags(samples: np.ndarray, start: int, lags: np.ndarray, known: np.ndarray, j: int, window: int) -> np.ndarray:
    """Sum of `cell_lags` over `window` cells from j on, complex128; `lags` keeps those that are `known`."""
    total = np.zeros(lags.shape[1], np.complex128)
    for i in range(j, j + window):
        if not known[i]:
            cell_lags(samples, start + CELL * i, lags[i])
            known[i] = True
        for k in range(lags.shape[1]):
            total[k] += lags[i, k]
    return total
