"""What tells a disturbed burst at little cost: guard carriers, pilots, and what smoothing leaves of the training.

Shapes and words as in `payload`; G guard carriers.
"""

import numba
import numpy as np

from gvc.phy.kernels.detection import FAST


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def guard_power(spectrum: np.ndarray, bins: np.ndarray, scale: float) -> np.ndarray:
    """Mean power of columns `bins` of spectrum [rx, rows, size] times scale: float32 [rx, rows]."""
    out = np.empty(spectrum.shape[:2], np.float32)
    factor = np.float32(scale * scale / len(bins))
    for a in range(spectrum.shape[0]):
        for r in range(spectrum.shape[1]):
            total = np.float32(0)
            for i in range(len(bins)):
                v = spectrum[a, r, bins[i]]
                total += v.real * v.real + v.imag * v.imag
            out[a, r] = total * factor
    return out


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def pilot_deviation(
    received: np.ndarray,
    response: np.ndarray,
    variance: np.ndarray,
    pilots: np.ndarray,
    index: np.ndarray,
    least: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Per payload symbol: error energy of its pilots over the claimed variance, which is a sum of rx P squares of mean
    1 where the claim is true; real and imaginary part of their projection on response times pilots, and its expected
    real part. float64 [M] each. received, response [rx, M, K]; variance float32 [rx, M, K], at least `least` |H|^2.
    """
    rx, symbols, _ = received.shape
    energy = np.zeros(symbols)
    along = np.zeros(symbols)
    across = np.zeros(symbols)
    expected = np.zeros(symbols)
    for m in range(symbols):
        for a in range(rx):
            for i in range(len(index)):
                k = index[i]
                y = received[a, m, k] * pilots[m, i]
                h = response[a, m, k]
                weight = 1 / max(variance[a, m, k], least * (h.real * h.real + h.imag * h.imag))
                d = y - h
                energy[m] += weight * (d.real * d.real + d.imag * d.imag)
                along[m] += weight * (y.real * h.real + y.imag * h.imag)
                across[m] += weight * (y.imag * h.real - y.real * h.imag)
                expected[m] += weight * (h.real * h.real + h.imag * h.imag)
    return energy, along, across, expected


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def residual_by_carrier(observed: np.ndarray, trained: np.ndarray) -> np.ndarray:
    """Mean |observed - trained|^2 of training [rx, T, K] over time: float64 [rx, K]."""
    rx, symbols, carriers = observed.shape
    out = np.zeros((rx, carriers))
    for a in range(rx):
        for t in range(symbols):
            for k in range(carriers):
                d = observed[a, t, k] - trained[a, t, k]
                out[a, k] += d.real * d.real + d.imag * d.imag
        for k in range(carriers):
            out[a, k] /= symbols
    return out
