"""Equalisers: unbiased symbols and their variance from received resource elements."""

from typing import Protocol

import numpy as np

from gvc.phy.kernels import combining


class Equaliser(Protocol):
    """Strategy of kind `equaliser`, made without arguments."""

    def equalise(self, received: np.ndarray, response: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """received, response complex64 [rx, M, K], noise float32 [rx, M, K] > 0 -> symbols complex64 [M, K] with
        E[symbols | sent] = sent, and their variance float32 [M, K]; K are all occupied carriers, pilots included.
        """


class ZeroForcing:
    """`zf`: the pseudo-inverse, which does not look at the antennas' noise N. With sums over antennas

        z = sum(H* Y) / sum(|H|^2),  variance sum(|H|^2 N) / sum(|H|^2)^2.

    >>> response = np.array([1, 0.5j], np.complex64).reshape(2, 1, 1)
    >>> noise = np.array([0.1, 0.4], np.float32).reshape(2, 1, 1)
    >>> symbols, variance = ZeroForcing().equalise(response * (1 - 1j), response, noise)
    >>> symbols.item(), round(variance.item(), 4), (0.1 + 0.25 * 0.4) / 1.25**2
    ((1-1j), 0.128, 0.128)
    """

    def equalise(self, received: np.ndarray, response: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        gain = response.real**2 + response.imag**2
        total = np.maximum(np.sum(gain, axis=0), 1e-15)
        symbols = np.sum(response.conj() * received, axis=0) / total
        return symbols, np.sum(gain * noise, axis=0) / (total * total)


class Mmse:
    """`mmse`, unbiased: z = g Y / mu, with g the linear MMSE weights and mu = g H (Cioffi et al., IEEE Trans. Commun.
    43(10), 1995). Over antennas this is maximum-ratio combining (Brennan, Proc. IRE 47(6), 1959) with weights H* / N,

        z = sum(H* Y / N) / sum(|H|^2 / N),  variance 1 / sum(|H|^2 / N);

    with one antenna it equals `zf`.

    >>> response = np.array([1, 0.5j], np.complex64).reshape(2, 1, 1)
    >>> noise = np.array([0.1, 0.4], np.float32).reshape(2, 1, 1)
    >>> symbols, variance = Mmse().equalise(response * (1 - 1j), response, noise)
    >>> round(variance.item(), 4), round(1 / (1 / 0.1 + 0.25 / 0.4), 4)  # less than by `zf`, 0.128
    (0.0941, 0.0941)
    """

    def equalise(self, received: np.ndarray, response: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return combining.combine_weighted(received, response, noise)
