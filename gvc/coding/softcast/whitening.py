"""Hadamard whitening (Jakubczak and Katabi): symbols in groups over all slots of a segment.

No symbol carries a peak that a transmitter would clip, and no coefficient is lost with a slot.
"""

import numpy as np
import scipy.linalg

from gvc.noise_map import NU_MAX, NU_MIN

GROUP = 32
_MATRIX = (scipy.linalg.hadamard(GROUP) / np.sqrt(GROUP)).astype(np.float32)


def spread(symbols: np.ndarray) -> np.ndarray:
    """complex64 [count] -> complex64 [count] of the same power; what does not fill a group stays as it is."""
    whole = len(symbols) // GROUP * GROUP
    groups = symbols[:whole].reshape(-1, GROUP) @ _MATRIX
    return np.concatenate([groups.ravel(), symbols[whole:]])


def across_slots(symbols: np.ndarray, slots: int) -> list[np.ndarray]:
    """A segment's symbols complex64 [slots * count] dealt to the slots one by one, so that a group meets them all."""
    return list(np.ascontiguousarray(symbols.reshape(-1, slots).T))


def gather(symbols: np.ndarray, noise_map: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The inverse for received symbols complex64 [count] with noise float32 [count].

    Each symbol is weighed as its linear estimate would be, 1 / (1 + noise), so that a faded one does not spoil its
    group; with a the mean weight, the result is unbiased and has noise (1 - a) / a.
    """
    whole = len(symbols) // GROUP * GROUP
    weight = 1 / (1 + noise_map[:whole].reshape(-1, GROUP))
    weight[noise_map[:whole].reshape(-1, GROUP) >= NU_MAX] = 0
    share = np.maximum(weight.mean(1, keepdims=True), 1e-6)
    groups = (symbols[:whole].reshape(-1, GROUP) * weight) @ _MATRIX / share
    noise = np.clip(np.repeat((1 - share) / share, GROUP, axis=1), NU_MIN, NU_MAX)
    lost = noise >= NU_MAX
    groups[lost] = 0
    return (
        np.concatenate([groups.ravel(), symbols[whole:]]).astype(np.complex64),
        np.concatenate([noise.ravel(), noise_map[whole:]]).astype(np.float32),
    )
