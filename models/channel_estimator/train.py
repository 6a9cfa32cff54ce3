"""Train the delay-profile network of a numerology, and its blind control, on random channels.

    python -m models.channel_estimator.train --preset ofdm64 --minutes 2

Loss: negative log-likelihood of the estimate's error under the variance that it claims, a proper score, so that the
estimator is good and says how good it is.
"""

import sys
from functools import partial

import torch
from torch import Tensor

from gvc import seeds
from models import weights
from models.channel_estimator.network import DelayProfile, Geometry, describe, geometry, posterior
from models.training import session as sessions
from models.training.fit import StepLog, fit
from models.training.session import Options

LEARNED, BLIND = "profile.safetensors", "profile_blind.safetensors"
PATHS, MIDAMBLES, BATCH = 24, 4, 64
TEST_DRAWS = 20


def train(options: Options) -> None:
    """Train the network for half of the minutes, the control for as many steps; `options.preset` is the numerology."""
    shape = geometry(options.preset)
    torch.manual_seed(seeds.integer(options.seed, "train/channel_estimator"))
    if options.threads:
        torch.set_num_threads(options.threads)
    out = options.folder("channel_estimator")
    out.mkdir(parents=True, exist_ok=True)
    log = StepLog(out / "log.jsonl", keep=options.resume)
    log.add(
        stage="start", numerology=options.preset, minutes=options.minutes, seed=options.seed, torch=torch.__version__
    )
    steering = shape.steering().to(torch.complex64)
    steps: int | None = None
    for blind, file in ((False, LEARNED), (True, BLIND)):
        network = DelayProfile(blind)
        if options.resume:
            weights.load(network, out / file)
        name = "blind" if blind else "learned"
        seconds = options.minutes * 30 if steps is None else None
        steps = fit(name, partial(_likelihood, network, shape, steering), [network], log, seconds, steps, rate=2e-3)
        weights.save(network, out / file)
        torch.manual_seed(seeds.integer(options.seed, "test/channel_estimator"))
        with torch.no_grad():
            values = [loss(network, shape, steering) for _ in range(TEST_DRAWS)]
        error, claim = (torch.stack([v[i] for v in values]).mean().item() for i in (1, 2))
        log.add(stage="evaluated", network=name, error_over_noise=error, error_over_claim=claim)


def _likelihood(network: DelayProfile, shape: Geometry, steering: Tensor) -> Tensor:
    return loss(network, shape, steering)[0]


def loss(network: DelayProfile, shape: Geometry, steering: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(negative log-likelihood, error over the noise of one training group, error over claim) of a random batch."""
    channel, grouped, midambles, noise = draw(shape)
    # what the receiver takes for the SNR is off by some tenths of a decibel
    believed = noise * 10 ** (0.03 * torch.randn_like(noise))
    profile = network(describe(grouped[:, None], midambles[:, None], believed, steering))
    matrix, gain, bias = posterior(profile, believed, steering)
    error = (torch.einsum("bkl,bl->bk", matrix, grouped) - channel).abs().square()
    claim = gain * believed[:, None] + bias
    return (claim.log() + error / claim).mean(), (error.mean(1) / noise).mean(), (error / claim).mean()


def draw(shape: Geometry) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Random channels of realised unit power: response [B, K], grouped training [B, K], midambles [B, M, K], and the
    variance of the noise on `grouped` [B].

    Profiles are exponential with spreads from nothing to a quarter of the prefix, or sets of a few single paths; some
    have a dominant path. Synchronisation is off by up to 2.5 samples. Fades between midambles are related or not.
    """
    b, p = BATCH, PATHS
    spread = shape.cyclic_prefix / 4 * 10 ** (-3 * torch.rand(b, 1))
    exponential = spread * torch.empty(b, p).exponential_()
    kept = torch.rand(b, p) < 4.0 / p
    few = torch.rand(b, p) * shape.cyclic_prefix * 0.75 * torch.rand(b, 1)
    sparse = torch.rand(b, 1) < 0.5
    delay = torch.where(sparse, few, exponential)
    power = torch.where(sparse, kept * torch.exp(-3 * torch.rand(b, 1) * few / shape.cyclic_prefix), torch.ones(b, p))
    first = torch.where(torch.rand(b) < 0.3, 30 * torch.rand(b) * p / 4, torch.ones(b))
    power = torch.cat([first[:, None], power[:, 1:]], 1)
    delay = torch.cat([torch.zeros(b, 1), delay[:, 1:]], 1)
    delay = delay + shape.timing_advance - 2.5 + 4 * torch.rand(b, 1)
    delay = delay.clamp_max(shape.cyclic_prefix)
    power = (power / power.sum(1, keepdim=True)).sqrt()
    turns = torch.exp(-2j * torch.pi / shape.fft_size * shape.carriers().float()[None, :, None] * delay[:, None])
    fades = torch.randn(b, 1 + MIDAMBLES, p, dtype=torch.complex64)
    related = torch.rand(b, 1, 1)
    fades[:, 1:] = related * fades[:, :1] + (1 - related**2).sqrt() * fades[:, 1:]
    response = torch.einsum("bkp,bmp->bmk", turns, fades * power[:, None])
    response = response / response[:, :1].abs().square().mean(2, keepdim=True).sqrt()
    noise = 10 ** (-(torch.rand(b) * 36 + 4) / 10)
    scale = torch.tensor([1.0] + [float(shape.group)] * MIDAMBLES)
    white = torch.randn(response.shape, dtype=torch.complex64)
    received = response + (noise[:, None] * scale).sqrt()[:, :, None] * white
    return response[:, 0], received[:, 0], received[:, 1:], noise


def main() -> int:
    """Command line; returns the exit code."""
    return sessions.command(train, __doc__)


if __name__ == "__main__":
    sys.exit(main())
