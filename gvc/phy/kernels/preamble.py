"""From the FFT windows of preamble and header to soft header bits.

grid is complex64 [rx, S + L + H, K]: S windows of short training, L of long training, H header symbols.
"""

import numba
import numpy as np

from gvc.phy.kernels.detection import FAST


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def long_training(grid: np.ndarray, known: np.ndarray, short: int, long: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Mean of the `long` long training symbols over what they sent (`known`, its conjugate): complex64 [rx, K]; noise
    variance of a resource element, float32 [rx]; the best antenna's SNR, a power ratio of at least 0.1.
    """
    rx, _, carriers = grid.shape
    mean = np.empty((rx, carriers), np.complex64)
    noise = np.empty(rx, np.float32)
    best = 0.1
    for a in range(rx):
        apart = 0.0
        power = 0.0
        for k in range(carriers):
            m = np.complex64(0)
            for r in range(short, short + long):
                m += grid[a, r, k]
            m *= known[k] / np.float32(long)
            for r in range(short, short + long):
                d = grid[a, r, k] * known[k] - m
                apart += 2 / (long - 1) * (d.real * d.real + d.imag * d.imag)
            mean[a, k] = m
            power += m.real * m.real + m.imag * m.imag
        noise[a] = apart / (2 * carriers) + 1e-12
        best = max(best, power / carriers / noise[a] - 1 / long)
    return mean, noise, best


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def residual_slope(
    grid: np.ndarray,
    response: np.ndarray,
    noise: np.ndarray,
    pilots: np.ndarray,
    pilot_index: np.ndarray,
    tones: np.ndarray,
    short_known: np.ndarray,
    turns: np.ndarray,
) -> int:
    """Which row of `turns`, complex128 [candidates, S + H], best aligns short training and header pilots with response.

    response complex64 [rx, K]; pilots float32 [H, P]; short_known complex64 [tones], conjugate of what was sent.
    """
    header, short = pilots.shape[0], turns.shape[1] - pilots.shape[0]
    first = grid.shape[1] - header
    product = np.zeros(turns.shape[1], np.complex128)
    for a in range(grid.shape[0]):
        weight = 1 / noise[a]
        for r in range(short):
            for i in range(len(tones)):
                product[r] += weight * grid[a, r, tones[i]] * short_known[i] * np.conj(response[a, tones[i]])
        for r in range(header):
            for i in range(len(pilot_index)):
                k = pilot_index[i]
                product[short + r] += weight * pilots[r, i] * grid[a, first + r, k] * np.conj(response[a, k])
    best = -np.inf
    at = 0
    for c in range(turns.shape[0]):
        total = 0.0
        for r in range(turns.shape[1]):
            total += turns[c, r].real * product[r].real - turns[c, r].imag * product[r].imag
        if total > best:
            best, at = total, c
    return at


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def pilot_evidence(
    grid: np.ndarray,
    response: np.ndarray,
    noise: np.ndarray,
    turn: np.ndarray,
    pilots: np.ndarray,
    pilot_index: np.ndarray,
    first: int,
) -> float:
    """How far the header's pilots, in rows from `first` on, agree with response: in standard deviations of what noise
    or any other signal shows. turn complex128 [H] takes phases away.
    """
    along = 0.0
    across = 1e-300
    for a in range(grid.shape[0]):
        for r in range(pilots.shape[0]):
            for i in range(len(pilot_index)):
                k = pilot_index[i]
                product = grid[a, first + r, k] * np.conj(response[a, k]) / noise[a]
                along += pilots[r, i] * (product.real * turn[r].real - product.imag * turn[r].imag)
                across += 0.5 * (product.real * product.real + product.imag * product.imag)
    return along / np.sqrt(across)


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def whole_preamble(
    grid: np.ndarray,
    mean: np.ndarray,
    tones: np.ndarray,
    short_known: np.ndarray,
    turn: np.ndarray,
    precision: np.ndarray,
    long: int,
) -> np.ndarray:
    """Least-squares response from long and short training, complex64 [rx, K]; `mean` is that of the long training,
    `turn` complex [S] takes away the short training's phase, `precision` float32 [K] is the energy on each carrier.
    """
    rx, carriers = mean.shape
    out = np.empty((rx, carriers), np.complex64)
    for a in range(rx):
        for k in range(carriers):
            out[a, k] = np.float32(long) * mean[a, k]
        for i in range(len(tones)):
            total = np.complex64(0)
            for r in range(len(turn)):
                total += grid[a, r, tones[i]] * np.complex64(turn[r])
            out[a, tones[i]] += total * short_known[i]
        for k in range(carriers):
            out[a, k] /= precision[k]
    return out


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def header_soft(
    grid: np.ndarray, response: np.ndarray, noise: np.ndarray, turn: np.ndarray, data_index: np.ndarray, first: int
) -> np.ndarray:
    """Soft QPSK symbols of the header, complex64 [H D], from rows `first` on; turn complex128 [H] takes phases away."""
    header, data = len(turn), len(data_index)
    out = np.zeros(header * data, np.complex64)
    for a in range(grid.shape[0]):
        weight = np.float32(1 / noise[a])
        for r in range(header):
            factor = np.complex64(turn[r]) * weight
            for i in range(data):
                k = data_index[i]
                out[r * data + i] += grid[a, first + r, k] * np.conj(response[a, k]) * factor
    return out
