"""The JSCC pair: a convolutional encoder to channel symbols and a decoder that is told each symbol's noise.

After Bourtsoulatze et al., "Deep joint source-channel coding for wireless image transmission" (2019); ordered,
truncated latents as in successive refinement (Kurka and Gunduz, 2020). Unit power per frame, no power side channel.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gvc.noise_map import NU_MAX, NU_MIN
from models.latents import MAX_LATENTS
from models.layers import Condition, Stack, residuals, weights_dtype


@dataclass(frozen=True)
class PairSize:
    """Channels and residual blocks at 1/4, 1/8 and 1/16 of the picture, for encoder and decoder."""

    widths: tuple[int, int, int]
    encoder_blocks: tuple[int, int, int]
    decoder_blocks: tuple[int, int, int]


SIZES = {
    "small": PairSize((32, 64, 128), (1, 2, 3), (2, 3, 4)),
    "default": PairSize((64, 128, 192), (1, 2, 3), (2, 3, 4)),
    "large": PairSize((96, 192, 320), (2, 4, 6), (3, 4, 8)),
}


class Encoder(nn.Module):
    """Picture [B, 3, H, W] in 0..1 (H, W multiples of 16) -> latents [B, MAX_LATENTS, H/16, W/16].

    `design_snr_db` [B] is the SNR that the transmitter designs for and `active` [B] the number of latent maps sent;
    the sent ones have unit mean power over the frame, the others are zero.
    """

    def __init__(self, size: PairSize):
        super().__init__()
        narrow, middle, wide = size.widths
        first, second, third = size.encoder_blocks
        self.condition = Condition(2)
        self.body = Stack(
            nn.PixelUnshuffle(4),
            nn.Conv2d(48, narrow, 3, padding=1),
            *residuals(narrow, first),
            nn.Conv2d(narrow, middle, 3, stride=2, padding=1),
            *residuals(middle, second),
            nn.Conv2d(middle, wide, 3, stride=2, padding=1),
            *residuals(wide, third),
            nn.SiLU(),
            nn.Conv2d(wide, MAX_LATENTS, 3, padding=1),
        )

    def forward(self, picture: Tensor, design_snr_db: Tensor, active: Tensor) -> Tensor:
        scalars = torch.stack([design_snr_db / 10 - 1, torch.log2(active / 32)], 1)
        centred = (picture * 2 - 1).to(weights_dtype(self.body))
        latents = self.body(centred, self.condition(scalars)).float()
        latents = latents * sent(latents, active)
        energy = latents.square().sum((1, 2, 3)) / (active * latents[0, 0].numel())
        return latents * torch.rsqrt(energy + 1e-12)[:, None, None, None]


class Decoder(nn.Module):
    """Received latents [B, MAX_LATENTS, h, w] and noise map [B, MAX_LATENTS/2, h, w] -> picture [B, 3, 16h, 16w].

    Latents are the linear MMSE estimate z / (1 + nu), or a denoiser's. With `aware=False` (arm A) every entry of the
    noise map is replaced by its mean (in dB) over the sent symbols: the decoder knows the SNR but not the channel.
    `extra` residual blocks at the latent resolution widen the control arm by the denoiser's multiplications.
    """

    def __init__(self, size: PairSize, aware: bool = True, extra: int = 0):
        super().__init__()
        narrow, middle, wide = size.widths
        first, second, third = size.decoder_blocks
        self.aware = aware
        self.condition = Condition(3)
        self.entry = nn.Conv2d(MAX_LATENTS * 3 // 2, wide, 3, padding=1)
        self.widening = Stack(*residuals(wide, extra))
        self.body = Stack(
            *residuals(wide, third),
            nn.Conv2d(wide, middle * 4, 1),
            nn.PixelShuffle(2),
            *residuals(middle, second),
            nn.Conv2d(middle, narrow * 4, 1),
            nn.PixelShuffle(2),
            *residuals(narrow, first),
            nn.SiLU(),
            nn.Conv2d(narrow, 48, 3, padding=1),
            nn.PixelShuffle(4),
        )

    def forward(self, latents: Tensor, noise_map: Tensor, active: Tensor) -> Tensor:
        reliability, scalars = describe(noise_map, active, self.aware)
        condition = self.condition(scalars)
        hidden = self.entry(torch.cat([latents, reliability], 1).to(self.entry.weight.dtype))
        return self.body(self.widening(hidden, condition), condition).float() * 0.5 + 0.5


def describe(noise_map: Tensor, active: Tensor, aware: bool = True) -> tuple[Tensor, Tensor]:
    """Noise map -> (its log, scaled to about -1..1, [B, C/2, h, w]; scalars mean, spread, rate [B, 3])."""
    log_noise = noise_map.clamp(NU_MIN, NU_MAX).log() / 4 + 0.5
    known = sent(log_noise, active / 2)
    count = active / 2 * log_noise[0, 0].numel()
    mean = (log_noise * known).sum((1, 2, 3)) / count
    spread = ((log_noise - mean[:, None, None, None]).square() * known).sum((1, 2, 3)) / count
    if not aware:
        log_noise = torch.where(known, mean[:, None, None, None], log_noise)
        spread = torch.zeros_like(spread)
    return log_noise, torch.stack([mean, (spread + 1e-6).sqrt(), torch.log2(active / 32)], 1)


def sent(maps: Tensor, active: Tensor) -> Tensor:
    """Which of the maps [B, C, h, w] are among the first `active` [B]: bool [B, C, 1, 1]."""
    index = torch.arange(maps.shape[1], device=maps.device)
    return (index[None] < active[:, None])[:, :, None, None]
