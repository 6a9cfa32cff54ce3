"""The noise-predicting network of the paper's sampler (`models.cddm.paper`), of the denoiser's size.

Same backbone as the x0 network, so that the two formulations can be compared; it differs from the published U-Net in
size (0.9 M parameters in `small`, 414 M there at CBR 1/48) and in that one network serves every SNR.
"""

import torch
from torch import Tensor, nn

from models.cddm.network import DenoiserSize, backbone
from models.cddm.paper import ALPHA_BARS, STEPS, scales
from models.jscc.network import sent
from models.latents import SQRT_HALF
from models.layers import Condition, weights_dtype


class Epsilon(nn.Module):
    """x_t [B, MAX_LATENTS, h, w], |h| [B, MAX_LATENTS/2, h, w], t in 1..STEPS ([B] or one for all), maps sent [B] ->
    noise of unit variance [B, MAX_LATENTS, h, w].
    """

    def __init__(self, size: DenoiserSize):
        super().__init__()
        self.condition = Condition(3)
        self.body = backbone(size)

    def forward(self, x: Tensor, gain: Tensor, t: Tensor | int, active: Tensor) -> Tensor:
        t = torch.as_tensor(t, device=x.device).expand(x.shape[0])
        alpha_bar = ALPHA_BARS.to(x.device, torch.float32)[t - 1]
        scalars = torch.stack([torch.logit(alpha_bar) / 4, t / (STEPS / 2) - 1, torch.log2(active / 32)], 1)
        inputs = torch.cat([x / SQRT_HALF, gain.clamp_max(4) - 1], 1).to(weights_dtype(self.body))
        predicted = self.body(inputs, self.condition(scalars)).float()
        # the part that is right for white symbols in AWGN; the network adds what their statistics tell
        return predicted + (1 - alpha_bar).sqrt()[:, None, None, None] * x


def loss(network: Epsilon, latents: Tensor, noise_map: Tensor, active: Tensor) -> Tensor:
    """Mean square error of the predicted noise at times drawn uniformly, over the maps that were sent.

    latents [B, MAX_LATENTS, h, w] are those sent; of the noise map only the fades and the SNR are used.
    """
    gain, signal, noise, _ = scales(noise_map, active)
    t = torch.randint(1, STEPS + 1, (len(latents),), device=latents.device)
    alpha_bar = ALPHA_BARS.to(latents.device, torch.float32)[t - 1][:, None, None, None]
    eps = torch.randn_like(latents)
    scaled = signal.repeat_interleave(2, 1) * SQRT_HALF * latents
    x = alpha_bar.sqrt() * scaled + (1 - alpha_bar).sqrt() * noise.repeat_interleave(2, 1) * eps
    known = sent(latents, active)[:, :, 0, 0]
    error = (network(x, gain, t, active) - eps).square().mean((2, 3))
    return (error * known).sum() / known.sum()
