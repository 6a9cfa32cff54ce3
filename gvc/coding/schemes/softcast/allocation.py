"""Which chunks to send, with what power, and how to estimate them (Jakubczak and Katabi, 2011, section 4).

A coefficient x of variance v is sent as g x and received with noise of variance s: y = g x + n. The least total error
under the power sum(g^2 v) has g^2 v proportional to v^(1/2). The linear estimate of x is g v y / (g^2 v + s); its error
is v s / (g^2 v + s).
"""

import numpy as np

PEAK = 128.0
"""Most power of a coefficient. A symbol gets 1 / 32 of it by whitening; the transmitter's limiter would clip more."""


def gains(variances: np.ndarray, sizes: np.ndarray, energy: float) -> np.ndarray:
    """Gains [k] of chunks with these variances and sizes [k] that share `energy`, the sum over all coefficients.

    No coefficient gets more power than PEAK; what that leaves over goes to the others.

    >>> gains(np.array([16.0, 1.0]), np.array([1, 1]), energy=5.0).tolist()  # powers 4 and 1, as the roots of v
    [0.5, 1.0]
    """
    roots = np.sqrt(variances)
    power = roots * energy / np.sum(sizes * roots)
    for _ in range(8):
        limited = power >= PEAK
        left = energy - PEAK * np.sum(sizes[limited])
        power = np.where(limited, PEAK, roots * left / max(np.sum(sizes[~limited] * roots[~limited]), 1e-30))
        power = np.minimum(power, PEAK)
    return np.sqrt(power / variances)


def distortion(variances: np.ndarray, sizes: np.ndarray, energy: float, noise: float) -> float:
    """Summed squared error of the estimates of all coefficients of chunks that share `energy`.

    >>> distortion(np.array([16.0, 1.0]), np.array([1, 1]), energy=5.0, noise=1.0), 16 * 1 / (4 + 1) + 1 * 1 / (1 + 1)
    (3.7, 3.7)
    """
    sent = gains(variances, sizes, energy) ** 2 * variances
    return float(np.sum(sizes * variances * noise / (sent + noise)))


def chunks_worth_sending(variances: np.ndarray, sizes: np.ndarray, most: int, energy: float, noise: float) -> int:
    """How many chunks, the strongest first, leave the least total error.

    variances, sizes [k], variances falling; at most `most` coefficients fit. So many are sent that they can take the
    energy, if only to keep the power of plain pictures.
    """
    ends = np.cumsum(sizes)
    fitting = int(np.searchsorted(ends, most, side="right"))
    if not fitting:
        return 0
    fewest = min(int(np.searchsorted(ends, energy / PEAK)) + 1, fitting)
    left = np.concatenate([np.cumsum((sizes * variances)[::-1])[::-1], [0.0]])
    candidates = np.unique(np.geomspace(fewest, fitting, 24).round().astype(int))
    errors = [distortion(variances[:k], sizes[:k], energy, noise) + left[k] for k in candidates]
    return int(candidates[int(np.argmin(errors))])
