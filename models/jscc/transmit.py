"""What every training of the pair and behind it sees: a batch of pictures as received over the training channel."""

import torch
from torch import Tensor

from gvc.noise_map import NU_MAX
from models.cddm.network import linear_estimate
from models.jscc.network import Encoder
from models.latents import MAX_LATENTS, MIN_LATENTS, from_symbols, to_symbols
from models.training.session import TrainingSession


def transmit(encoder: Encoder, run: TrainingSession) -> tuple[Tensor, ...]:
    """One random batch over one draw of the training channel.

    Returns pictures [B, 3, H, W], sent latents [B, MAX_LATENTS, h, w], their linear estimate, the noise map
    [B, MAX_LATENTS/2, h, w] and the number of latent maps sent [B].
    """
    pictures = run.crops.draw(run.batch)
    device = pictures.device
    # the headline's 32 maps (CBR 1/48) half of the time, else any even number
    other = MIN_LATENTS * 2 ** (3 * torch.rand(run.batch, device=device))
    active = torch.where(torch.rand(run.batch, device=device) < 0.5, 32.0, (other / 2).round() * 2)
    design = torch.rand(run.batch, device=device) * 24 - 2
    latents = encoder(pictures, design, active.clamp_max(MAX_LATENTS))
    rows, columns = latents.shape[2:]
    received, noise_map = run.channel(to_symbols(latents))
    noise_map = noise_map.reshape(run.batch, -1, rows, columns)
    received = from_symbols(received, MAX_LATENTS, rows, columns)
    sent = (torch.arange(MAX_LATENTS // 2, device=device)[None] < active[:, None] / 2)[:, :, None, None]
    received = received * sent.repeat_interleave(2, 1)
    noise_map = torch.where(sent, noise_map, NU_MAX)
    return pictures, latents, linear_estimate(received, noise_map), noise_map, active
