"""The sampler of the CDDM paper, as published, beside which ours stands.

Wu et al., "CDDM: Channel denoising diffusion models for wireless semantic communications", IEEE Trans. Wireless
Commun. 23(9), 2024, and its published code: a network that predicts the noise, T = 1000 with linear betas, the
equaliser's scaling in the forward process, a start chosen by the SNR, and deterministic DDIM (Song, Meng and Ermon,
ICLR 2021) through every step from there.

With s2 = 1 / SNR and MMSE equalisation, W_s = |h|^2 / (|h|^2 + s2) scales the symbols and W_n = |h| / (|h|^2 + s2) the
noise, and the forward process is x_t = sqrt(ab_t) W_s x_0 + sqrt(1 - ab_t) W_n eps. Symbols have variance 1/2 a real
dimension there, eps variance 1. The sampler ends at W_s x_0, not at x_0: in a fade it is asked for nearly nothing.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from gvc.errors import InputError
from gvc.registry import nearest
from models.jscc.network import sent
from models.latents import SQRT_HALF

STEPS = 1000
STARTS = ("code", "matched")
BETAS = torch.linspace(1e-4, 0.02, STEPS, dtype=torch.float64)
ALPHA_BARS = torch.cumprod(1 - BETAS, 0)
Predictor = Callable[[Tensor, Tensor, int, Tensor], Tensor]
"""(x_t [B, C, h, w], |h| [B, C/2, h, w], t in 1..STEPS, maps sent [B]) -> noise [B, C, h, w]"""


def start_step(snr_db: float, start: str = "code", cap_db: float = 10.0) -> int:
    """Number of steps T from which sampling starts.

    `code`: where 10 log10(ab / (1 - ab)) is closest to the SNR, which itself is taken as at least `cap_db`; the
    published choice, 3 dB noisier than the symbols are, since these have variance 1/2. `matched`: closest to the SNR
    plus 3 dB. Raises InputError for another start.

    >>> kept = ALPHA_BARS[start_step(12.0) - 1]
    >>> round((10 * torch.log10(kept / (1 - kept))).item())
    12
    """
    if start not in STARTS:
        raise InputError(f"start '{start}'{nearest(start, list(STARTS))} (known: {', '.join(STARTS)})")
    wanted = max(snr_db, cap_db) if start == "code" else snr_db + 10 * torch.log10(torch.tensor(2.0)).item()
    ratio = 10 * torch.log10(ALPHA_BARS / (1 - ALPHA_BARS))
    return int((ratio - wanted).abs().argmin()) + 1


def scales(noise_map: Tensor, active: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Noise map [B, C/2, h, w] -> |h|, W_s, W_n of its shape and SNR [B], the mean of 1 / nu over the symbols sent.

    A receiver's noise map is s2 / |h|^2; with fades of unit mean power this tells the two apart.

    >>> power, s2 = torch.tensor([0.5, 1.5]), 0.1
    >>> gain, signal, _, snr = scales((s2 / power).reshape(1, 1, 1, 2), torch.tensor([2.0]))
    >>> round(snr.item(), 4), torch.allclose(gain**2, power), torch.allclose(signal, power / (power + s2))
    (10.0, True, True)
    """
    snr = (sent(noise_map, active / 2) / noise_map).sum((1, 2, 3)) / (active / 2 * noise_map[0, 0].numel())
    noise = (1 / snr)[:, None, None, None]
    gain = noise / noise_map
    return gain.sqrt(), gain / (gain + noise), gain.sqrt() / (gain + noise), snr


class PaperSampler:
    """`paper`: made with (network, a Predictor). `steps` is not used: the SNR decides, `used` says how many there were.

    The frames of one call share their start, that of their mean SNR. Raises InputError for an unknown start.
    """

    def __init__(self, network: Predictor, steps: int = 0, start: str = "code", cap_db: float = 10.0):
        self.network = network
        self.start, self.cap_db = start, cap_db
        self.used = start_step(cap_db, start, cap_db)

    def __call__(
        self, latents: Tensor, noise_map: Tensor, active: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """Unbiased latents [B, C, h, w], noise map [B, C/2, h, w], maps sent [B] -> W_s x_0 [B, C, h, w]."""
        gain, signal, noise, snr = scales(noise_map, active)
        signal, noise = signal.repeat_interleave(2, 1), noise.repeat_interleave(2, 1)
        mean_snr = snr.mean()
        self.used = start_step(10 * torch.log10(mean_snr).item(), self.start, self.cap_db)
        x = SQRT_HALF * signal * latents * sent(latents, active) / (1 + 1 / (2 * mean_snr)).sqrt()
        for t in range(self.used, 0, -1):
            now = ALPHA_BARS[t - 1].item()
            then = ALPHA_BARS[t - 2].item() if t > 1 else 1.0
            predicted = noise * self.network(x, gain, t, active)
            x = (then / now) ** 0.5 * (x - (1 - now) ** 0.5 * predicted) + (1 - then) ** 0.5 * predicted
        return x / SQRT_HALF * sent(x, active)
