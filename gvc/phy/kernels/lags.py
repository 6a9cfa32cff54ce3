"""A sequence of period 16 in noise: its correlation at many lags. Arrays are C-contiguous."""

import numba
import numpy as np

from gvc.phy.kernels.detection import CELL, FAST


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def lag_products(samples: np.ndarray, start: int, cells: int, lags: int) -> tuple[np.ndarray, np.ndarray]:
    """Correlation of each cell of 16 samples from column `start` of float32 [rx, 2 n] (I and Q) with the cells 1 to
    `lags` before it: real parts, then imaginary parts, float32 [cells, 2 lags]; 0 where there is none. Energy of each
    cell, float32 [cells]. Both are summed over antennas.
    """
    products = np.zeros((cells, 2 * lags), np.float32)
    energy = np.zeros(cells, np.float32)
    for a in range(samples.shape[0]):
        x = samples[a]
        for cell in range(cells):
            base = 2 * (start + cell * CELL)
            now = x[base : base + 2 * CELL]
            e = np.float32(0)
            for k in range(2 * CELL):
                e += now[k] * now[k]
            energy[cell] += e
            for lag in range(min(lags, cell)):
                then = x[base - 2 * CELL * (lag + 1) : base - 2 * CELL * lag]
                re = np.float32(0)
                im = np.float32(0)
                for k in range(CELL):
                    re += now[2 * k] * then[2 * k] + now[2 * k + 1] * then[2 * k + 1]
                    im += now[2 * k + 1] * then[2 * k] - now[2 * k] * then[2 * k + 1]
                products[cell, lag] += re
                products[cell, lags + lag] += im
    return products, energy


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def first_periodic(
    products: np.ndarray, energy: np.ndarray, turns: np.ndarray, window: int, search: int, back: int, threshold: float
) -> int:
    """The first cell from which what has period 16 in `window` cells is more than `threshold` of their energy, moved
    to `back` cells before where it is strongest in the following `search` cells if that is later; -1 when none is among
    the first cells - window - search + 1.

    turns float32 [2 lags, frequencies]: weights of the products by frequency. Each window is summed afresh, so that
    the result does not depend on where the cells start.
    """
    limit = len(energy) - window - search + 1
    work = np.empty((2, max(turns.shape)), np.float32)
    for j in range(limit):
        total = np.float32(0)
        for i in range(j, j + window):
            total += energy[i]
        if _periodic(products, turns, window, j, work) > threshold * total:
            best, at = np.float32(-1), j
            for i in range(j, j + search):
                power = _periodic(products, turns, window, i, work)
                if power > best:
                    best, at = power, i
            return max(j, at - back)
    return -1


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def _periodic(products: np.ndarray, turns: np.ndarray, window: int, j: int, work: np.ndarray) -> np.float32:
    """How much of what has period 16 lies in the `window` cells from cell j, at the best frequency."""
    lags, frequencies = turns.shape
    total, power = work[0, :lags], work[1, :frequencies]
    total[:] = 0
    power[:] = 0
    for i in range(j + lags // 2, j + window):
        row = products[i]
        for k in range(lags):
            total[k] += row[k]
    for k in range(lags):
        row, level = turns[k], total[k]
        for f in range(frequencies):
            power[f] += level * row[f]
    best = np.float32(0)
    for f in range(frequencies):
        best = max(best, power[f])
    return best
