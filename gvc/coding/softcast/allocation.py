"""Which chunks to send, with what power, and how to estimate them (Jakubczak and Katabi, 2011, section 4).

A coefficient x of variance v is sent as g x and received with noise of variance s: y = g x + n. The least total error
under the power sum(g^2 v) has g^2 v proportional to v^(1/2). The linear estimate of x is g v y / (g^2 v + s); its error
is v s / (g^2 v + s).
"""

import numpy as np

PEAK = 512.0
"""Most power of a coefficient over the mean. Whitening leaves a symbol 1 / 32 of it; the limiter would clip more."""


def gains(variances: np.ndarray, sizes: np.ndarray, energy: float) -> np.ndarray:
    """Gains [k] of chunks with these variances and sizes [k] that share `energy`, the sum over all coefficients.

    No coefficient gets more than PEAK times the mean power; what that leaves over goes to the others.
    """
    roots = np.sqrt(variances)
    most = PEAK * energy / np.sum(sizes)
    power = roots * energy / np.sum(sizes * roots)
    for _ in range(8):
        limited = power >= most
        left = energy - most * np.sum(sizes[limited])
        power = np.where(limited, most, roots * left / max(np.sum(sizes[~limited] * roots[~limited]), 1e-30))
        power = np.minimum(power, most)
    return np.sqrt(power / variances)


def distortion(variances: np.ndarray, sizes: np.ndarray, energy: float, noise: float) -> float:
    """Summed squared error of the estimates of all coefficients of chunks that share `energy`."""
    sent = gains(variances, sizes, energy) ** 2 * variances
    return float(np.sum(sizes * variances * noise / (sent + noise)))


def chunks_worth_sending(variances: np.ndarray, sizes: np.ndarray, most: int, energy: float, noise: float) -> int:
    """How many chunks, the strongest first, leave the least total error.

    variances, sizes [k], variances falling; at most `most` coefficients fit.
    """
    fitting = int(np.searchsorted(np.cumsum(sizes), most, side="right"))
    if not fitting:
        return 0
    left = np.concatenate([np.cumsum((sizes * variances)[::-1])[::-1], [0.0]])
    candidates = np.unique(np.geomspace(1, fitting, 24).round().astype(int))
    errors = [distortion(variances[:k], sizes[:k], energy, noise) + left[k] for k in candidates]
    return int(candidates[int(np.argmin(errors))])
