"""Train the JSCC pair (arm A+), then the CSI-blind decoder (arm A) behind the same encoder.

    python -m models.jscc.train --images photos/ --validation photos/validation.txt --minutes 10

The stage `specialist` (`models.jscc.specialist`) instead trains decoders for some conditions alone, not told
anything of the noise, behind the encoder of another folder:

    python -m models.jscc.train --stages specialist --jscc models/jscc/weights/small --preset small --snr-db 18,18 \\
        --channel awgn --images photos/ --validation photos/validation.txt --minutes 5 \\
        --out models/jscc/weights/small-awgn-18db
"""

import sys

import torch.nn.functional as F
from torch import Tensor

from models import weights
from models.arms import AWARE, BLIND, ENCODER, Places
from models.jscc.network import SIZES, Decoder, Encoder
from models.jscc.transmit import transmit
from models.training import session as sessions
from models.training.fit import fit
from models.training.session import Options, TrainingSession

STAGES = ("pair", "blind", "specialist")
PAIR_SHARE = 0.85


def train(options: Options) -> None:
    """Run the stages `pair` and `blind`, or `specialist`; weights, log and evaluation land in `options.out`."""
    if "specialist" in options.stages.split(","):
        from models.jscc import specialist

        return specialist.train(options)
    run = TrainingSession("jscc", options, STAGES)
    size = SIZES[options.preset]
    here = run.out if options.resume else None
    encoder = run.prepare(Encoder(size), here and here / ENCODER)
    aware = run.prepare(Decoder(size), here and here / AWARE)
    seconds = options.minutes * 60
    if run.wants("pair"):
        share = PAIR_SHARE if run.wants("blind") else 1.0
        fit(
            "pair",
            lambda: _picture_loss(run, encoder, aware),
            [encoder, aware],
            run.log,
            seconds * share,
            rate=run.rate,
            constant_loss=run.constant_loss(),
        )
        weights.save(encoder, run.out / ENCODER)
        weights.save(aware, run.out / AWARE)
    if run.wants("blind"):
        share = 1 - PAIR_SHARE if run.wants("pair") else 1.0
        encoder.requires_grad_(False)
        blind = run.prepare(Decoder(size, aware=False), run.out / AWARE)
        fit(
            "blind",
            lambda: _picture_loss(run, encoder, blind),
            [blind],
            run.log,
            seconds * share,
            rate=run.rate / 2,
            constant_loss=run.constant_loss(),
        )
        weights.save(blind, run.out / BLIND)
    from models.ablation.score import score_arms

    arms = ["A", "A+"] if (run.out / BLIND).exists() else ["A+"]
    run.finish(lambda held_out: score_arms(held_out, arms, places=Places(options.preset, run.out)))


def _picture_loss(run: TrainingSession, encoder: Encoder, decoder: Decoder) -> Tensor:
    with run.autocast():
        pictures, _, estimate, noise_map, active = transmit(encoder, run)
        decoded = decoder(estimate, noise_map, active)
    return F.mse_loss(decoded, pictures)


def main() -> int:
    """Command line; returns the exit code."""
    return sessions.command(train, __doc__)


if __name__ == "__main__":
    sys.exit(main())
