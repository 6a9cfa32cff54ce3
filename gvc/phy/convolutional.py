"""The header's code: rate 1/3, constraint length 7, terminated, with a soft Viterbi decoder."""

import numba
import numpy as np

MEMORY = 6
STATES = 1 << MEMORY
GENERATORS = (0o133, 0o171, 0o165)
"""Octal, most significant bit on the newest input (3GPP TS 36.212, 5.1.3.1)."""


def _branches() -> np.ndarray:
    """Code bits of the transition out of `state` with input `bit`: +-1 float32 [states, 2, 3], + for code bit 0."""
    table = np.empty((STATES, 2, len(GENERATORS)), np.float32)
    for state in range(STATES):
        for bit in range(2):
            register = bit << MEMORY | state
            for output, generator in enumerate(GENERATORS):
                table[state, bit, output] = 1 - 2 * ((register & generator).bit_count() & 1)
    return table


BRANCHES = _branches()


@numba.njit(cache=True)
def _encode(bits: np.ndarray, branches: np.ndarray) -> np.ndarray:
    coded = np.empty(3 * (len(bits) + MEMORY), np.uint8)
    state = 0
    for step in range(len(bits) + MEMORY):
        bit = int(bits[step]) if step < len(bits) else 0
        for output in range(3):
            coded[3 * step + output] = branches[state, bit, output] < 0
        state = (bit << MEMORY | state) >> 1
    return coded


def encode(bits: np.ndarray) -> np.ndarray:
    """Code bits uint8 [3 (n + 6)] of `bits` uint8 [n]; six zero bits bring the encoder back to its first state."""
    return _encode(bits, BRANCHES)


def decode(soft: np.ndarray) -> np.ndarray:
    """The most likely bits uint8 [n] of soft code bits float32 [3 (n + 6)], positive for 0, of any scale."""
    return _viterbi(np.ascontiguousarray(soft, np.float32).reshape(-1, len(GENERATORS)), BRANCHES)


@numba.njit(cache=True)
def _viterbi(soft: np.ndarray, branches: np.ndarray) -> np.ndarray:
    steps = soft.shape[0]
    metric = np.full(STATES, np.float32(-1e30))
    metric[0] = 0.0
    fresh = np.empty(STATES, np.float32)
    came_from = np.empty((steps, STATES), np.uint8)
    half = STATES // 2
    for step in range(steps):
        a, b, c = soft[step, 0], soft[step, 1], soft[step, 2]
        for low in range(half):
            # States 2 low and 2 low + 1 lead to states low (input 0) and half + low (input 1). Every generator has its
            # first and last bit set, so that three of these four branches are the first or its complement.
            p = branches[2 * low, 0]
            gain = a * p[0] + b * p[1] + c * p[2]
            even, odd = metric[2 * low], metric[2 * low + 1]
            fresh[low] = max(even + gain, odd - gain)
            came_from[step, low] = 2 * low + (odd - gain > even + gain)
            fresh[half + low] = max(even - gain, odd + gain)
            came_from[step, half + low] = 2 * low + (odd + gain > even - gain)
        metric, fresh = fresh, metric
    bits = np.empty(steps, np.uint8)
    state = 0
    for step in range(steps - 1, -1, -1):
        bits[step] = state // half
        state = came_from[step, state]
    return bits[: steps - MEMORY]
