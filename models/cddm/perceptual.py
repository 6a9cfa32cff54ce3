"""The perceptual mode (arm P): a distilled sampler in one step, and a decoder trained for how pictures look.

A student with the denoiser's network learns, from one evaluation, where the deterministic sampler ends after TEACHER
steps (distillation as in Salimans and Ho, "Progressive distillation for fast sampling of diffusion models", ICLR 2022,
taken in one stage since the start is close to the end). The decoder behind it is trained on squared error and LPIPS
together. **LPIPS is in the loss, so it is no judge of this mode; DISTS, which looks through another network, is.**
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gvc import registry
from gvc.errors import WeightsError
from models.cddm.network import Denoiser
from models.jscc.network import Decoder, Encoder, sent
from models.jscc.transmit import transmit
from models.training.session import TrainingSession

TEACHER = 8
LPIPS_WEIGHT = 0.02
DISTILLATION_WEIGHT = 0.01


def loss(
    run: TrainingSession, encoder: Encoder, teacher: nn.Module, student: Denoiser, decoder: Decoder
) -> Callable[[], Tensor]:
    """A loss that draws one random batch a call: squared error of the picture, LPIPS, distillation of the latents.

    Raises WeightsError when LPIPS's own weights are not installed.
    """
    from gvc.evaluation.metrics import NotMeasured, backbones
    from gvc.evaluation.metrics.lpips import distance

    try:
        backbones.weights(backbones.ALEXNET)
    except NotMeasured as missing:
        raise WeightsError(f"stage `perceptual` trains with LPIPS: {missing}, or point GVC_HOME at them") from missing
    sampler = registry.create("sampler", "x0", network=teacher, steps=TEACHER)

    def batch() -> Tensor:
        with run.autocast():
            with torch.no_grad():
                pictures, _, estimate, noise_map, active = transmit(encoder, run)
                unbiased = estimate * (1 + noise_map.repeat_interleave(2, 1))
                target = sampler(unbiased, noise_map, active)
            latents = student(estimate, noise_map, active)
            decoded = decoder(latents, noise_map, active)
        # only the maps that were sent carry the distillation
        known = sent(latents, active)[:, :, 0, 0]
        distilled = ((latents - target).square().mean((2, 3)) * known).sum() / known.sum()
        looks = distance(decoded.clamp(0, 1), pictures).mean()
        return F.mse_loss(decoded, pictures) + LPIPS_WEIGHT * looks + DISTILLATION_WEIGHT * distilled

    return batch
