"""Hadamard whitening (Jakubczak and Katabi, 2011, section 4.2) and the receiver's least-squares estimate.

Values strong and weak are mixed in groups of symbols that lie in different slots: no symbol carries a peak that a
transmitter would clip, and what a fade or a lost slot takes is shared by all.
"""

import numpy as np
import scipy.linalg

from gvc.noise_map import NU_MAX

GROUP = 32
"""Symbols that are mixed."""
_MATRIX = scipy.linalg.hadamard(GROUP) / np.sqrt(GROUP)
_ERASED = 1e9


def spread(values: np.ndarray) -> np.ndarray:
    """Real values [2 * symbols], strongest first -> complex64 [symbols], a multiple of GROUP.

    Each group gets every (2 * symbols / GROUP)-th value; the groups of two neighbours share symbols as I and Q.

    >>> symbols = spread(np.eye(64)[0])  # one strong value of 64: all symbols are as strong
    >>> bool(np.allclose(np.abs(symbols), 1 / GROUP**0.5)), len(symbols)
    (True, 32)
    """
    mixed = _MATRIX.astype(np.float32) @ values.reshape(GROUP, -1).astype(np.float32)
    return (mixed[:, ::2] + 1j * mixed[:, 1::2]).T.ravel().astype(np.complex64)


def estimate(symbols: np.ndarray, noise_map: np.ndarray, powers: np.ndarray) -> np.ndarray:
    """Received complex64 [symbols], their noise and the values' variances [2 * symbols] -> values, float64.

    The linear least-squares estimate of a group: P H' (H P H' + N)^-1 y, P its variances, N the noise of its symbols.
    """
    groups = symbols.reshape(-1, GROUP)
    noise = np.where(noise_map < NU_MAX, noise_map.astype(np.float64) / 2, _ERASED).reshape(-1, GROUP)
    received = np.stack([groups.real, groups.imag], axis=1).astype(np.float64)
    power = powers.reshape(GROUP, -1, 2).transpose(1, 2, 0)
    covariance = (_MATRIX * power[:, :, None, :]) @ _MATRIX.T
    covariance[..., np.arange(GROUP), np.arange(GROUP)] += noise[:, None, :]
    solved = np.linalg.solve(covariance, received[..., None])[..., 0]
    return (power * (solved @ _MATRIX)).transpose(2, 0, 1).ravel()


def across_slots(symbols: np.ndarray, slots: int) -> list[np.ndarray]:
    """A segment's symbols complex64 [slots * count] dealt to the slots one by one, so that a group meets them all."""
    return list(np.ascontiguousarray(symbols.reshape(-1, slots).T))
