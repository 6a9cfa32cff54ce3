"""Combining antennas, and putting a frame back in order. Arrays are C-contiguous; rx counts antennas."""

import numba
import numpy as np

from gvc.phy.kernels.detection import FAST


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def combine_weighted(grid: np.ndarray, response: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Maximum-ratio combining with weights conj(H) / noise over antennas: z and its variance, [rows, K].

    grid, response complex64 [rx, rows, K]; noise float32 [rx, rows, K].
    """
    rows, carriers = grid.shape[1:]
    symbols = np.empty((rows, carriers), np.complex64)
    variance = np.empty((rows, carriers), np.float32)
    if grid.shape[0] == 1:  # nothing to weight, and several times as fast
        for r in range(rows):
            for k in range(carriers):
                h = response[0, r, k]
                y = grid[0, r, k]
                scale = np.float32(1) / max(h.real * h.real + h.imag * h.imag, np.float32(1e-30))
                re = y.real * h.real + y.imag * h.imag
                im = y.imag * h.real - y.real * h.imag
                symbols[r, k] = complex(re * scale, im * scale)
                variance[r, k] = noise[0, r, k] * scale
        return symbols, variance
    for r in range(rows):
        for k in range(carriers):
            total = np.float32(1e-30)
            re = np.float32(0)
            im = np.float32(0)
            for a in range(grid.shape[0]):
                h = response[a, r, k]
                y = grid[a, r, k]
                w = np.float32(1) / noise[a, r, k]
                total += w * (h.real * h.real + h.imag * h.imag)
                re += w * (y.real * h.real + y.imag * h.imag)
                im += w * (y.imag * h.real - y.real * h.imag)
            scale = np.float32(1) / total
            symbols[r, k] = complex(re * scale, im * scale)
            variance[r, k] = scale
    return symbols, variance


@numba.njit(cache=True)
def gather(
    elements: np.ndarray, noise_map: np.ndarray, order: np.ndarray, signs: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """elements complex64 [n] and noise_map float32 [n] at the first `count` places of `order`, I and Q times signs."""
    symbols = np.empty(count, np.complex64)
    noise = np.empty(count, np.float32)
    for i in range(count):
        v = elements[order[i]]
        symbols[i] = complex(v.real * signs[i, 0], v.imag * signs[i, 1])
        noise[i] = noise_map[order[i]]
    return symbols, noise
