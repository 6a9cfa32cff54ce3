"""What lies over a burst in a small part of the band, such as a tone: linear prediction finds it and takes it away.

The filter is y[n] = x[n] + c[1] x[n - 1] + ... + c[ORDER] x[n - ORDER], with the least mean power (Makhoul, Linear
prediction, Proc. IEEE 63(4), 1975). It is causal and begins with 1: for what follows it is a part of the channel, whose
first path stays where it is, and what repeats after 16 samples still does.
"""

import numba
import numpy as np

from gvc.phy.kernels.detection import CELL, FAST, lag_product

ORDER = 4
"""Enough for a tone, or an interferer of a few carriers, beside the empty ends of the band."""
_LOADING = 1e-3
_PERIODIC = 0.1
"""Correlation at lag 16 over energy where there may be short training; a weak tone leaves half of this."""
_LARGEST = 0.9999
"""Square of a reflection coefficient: sums over samples at hand may ask for more."""


@numba.njit(cache=True, error_model="numpy")
def predictor(r: np.ndarray) -> tuple[np.ndarray, float]:
    """Levinson's recursion: filter complex128 [ORDER + 1], c[0] = 1, for complex128 [ORDER + 1] sums of
    x[n + lag] conj(x[n]); and the power before over the power after it, at least 1.
    """
    c = np.zeros(len(r), np.complex128)
    c[0] = 1
    before = error = r[0].real * (1 + _LOADING)
    if not before > 0:
        return c, 1.0
    last = c.copy()
    for m in range(1, len(r)):
        total = np.complex128(0)
        for i in range(m):
            total += last[i] * r[m - i]
        k = -total / error
        square = k.real * k.real + k.imag * k.imag
        if square > _LARGEST:
            k *= np.sqrt(_LARGEST / square)
            square = _LARGEST
        for i in range(1, m + 1):
            c[i] = last[i] + k * np.conj(last[m - i])
        last[:] = c
        error *= 1 - square
    return c, before / error


@numba.njit(cache=True, error_model="numpy")
def over_stretch(samples: np.ndarray, start: int, stop: int) -> tuple[np.ndarray, float]:
    """`predictor` of columns start to stop - 1."""
    r = np.empty(ORDER + 1, np.complex128)
    for lag in range(ORDER + 1):
        r[lag] = lag_product(samples, start, stop - ORDER, lag)
    return predictor(r)


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def filtered(samples: np.ndarray, start: int, stop: int, c: np.ndarray) -> np.ndarray:
    """Columns start to stop - 1 through the filter, complex64 [rx, stop - start]; before them are zeros."""
    out = np.zeros((samples.shape[0], stop - start), np.complex64)
    for a in range(samples.shape[0]):
        for k in range(len(c)):
            tap = np.complex64(c[k])
            for i in range(k, stop - start):
                out[a, i] += tap * samples[a, start + i - k]
    return out


@numba.njit(cache=True, error_model="numpy")
def periodic(samples: np.ndarray) -> bool:
    """Whether complex64 [rx, n] correlates at lag 16 more than a few hundred samples of noise do."""
    n = samples.shape[1]
    product = np.complex128(lag_product(samples, 0, n - CELL, CELL))
    energy = np.complex128(lag_product(samples, 0, n, 0)).real
    return bool(product.real**2 + product.imag**2 > (_PERIODIC * energy) ** 2)


@numba.njit(cache=True, error_model="numpy")
def cell_lags(samples: np.ndarray, start: int, row: np.ndarray) -> None:
    """Fills complex64 [3 ORDER + 2] with a cell's sums at lags 0 to ORDER, then 16 - ORDER to 16 + ORDER."""
    for lag in range(ORDER + 1):
        row[lag] = lag_product(samples, start, start + CELL, lag)
    for lag in range(2 * ORDER + 1):
        row[ORDER + 1 + lag] = lag_product(samples, start, start + CELL, CELL - ORDER + lag)


@numba.njit(cache=True, error_model="numpy")
def behind(lags: np.ndarray, c: np.ndarray) -> tuple[complex, float]:
    """Correlation at lag 16 and energy behind the filter, from sums of rows of `cell_lags`."""
    product = np.complex128(0)
    energy = 0.0
    for i in range(ORDER + 1):
        for j in range(ORDER + 1):
            weight = c[i] * np.conj(c[j])
            apart = j - i
            product += weight * lags[2 * ORDER + 1 + apart]
            energy += (weight * (lags[apart] if apart >= 0 else np.conj(lags[-apart]))).real
    return complex(product), energy
