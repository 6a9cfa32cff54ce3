"""Pseudo-random sequences that are the same on every machine: signs and permutations from SplitMix64."""

import functools

import numpy as np


def splitmix64(seed: int, count: int) -> np.ndarray:
    """The first `count` outputs of SplitMix64 from state `seed`, uint64 (Steele, Lea, Flood, OOPSLA 2014)."""
    with np.errstate(over="ignore"):
        state = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return state ^ (state >> np.uint64(31))


@functools.lru_cache(maxsize=16)
def pseudo_random_bits(seed: int, count: int) -> np.ndarray:
    """`count` bits, uint8, read-only."""
    words = splitmix64(seed, -(-count // 64))
    bits = np.unpackbits(words.astype("<u8").view(np.uint8), bitorder="little")[:count]
    bits.flags.writeable = False
    return bits


@functools.lru_cache(maxsize=8)
def scrambling_signs(seed: int, count: int) -> np.ndarray:
    """Signs for I and Q, int8 [count, 2] of +-1, read-only.

    Latent symbols are correlated; random signs take away the peaks that correlation makes.
    """
    signs = (1 - 2 * pseudo_random_bits(seed, 2 * count).astype(np.int8)).reshape(count, 2)
    signs.flags.writeable = False
    return signs


@functools.lru_cache(maxsize=8)
def interleaver(seed: int, count: int) -> np.ndarray:
    """A permutation of 0 to count - 1, int32, read-only: position i of the frame is sent in place order[i]."""
    order = np.argsort(splitmix64(seed ^ 0x5DEECE66D, count), kind="stable").astype(np.int32)
    order.flags.writeable = False
    return order
