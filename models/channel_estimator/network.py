"""From a burst's own training to the delay profile of its channel, and from that to the estimator and its error.

The prior of the channel is Gaussian given its power-delay profile; the profile is what a network infers, from how the
burst's training looks over delay and from its SNR (empirical Bayes; as mixtures of such priors in Koller et al., "An
asymptotically MSE-optimal estimator based on Gaussian mixture models", IEEE Trans. Signal Processing 70, 2022). Given
it, the posterior mean is the linear MMSE estimator, and the posterior variance is the error that the estimate claims.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gvc.errors import InputError
from gvc.registry import nearest

DELAYS = 64
HIDDEN = 96
FLOOR = 0.01
"""Share of the profile that stays uniform: no delay is ever ruled out."""


@dataclass(frozen=True)
class Geometry:
    """What the estimator must know of a numerology; `group`: training symbols before the payload."""

    fft_size: int
    cyclic_prefix: int
    occupied_carriers: int
    timing_advance: int
    group: int

    def carriers(self) -> Tensor:
        """Occupied carriers, float64 [K]."""
        side = torch.arange(1, self.occupied_carriers + 1, dtype=torch.float64)
        return torch.cat([-side.flip(0), side])

    def steering(self) -> Tensor:
        """Response of a path at each delay of the grid, complex128 [K, DELAYS]; delays in samples after the window."""
        delays = torch.linspace(self.timing_advance - 4, self.cyclic_prefix + 1, DELAYS, dtype=torch.float64)
        return torch.exp(-2j * torch.pi / self.fft_size * self.carriers()[:, None] * delays)


# those of gvc/phy/numerologies, which a bare training machine cannot read
GEOMETRIES = {"ofdm64": Geometry(64, 16, 26, 4, 14), "ofdm256": Geometry(256, 64, 100, 8, 6)}


def geometry(name: str) -> Geometry:
    """Of a numerology by name; raises InputError for one that is not entered here."""
    if name not in GEOMETRIES:
        raise untrained(name)
    return GEOMETRIES[name]


def untrained(name: str) -> InputError:
    """The error for a numerology that the weights are not for."""
    return InputError(
        f"no learned channel estimator for numerology '{name}'{nearest(name, sorted(GEOMETRIES))} as it is here: set "
        "phy.channel_estimator to dft-smoothed, or enter its sizes in models/channel_estimator/network.py and run "
        f"`gvc models train channel_estimator --preset {name} --shipped`"
    )


def describe(grouped: Tensor, midambles: Tensor, noise: Tensor, steering: Tensor) -> Tensor:
    """What the network sees, float32 [B, 2 DELAYS + 1].

    grouped: complex64 [B, A, K], mean over the training before the payload, of A antennas. midambles: complex64
    [B, A, M, K], M >= 0. noise [B]: variance of `grouped` over the channel's power. steering: complex64 [K, DELAYS].
    """
    matched = steering.conj() / steering.shape[0]
    power = grouped.abs().square().mean((1, 2))[:, None]
    first = (grouped @ matched).abs().square().mean(1) / power
    later = (midambles @ matched).abs().square().mean((1, 2)) / power if midambles.shape[2] else first
    return torch.cat([first.clamp_min(1e-5).log(), later.clamp_min(1e-5).log(), noise[:, None].log()], 1) / 4


class DelayProfile(nn.Module):
    """Description [B, 2 DELAYS + 1] -> profile [B, DELAYS], positive with sum 1.

    `blind` hides everything but the SNR: the control, with the same parameters, multiplications and data, whose
    estimator is the best that does not look at the burst.
    """

    def __init__(self, blind: bool = False):
        super().__init__()
        self.blind = blind
        self.body = nn.Sequential(
            nn.Linear(2 * DELAYS + 1, HIDDEN),
            nn.SiLU(),
            nn.Linear(HIDDEN, HIDDEN),
            nn.SiLU(),
            nn.Linear(HIDDEN, DELAYS),
        )

    def forward(self, description: Tensor) -> Tensor:
        if self.blind:
            description = torch.cat([torch.zeros_like(description[:, :-1]), description[:, -1:]], 1)
        return (1 - FLOOR) * self.body(description).softmax(1) + FLOOR / DELAYS


def posterior(profile: Tensor, noise: Tensor, steering: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """LMMSE estimator for channels of unit power with this profile.

    profile [B, DELAYS], noise [B], steering complex [K, DELAYS] -> matrix complex [B, K, K] that is applied from the
    left, variance of noise after over before [B, K], mean square of what the matrix takes from the channel [B, K].
    With R = S diag(profile) S^H the matrix is R (R + noise)^-1; of a single path, a flat channel, its error is
    noise / (K + noise).

    >>> matrix, gain, bias = posterior(torch.ones(1, 1), torch.tensor([0.1]), torch.ones(52, 1, dtype=torch.complex64))
    >>> round((0.1 * gain + bias).mean().item(), 5), round(0.1 / (52 + 0.1), 5)
    (0.00192, 0.00192)
    """
    covariance = torch.einsum("kd,bd,ld->bkl", steering, profile.to(steering.dtype), steering.conj())
    eye = torch.eye(len(steering), dtype=steering.dtype, device=steering.device)
    loaded = covariance + noise[:, None, None] * eye
    matrix = torch.linalg.solve(loaded, covariance).mH
    short = matrix - eye
    bias = torch.einsum("bkl,blm,bkm->bk", short, covariance, short.conj()).real
    return matrix, matrix.abs().square().sum(2), bias.clamp_min(0)
