"""Symbol-level channels: what `score` and training put between encoder and decoder, without a waveform.

Everything works on complex symbols [B, n] of unit mean power and returns the unbiased equalised symbols
z = y / h and their noise map nu = sigma^2 / |h|^2; where nu exceeds NU_MAX the symbol is erased (z = 0, nu = NU_MAX).
All randomness is drawn on the device of the symbols, so that a training step can be captured as a graph.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from gvc.errors import InputError
from gvc.noise_map import NU_MAX, NU_MIN
from gvc.registry import nearest

# Which of the fading kinds of training a choice draws from, as a range of the uniform variate that picks among them
FADING = {"mix": (0.0, 1.0), "awgn": (0.0, 0.25), "rayleigh": (0.25, 0.45)}


@dataclass(frozen=True)
class SymbolChannel:
    """A test condition. `kind` is `awgn` or `rayleigh` (independent fades h ~ CN(0, 1), channel known).

    csi_error_var: variance of the error of the known channel, not told to the receiver.
    snr_mismatch_db: how much better than the truth the receiver believes the SNR to be.
    erasure: probability that a symbol is lost (and known to be).
    interference_db: power of a narrow-band interferer relative to the signal, all of it on the sixteenth of the symbols
        that the interleaver put on its carriers, not told.
    """

    kind: str
    snr_db: float
    csi_error_var: float = 0.0
    snr_mismatch_db: float = 0.0
    erasure: float = 0.0
    interference_db: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in ("awgn", "rayleigh"):
            raise InputError(f"unknown symbol channel '{self.kind}': use awgn or rayleigh")
        if not -30 <= self.snr_db <= 60:
            raise InputError(f"SNR {self.snr_db} dB is out of range: use -30 to 60")
        if not 0 <= self.erasure < 1 or self.csi_error_var < 0:
            raise InputError("erasure must lie in 0..1 and the channel-state error variance must not be negative")

    def __call__(self, symbols: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Complex symbols [B, n] -> equalised symbols [B, n] and noise map [B, n]."""

        def normal() -> Tensor:
            return torch.randn(symbols.shape, dtype=torch.complex64, device=symbols.device, generator=generator)

        variance = 10 ** (-self.snr_db / 10)
        fade = normal() if self.kind == "rayleigh" else torch.ones_like(symbols)
        received = fade * symbols + variance**0.5 * normal()
        if self.interference_db is not None:
            order = torch.rand(symbols.shape, device=symbols.device, generator=generator).argsort(1)
            hit = (order < symbols.shape[1] / 16).float()
            received = received + hit * (16 * 10 ** (self.interference_db / 10)) ** 0.5 * normal()
        known = fade + self.csi_error_var**0.5 * normal() if self.csi_error_var else fade
        gain = known.abs().square().clamp_min(1e-9)
        noise_map = variance * 10 ** (-self.snr_mismatch_db / 10) / gain
        equalised = known.conj() * received / gain
        if self.erasure:
            lost = torch.rand(symbols.shape, device=symbols.device, generator=generator) < self.erasure
            noise_map = torch.where(lost, 2 * NU_MAX, noise_map)
        return erase(equalised, noise_map)


def erase(equalised: Tensor, noise_map: Tensor) -> tuple[Tensor, Tensor]:
    """Apply the clamp of the noise map: beyond NU_MAX a symbol says nothing and becomes 0."""
    return torch.where(noise_map > NU_MAX, 0, equalised), noise_map.clamp(NU_MIN, NU_MAX)


class TrainingChannel:
    """Random conditions of training, one per picture: SNR uniform in `snr_db`, and four kinds of fading.

    A picture meets AWGN, independent fades, a handful of coherence blocks that the interleaver has mixed, or a noise
    map with its true errors recorded by the real receiver (`bank`: float arrays noise_map, error_re, error_im
    [F, n]). A third of the pictures lose 0-10 % of their symbols; the claimed noise is off by 0.5 dB rms.
    `fading` keeps all kinds (`mix`) or only AWGN (`awgn`) or independent fades (`rayleigh`), for specialists.
    """

    def __init__(
        self,
        snr_db: tuple[float, float] = (-2.0, 22.0),
        bank: dict[str, Tensor] | None = None,
        fading: str = "mix",
    ):
        if fading not in FADING:
            raise InputError(f"unknown fading '{fading}'{nearest(fading, list(FADING))} (known: {', '.join(FADING)})")
        if not -30 <= snr_db[0] <= snr_db[1] <= 60:
            raise InputError(f"SNR {snr_db[0]:g} to {snr_db[1]:g} dB: give a rising range within -30 to 60")
        if bank is not None and fading != "mix":
            raise InputError(f"a bank belongs to the fading 'mix', not to '{fading}' alone")
        self.snr_db = snr_db
        self.bank = bank
        self.kinds = FADING[fading]

    def __call__(self, symbols: Tensor) -> tuple[Tensor, Tensor]:
        """Complex symbols [B, n] -> equalised symbols and noise map, both [B, n]."""
        batch, count = symbols.shape
        device = symbols.device

        def uniform(*shape: int) -> Tensor:
            return torch.rand(*shape, device=device)

        low, high = self.snr_db
        variance = 10 ** (-(uniform(batch, 1) * (high - low) + low) / 10)
        first, last = self.kinds
        kind = first + (last - first) * uniform(batch, 1)
        fades = torch.randn(batch, count, dtype=torch.complex64, device=device)
        blocks = 2 ** (uniform(batch, 1) * 5)
        which = (uniform(batch, count) * blocks).long().clamp_max(count - 1)
        gain = torch.where(kind < 0.45, fades, fades.gather(1, which)).abs().square()
        gain = torch.where(kind < 0.25, torch.ones_like(gain), gain)
        noise_map = variance / gain.clamp_min(1e-6)
        noise = torch.randn(batch, count, dtype=torch.complex64, device=device) * noise_map.sqrt()
        claimed = noise_map * 10 ** (0.05 * torch.randn(batch, 1, device=device))
        if self.bank is not None:
            claimed, noise = _recorded(self.bank, kind > 0.7, claimed, noise)
        lost = uniform(batch, count) < 0.1 * uniform(batch, 1) * (uniform(batch, 1) < 0.33)
        return erase(symbols + noise, torch.where(lost, 2 * NU_MAX, claimed))


def _recorded(bank: dict[str, Tensor], chosen: Tensor, claimed: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    frames, length = bank["noise_map"].shape
    batch, count = claimed.shape
    frame = (torch.rand(batch, 1, device=claimed.device) * frames).long().clamp_max(frames - 1)
    place = (torch.rand(batch, count, device=claimed.device) * length).long().clamp_max(length - 1)
    error = torch.complex(bank["error_re"][frame, place].float(), bank["error_im"][frame, place].float())
    recorded = bank["noise_map"][frame, place].float()
    # what the receiver erased stays erased, whatever half precision made of NU_MAX
    recorded = torch.where(recorded > 0.99 * NU_MAX, 2 * NU_MAX, recorded)
    return torch.where(chosen, recorded, claimed), torch.where(chosen, error, noise)
