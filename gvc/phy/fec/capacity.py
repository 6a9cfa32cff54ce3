"""Shannon's limit of a channel from the noise maps that its receiver gives: bits a symbol of an ideal code."""

import math

import numpy as np

from gvc.errors import InputError
from gvc.noise_map import NU_MAX


def information(noise_map: np.ndarray) -> np.ndarray:
    """Noise variances [...] of symbols of unit power -> bits a symbol float64 [...], log2(1 + 1 / noise).

    Gaussian symbols in Gaussian noise of a variance that the receiver knows (Cover and Thomas, 9.1); behind a fade h
    that is 1 / (|h|^2 SNR). Nothing where a symbol was erased.

    >>> information(np.array([1.0, 1 / 3, NU_MAX])).tolist()
    [1.0, 2.0, 0.0]
    """
    return np.where(noise_map < NU_MAX, np.log2(1 + 1 / np.asarray(noise_map, np.float64)), 0.0)


def ergodic(noise_map: np.ndarray) -> float:
    """Mean of `information`, bits a symbol: what one code carries that spans everything given.

    >>> ergodic(np.array([[1.0, 1 / 3]]))
    1.5
    """
    return float(np.mean(information(noise_map)))


def outage(noise_map: np.ndarray, probability: float) -> float:
    """Bits a symbol that all but the share `probability` of the code words carry; noise_map [code words, symbols].

    The largest rate of which the empirical probability of outage is at most `probability`, 0 to 1, 1 excluded: with 0
    the worst code word's. Raises InputError for another.

    >>> noise_map = 1 / (2 ** np.arange(1.0, 5.0)[:, None] - 1)  # words that carry 1, 2, 3 and 4 bits a symbol
    >>> [round(outage(noise_map, probability), 6) for probability in (0, 0.25, 0.5)]
    [1.0, 2.0, 3.0]
    """
    if not 0 <= probability < 1:
        raise InputError(f"outage probability {probability}: use 0 to below 1")
    carried = np.sort(np.mean(information(noise_map), axis=1))
    return float(carried[in_outage(len(carried), probability)])


def in_outage(words: int, probability: float) -> int:
    """How many of so many code words may fail."""
    return min(math.floor(words * probability + 1e-9), words - 1)
