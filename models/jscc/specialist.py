"""Specialists: decoders that are told nothing of the noise and are trained for some conditions alone.

The decoders of Bourtsoulatze et al. (2019) and of CDDM (Wu et al., 2024) are of this kind: one for one SNR and channel,
which sees equalised symbols and nothing else. Whatever such a decoder meets beside its conditions is a mismatch.
"""

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gvc.errors import InputError
from models import weights
from models.arms import AWARE, BEHIND, CONTROL, DENOISER, ENCODER, Places, widen
from models.jscc.network import Decoder, Encoder
from models.jscc.transmit import transmit
from models.latents import MAX_LATENTS
from models.layers import Residual
from models.training.fit import fit
from models.training.session import Options, TrainingSession

STAGES = ("specialist",)
# shares of the time for the specialist and for the one behind the denoiser; the control has steps, not a time
SHARES = {"specialist": 0.4, "behind": 0.25}


def train(options: Options) -> None:
    """Train a specialist, one behind the denoiser and its widened control, for the conditions of `options` alone.

    All start from the CSI-aware decoder in `options.jscc`, with everything taken out that it knew of the noise, and
    stand behind that folder's encoder as it is; the denoiser is the preset's, for all conditions. `options.out` becomes
    a folder with all networks of the arms A+ (the specialist), control, C and D. Raises InputError when other stages
    are asked for too, or when the weights to start from would be overwritten.
    """
    if options.stages != "specialist" or options.resume:
        raise InputError(f"--stages {options.stages}: `specialist` is trained on its own, from the start")
    if options.jscc is None or options.out is None or options.jscc.resolve() == options.out.resolve():
        raise InputError("a specialist needs --jscc, the weights to start from, and another folder as --out")
    run = TrainingSession("jscc", options, STAGES)
    origin = Places(options.preset, options.jscc)
    encoder = run.prepare(origin.encoder()).requires_grad_(False)
    denoiser = run.prepare(origin.denoiser()).requires_grad_(False)
    plain = run.prepare(unaware(origin.decoder("A+").train()))
    seconds = options.minutes * 60
    _fit(run, "specialist", plain, encoder, None, seconds=seconds * SHARES["specialist"])
    behind = run.prepare(unaware(copy.deepcopy(plain)))
    control = run.prepare(unaware(widen(plain, options.preset)))
    steps = _fit(run, "behind", behind, encoder, denoiser, seconds=seconds * SHARES["behind"])
    _fit(run, "control", control, encoder, None, steps=steps)
    for network, file in (
        (encoder, ENCODER), (denoiser, DENOISER), (plain, AWARE), (behind, BEHIND), (control, CONTROL),
    ):  # fmt: skip
        weights.save(network, run.out / file)
    from models.ablation.score import score_arms

    places = Places(options.preset, run.out, run.out)
    run.finish(lambda held_out: score_arms(held_out, ["A+", "control", "C", "D"], places=places))


def unaware(decoder: Decoder) -> Decoder:
    """`decoder` itself, made blind to the noise map and the link's scalars, and kept so while it is trained."""
    known = torch.ones_like(decoder.entry.weight)
    known[:, MAX_LATENTS:] = 0
    decoder.entry.weight.data.mul_(known)
    decoder.entry.weight.register_hook(lambda gradient: gradient * known.to(gradient.device))
    for layer in decoder.modules():
        if isinstance(layer, Residual):
            nn.init.zeros_(layer.film.weight)
            nn.init.zeros_(layer.film.bias)
            layer.film.requires_grad_(False)
    decoder.condition.requires_grad_(False)
    return decoder


def _fit(
    run: TrainingSession, stage: str, decoder: Decoder, encoder: Encoder, denoiser: nn.Module | None, **limit: Any
) -> int:
    def loss() -> Tensor:
        with run.autocast():
            with torch.no_grad():
                pictures, _, estimate, noise_map, active = transmit(encoder, run)
                if denoiser is not None:
                    estimate = denoiser(estimate, noise_map, active)
            decoded = decoder(estimate, noise_map, active)
        return F.mse_loss(decoded, pictures)

    return fit(stage, loss, [decoder], run.log, rate=run.rate / 2, constant_loss=run.constant_loss(), **limit)
