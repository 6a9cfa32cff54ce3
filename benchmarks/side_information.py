"""What a denoiser and what side information can gain at best, where the best is known exactly.

A Gaussian source of n samples with correlation rho^|i-j| is sent as K symbols of unit mean power by a random
orthonormal map, over independent Rayleigh fades that the receiver knows. Linear-Gaussian, so posteriors are exact:
symbol error of the symbol-by-symbol LMMSE equaliser and of the joint posterior; source error of the best linear decoder
that is not told the fades, and of the posterior mean that is. A denoiser before the latter gains nothing (data
processing inequality).
"""

import numpy as np

from benchmarks.common import emit, parser
from gvc import seeds

CASES = ((32, 32, 0.0), (32, 16, 0.9), (32, 8, 0.95), (32, 32, 0.9), (32, 64, 0.9))


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--draws", type=int, default=4000, help="blocks of fades a row")
    arguments = options.parse_args()
    rows = [
        {"samples": n, "symbols": k, "rho": rho, "snr_db": snr_db, **gains(n, k, rho, snr_db, arguments.draws)}
        for n, k, rho in CASES
        for snr_db in (5.0, 10.0)
    ]
    emit(rows, arguments.json)


def gains(n: int, k: int, rho: float, snr_db: float, draws: int) -> dict[str, float]:
    """Gains in dB for real symbols: SNR 10^(snr_db / 10) a symbol."""
    random = seeds.stream(0, f"side_information/{n}/{k}/{rho}/{snr_db}")
    source = rho ** np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    orthonormal = np.linalg.qr(random.standard_normal((max(n, k), max(n, k))))[0][:k, :n]
    # unit power a symbol: no power control across symbols
    mix = orthonormal / np.sqrt(np.einsum("ij,jl,il->i", orthonormal, source, orthonormal))[:, None]
    sent = mix @ source @ mix.T
    nu = 10 ** (-snr_db / 10) / random.exponential(size=(draws, k))
    covariance = sent + np.einsum("dk,kl->dkl", nu, np.eye(k))
    solved = np.linalg.solve(covariance, np.broadcast_to(sent, covariance.shape))
    joint = np.mean(np.einsum("kk->k", sent) - np.einsum("kl,dlk->dk", sent, solved))
    lmmse = np.mean(nu / (1 + nu))
    cross = source @ mix.T
    told = np.linalg.solve(covariance, np.broadcast_to(cross.T, (draws, k, n)))
    aware = np.mean(np.trace(source) - np.einsum("nk,dkn->d", cross, told)) / n
    # The blind decoder is linear in the LMMSE estimates w z, w = 1 / (1 + nu): it knows only their mean statistics.
    weight = 1 / (1 + nu)
    estimate = np.einsum("dk,dl,dkl->kl", weight, weight, covariance) / draws
    known = cross * weight.mean(0)
    blind = (np.trace(source) - np.trace(known @ np.linalg.solve(estimate, known.T))) / n
    return {
        "symbol_gain_of_joint_posterior_db": 10 * float(np.log10(lmmse / joint)),
        "source_gain_of_side_information_db": 10 * float(np.log10(blind / aware)),
    }


if __name__ == "__main__":
    main()
