"""QAM of 5G NR (3GPP TS 38.211, 5.1): Gray mapping and soft demapping."""

import functools

import numba
import numpy as np

from gvc.errors import InputError

ORDERS = {"qpsk": 2, "16qam": 4, "64qam": 6, "256qam": 8}
"""Bits a symbol."""


def modulate(bits: np.ndarray, order: int) -> np.ndarray:
    """Bits uint8 [n * order] -> symbols complex64 [n] of mean power 1 over all bit patterns.

    Bits 0, 2, ... of a symbol choose its in-phase part, bits 1, 3, ... its quadrature part.

    >>> symbols = modulate(np.array([0, 0, 1, 0], np.uint8), 2)  # (1 + j) / sqrt(2), (-1 + j) / sqrt(2)
    >>> (symbols * 2**0.5).round(3).tolist()
    [(1+1j), (-1+1j)]
    """
    half = _half(order)
    pairs = bits.reshape(-1, half, 2)
    weights = 1 << np.arange(half - 1, -1, -1)
    level = levels(order)[np.einsum("nbr,b->nr", pairs, weights)]
    return np.ascontiguousarray(level).view(np.complex64)[:, 0]


def demodulate(symbols: np.ndarray, noise_map: np.ndarray, order: int, exact: bool = False) -> np.ndarray:
    """Symbols complex64 [n] and their noise variances float32 [n] -> log P(0) / P(1) float32 [n * order].

    Max-log, or `exact` with the full sums (the same for QPSK).

    >>> sent = modulate(np.array([0, 1], np.uint8), 2)
    >>> demodulate(sent, np.array([0.5], np.float32), 2).round(3).tolist()  # QPSK: 2 sqrt(2) I / noise, Q likewise
    [4.0, -4.0]
    """
    _half(order)
    parts = np.ascontiguousarray(symbols, np.complex64).view(np.float32).reshape(-1, 2)
    return _soft(parts, np.ascontiguousarray(noise_map, np.float32), levels(order), exact)


@functools.lru_cache(maxsize=8)
def levels(order: int) -> np.ndarray:
    """The amplitude that each pattern of a part's bits stands for, float32 [2^(order / 2)], first bit highest.

    >>> (levels(4) * 10**0.5).round(3).tolist()  # 16-QAM, of the bits 00, 01, 10, 11
    [1.0, 3.0, -1.0, -3.0]
    """
    half = _half(order)
    patterns = np.arange(1 << half)
    bits = (patterns[:, None] >> np.arange(half - 1, -1, -1)) & 1
    level = np.ones(len(patterns))
    # TS 38.211: (1 - 2 b0) (4 - (1 - 2 b2) (2 - (1 - 2 b4))), from the inside out
    for place in range(half - 1, 0, -1):
        level = (1 << (half - place)) - (1 - 2 * bits[:, place]) * level
    level = (1 - 2 * bits[:, 0]) * level
    return (level / np.sqrt(2 * np.mean(level**2))).astype(np.float32)


def _half(order: int) -> int:
    if order not in ORDERS.values():
        raise InputError(f"QAM of {order} bits a symbol is not offered: use 2, 4, 6 or 8")
    return order // 2


@numba.njit(cache=True)
def _soft(parts: np.ndarray, noise_map: np.ndarray, amplitudes: np.ndarray, exact: bool) -> np.ndarray:
    count = len(amplitudes)
    half = 0
    while 1 << half < count:
        half += 1
    llr = np.empty((len(parts), half, 2), np.float32)
    distance = np.empty(count, np.float32)
    for n in range(len(parts)):
        weight = np.float32(1) / noise_map[n]
        for part in range(2):
            value = parts[n, part]
            for p in range(count):
                distance[p] = (value - amplitudes[p]) * (value - amplitudes[p]) * weight
            for b in range(half):
                mask = 1 << (half - 1 - b)
                zero = np.float32(1e30)
                one = np.float32(1e30)
                for p in range(count):
                    if p & mask:
                        one = min(one, distance[p])
                    else:
                        zero = min(zero, distance[p])
                result = one - zero
                if exact:
                    sum_zero = np.float32(0)
                    sum_one = np.float32(0)
                    for p in range(count):
                        if p & mask:
                            sum_one += np.exp(one - distance[p])
                        else:
                            sum_zero += np.exp(zero - distance[p])
                    result += np.log(sum_zero) - np.log(sum_one)
                llr[n, b, part] = result
    return llr.reshape(-1)
