"""The common phase of a burst's symbols over time, followed as fast as it moves."""

import numpy as np

from gvc.phy.kernels.phase import smooth_walk
from gvc.phy.receiver import periodogram


def follow_phase(
    angle: np.ndarray, variance: np.ndarray, block: np.ndarray, jump: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Smoothed phase and its variance, float64 [R] each, of R symbols in order of time; and the mean change of phase a
    symbol in each block, float64 [blocks].

    A Kalman smoother (`kernels.phase`) for a random walk on a line: the line's slope and the walk's variance a step are
    measured in each block of symbols, so that a steady oscillator is averaged over the whole burst, a noisy one over
    few symbols, and one that changes its frequency is followed.

    Args:
        angle: measured phase, float64 [R] radians, any branch.
        variance: of each measurement, float64 [R]; infinite where there is none.
        block: which block each symbol belongs to, int64 [R], ascending.
        jump: bool [R], the phase may be anything from this symbol on.
    """
    slope, walk = _motion(angle, variance, block, jump)
    line = np.cumsum(slope[block])
    mean, spread = smooth_walk(angle - line, variance, walk[block], jump)
    return mean + line, spread, slope


_STILL = 1e-6
"""Variance of the walk a symbol, radians squared, of an oscillator at rest."""
_CLEAR = 0.3
"""Measurements of larger variance say nothing of the motion."""


def _motion(
    angle: np.ndarray, variance: np.ndarray, block: np.ndarray, jump: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean step of the phase in each block and the variance of the steps around it, float64 [blocks] each."""
    clear = variance < _CLEAR
    usable = clear[1:] & clear[:-1] & ~jump[1:]
    piece = np.cumsum(jump)
    step = np.exp(1j * np.diff(angle))
    noise = variance[1:] + variance[:-1]
    slope, walk, doubt = (np.zeros(block[-1] + 1) for _ in range(3))
    walk[:] = np.nan
    for b in range(block[-1] + 1):
        inside = usable & (block[1:] == b)
        count = np.count_nonzero(inside)
        if count < 3:
            continue
        error = float(np.mean(noise[inside])) / 2
        slope[b] = _slope(angle, variance, np.flatnonzero(inside), piece)
        apart = np.angle(step[inside] * np.exp(-1j * slope[b]))
        walk[b] = np.mean(apart**2) * count / (count - 1) - 2 * error
        doubt[b] = 2 * error * (3 / (count - 1)) ** 0.5
        cubes = np.sum(np.unique(piece[1:][inside], return_counts=True)[1] ** 3)
        if slope[b] ** 2 < 12 * (12 * error / cubes + (max(walk[b] - 2 * doubt[b], 0) + _STILL) / count):
            slope[b] = 0
            apart = np.angle(step[inside])
            walk[b] = np.mean(apart**2) - 2 * error
    known = np.isfinite(walk)
    whole = float(np.clip(np.median(walk[known]), 0, None)) if known.any() else 0.0
    own = np.where(known & (np.abs(walk - whole) > 3 * doubt), walk, whole)
    return slope, np.maximum(own, _STILL)


def _slope(angle: np.ndarray, variance: np.ndarray, before: np.ndarray, piece: np.ndarray) -> float:
    """Radians a symbol of the line that fits best from the symbols `before` to their followers (periodogram, summed
    over the pieces between jumps, `piece` int64 [R], each with a phase of its own).
    """
    rows = np.arange(before[0], before[-1] + 2)
    weight = np.where(np.isfinite(variance[rows]), 1 / np.maximum(variance[rows], 1e-3), 0)
    points = weight * np.exp(1j * np.where(weight > 0, angle[rows], 0))
    own = piece[rows] == np.unique(piece[rows])[:, None]
    spectrum = np.sqrt(np.sum(np.abs(np.fft.fft(points * own, 512)) ** 2, axis=0))
    peak = periodogram.peak(spectrum)
    return float((peak + 256) % 512 - 256) * 2 * np.pi / 512
