"""Lower bounds on the error of frequency and channel estimates, in closed form."""

import numpy as np


def frequency_variance(signal: np.ndarray, times: np.ndarray, response: np.ndarray, noise_variance: float) -> float:
    """Cramer-Rao bound on the variance of a frequency in (radians a unit of `times`)^2, the channel being unknown.

    Received is diag(exp(j w t)) S h + noise: signal S, complex [N, L], what is known to be sent as it arrives over each
    of L taps; times t [N]; response h complex [L]; noise of variance s2 a sample. With the projection P on S,

        var(w) >= s2 / (2 |(I - P) diag(t) S h|^2)

    (Morelli and Mengali, IEEE Trans. Commun. 48(9), 2000). For one tap it is s2 / (2 sum |s h|^2 (t - m)^2)
    about the energy's mean time m, and for N equal samples 6 s2 / (|h|^2 N (N^2 - 1)) (Rife and Boorstyn, IEEE Trans.
    Inf. Theory 20(5), 1974).
    """
    basis, _ = np.linalg.qr(signal)
    moved = times * (signal @ response)
    apart = moved - basis @ (basis.conj().T @ moved)
    return noise_variance / (2 * float(np.sum(np.abs(apart) ** 2)))


def channel_error(rank: float, carriers: int, symbols: int, noise_variance: float) -> float:
    """Cramer-Rao bound on the mean square error a carrier of a response that holds still over `symbols` training
    symbols of unit energy and has `rank` unknown coefficients: s2 rank / (carriers symbols). `rank` is `carriers` for
    least squares, the number of taps for a response that is known to be no longer.
    """
    return noise_variance * rank / (carriers * symbols)


def bayesian_channel_error(over_carriers: np.ndarray, over_time: np.ndarray, noise_variance: float) -> float:
    """Least mean square error a carrier and training symbol of any estimate, for a Gaussian channel of covariance
    over_time (x) over_carriers, [T, T] and [K, K] with diagonal 1: that of the linear MMSE estimator that knows it, in
    the covariance's eigenvalues l_k and m_t

        sum l_k m_t s2 / (l_k m_t + s2) / (K T)

    (Kay, Fundamentals of Statistical Signal Processing: Estimation Theory, 1993, section 12.5).
    """
    power = np.maximum(np.outer(np.linalg.eigvalsh(over_time), np.linalg.eigvalsh(over_carriers)), 0)
    return float(np.mean(power * noise_variance / (power + noise_variance)))
