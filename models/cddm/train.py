"""Train the one-step denoiser on a frozen encoder, the decoder behind it (arm D), and the widened control; on demand
also the paper's noise-predicting network (stage `epsilon`) and the perceptual mode (arm P, stage `perceptual`).

    python -m models.cddm.train --images photos/ --validation photos/validation.txt --bank bank.safetensors --minutes 10

The control gets as many steps as denoiser and decoder D together, on the same kind of draws.
"""

import sys
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models import weights
from models.arms import BEHIND, CONTROL, DENOISER, EPSILON, PERCEPTUAL, STUDENT, Places, widen
from models.cddm import epsilon, perceptual
from models.cddm.epsilon import Epsilon
from models.cddm.network import SIZES, Denoiser
from models.jscc.network import Decoder, Encoder, sent
from models.jscc.transmit import transmit
from models.training import session as sessions
from models.training.fit import StepLog, fit
from models.training.session import Options, TrainingSession

STAGES = ("denoiser", "behind", "control")
ON_DEMAND = ("epsilon", "perceptual")
# shares of the time; a control step costs about 2.5 denoiser steps, so it has time for as many steps as both
SHARES = {"denoiser": 0.08, "behind": 0.32}


def train(options: Options) -> None:
    """Run the stages that `options` names, by default the first three; weights and log land in its `out`."""
    run = TrainingSession("cddm", options, STAGES, ON_DEMAND)
    places = Places(options.preset, options.jscc, run.out)
    encoder = run.prepare(places.encoder()).requires_grad_(False)
    seconds = options.minutes * 60
    if run.wants("denoiser"):
        denoiser = run.prepare(Denoiser(SIZES[options.preset]), run.out / DENOISER if options.resume else None)
        share = seconds * SHARES["denoiser"]
        fit("denoiser", lambda: _symbol_loss(run, encoder, denoiser), [denoiser], run.log, share, rate=run.rate)
        weights.save(denoiser, run.out / DENOISER)
    if run.wants("behind"):
        denoiser = run.prepare(places.denoiser()).requires_grad_(False)
        decoder = run.prepare(places.decoder("D" if options.resume else "A+").train())
        _decoder(run, "behind", decoder, encoder, denoiser, seconds=seconds * SHARES["behind"])
    if run.wants("control"):
        control = places.decoder("control") if options.resume else widen(places.decoder("A+"), options.preset)
        _decoder(run, "control", run.prepare(control.train()), encoder, None, steps=owed(run.log), seconds=seconds)
    if run.wants("epsilon"):
        again = options.resume and (run.out / EPSILON).exists()
        predictor = places.epsilon() if again else Epsilon(SIZES[options.preset])
        run.prepare(predictor.train())
        fit("epsilon", lambda: _noise_loss(run, encoder, predictor), [predictor], run.log, seconds, rate=run.rate)
        weights.save(predictor, run.out / EPSILON)
    if run.wants("perceptual"):
        teacher = run.prepare(places.denoiser()).requires_grad_(False)
        again = options.resume and (run.out / STUDENT).exists()
        student = run.prepare(places.denoiser(STUDENT if again else DENOISER).train())
        decoder = run.prepare(places.decoder("P" if again else "D").train())
        loss = perceptual.loss(run, encoder, teacher, student, decoder)
        fit("perceptual", loss, [student, decoder], run.log, seconds, rate=run.rate / 2)
        weights.save(student, run.out / STUDENT)
        weights.save(decoder, run.out / PERCEPTUAL)
    from models.ablation.score import score_arms

    arms = ["A", "A+", "control", "C", "D", "P"]
    there = [name for name in arms if places.file(name).exists()]
    run.finish(lambda held_out: score_arms(held_out, there, places=places))


def owed(log: StepLog) -> int:
    """Steps that denoiser and decoder D have had, in this run and those that it resumes, less the control's own."""
    steps = log.steps()
    return max(1, steps.get("denoiser", 0) + steps.get("behind", 0) - steps.get("control", 0))


def _decoder(
    run: TrainingSession, stage: str, decoder: Decoder, encoder: Encoder, denoiser: nn.Module | None, **limit: Any
) -> None:
    file = {"behind": BEHIND, "control": CONTROL}[stage]

    def loss() -> Tensor:
        with run.autocast():
            with torch.no_grad():
                pictures, _, estimate, noise_map, active = transmit(encoder, run)
                if denoiser is not None:
                    estimate = denoiser(estimate, noise_map, active)
            decoded = decoder(estimate, noise_map, active)
        return F.mse_loss(decoded, pictures)

    fit(stage, loss, [decoder], run.log, rate=run.rate / 2, constant_loss=run.constant_loss(), **limit)
    weights.save(decoder, run.out / file)


def _symbol_loss(run: TrainingSession, encoder: Encoder, denoiser: Denoiser) -> Tensor:
    with run.autocast():
        with torch.no_grad():
            _, latents, estimate, noise_map, active = transmit(encoder, run)
        error = (denoiser(estimate, noise_map, active) - latents).square()
    # maps that were not sent are known to be zero: they carry no loss
    known = sent(latents, active)[:, :, 0, 0]
    return (error.mean((2, 3)) * known).sum() / known.sum()


def _noise_loss(run: TrainingSession, encoder: Encoder, predictor: Epsilon) -> Tensor:
    with run.autocast():
        with torch.no_grad():
            _, latents, _, noise_map, active = transmit(encoder, run)
        return epsilon.loss(predictor, latents, noise_map, active)


def main() -> int:
    """Command line; returns the exit code."""
    return sessions.command(train, __doc__)


if __name__ == "__main__":
    sys.exit(main())
