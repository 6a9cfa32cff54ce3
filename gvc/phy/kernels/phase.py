"""Kalman smoothing of a phase."""

import math

import numba
import numpy as np

_UNKNOWN = 1e3


@numba.njit(cache=True, error_model="numpy")
def smooth_walk(
    angle: np.ndarray, variance: np.ndarray, walk: np.ndarray, jump: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of a random walk, float64 [R] each, from measured angles, any branch, of that variance (not
    finite where there is none); `walk` is the variance of the step into each, without limit where `jump`, bool [R].

    Filtering forwards and smoothing backwards (Rauch, Tung, Striebel, AIAA J. 3(8), 1965).
    """
    count = len(angle)
    mean, spread = np.empty(count), np.empty(count)
    ahead_mean, ahead_spread = np.empty(count), np.empty(count)
    m, p = 0.0, _UNKNOWN
    for i in range(count):
        p = _UNKNOWN if jump[i] else p + walk[i]
        ahead_mean[i], ahead_spread[i] = m, p
        if np.isfinite(variance[i]):
            error = angle[i] - m
            error -= 2 * math.pi * np.rint(error / (2 * math.pi))
            gain = p / (p + variance[i])
            m += gain * error
            p *= 1 - gain
        mean[i], spread[i] = m, p
    for i in range(count - 2, -1, -1):
        gain = spread[i] / ahead_spread[i + 1]
        mean[i] += gain * (mean[i + 1] - ahead_mean[i + 1])
        spread[i] += gain * gain * (spread[i + 1] - ahead_spread[i + 1])
    return mean, spread
