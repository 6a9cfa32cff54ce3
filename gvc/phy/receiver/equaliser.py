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
    """`zf`: the pseudo-inverse, z = sum H* Y / sum |H|^2, which does not look at the antennas' noise."""

    def equalise(self, received: np.ndarray, response: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        gain = response.real**2 + response.imag**2
        total = np.maximum(np.sum(gain, axis=0), 1e-15)
        symbols = np.sum(response.conj() * received, axis=0) / total
        return symbols, np.sum(gain * noise, axis=0) / (total * total)


class Mmse:
    """`mmse`, unbiased: z = g Y / mu. Over antennas this is maximum-ratio combining with weights H* / noise, variance
    1 / sum(|H|^2 / noise); with one antenna it equals `zf`.
    """

    def equalise(self, received: np.ndarray, response: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return combining.combine_weighted(received, response, noise)
