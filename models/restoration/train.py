"""Train the restoration behind the linear ground.

    python -m models.restoration.train --images photos/ --validation photos/validation.txt --minutes 10

The stage `arms`, on demand, compares on equal terms instead: from the same start, on the same draws and for equally
many steps, the network (`aware`), one that is told the frame's mean error alone (`blind`), and one that is wider
(`control`).
"""

import sys
import time

import torch
from torch import Tensor

from gvc import seeds
from models import weights
from models.restoration.draws import Pool, fixed_conditions, linear
from models.restoration.network import SIZES, Restoration, restore
from models.training import session as sessions
from models.training.fit import fit
from models.training.session import Options, TrainingSession

STAGES = ("restoration",)
ON_DEMAND = ("arms",)
FILE = "restoration.safetensors"
ARMS = {"aware": (True, 0), "blind": (False, 0), "control": (True, 3)}
"""Of the comparison: whether told where the errors are, and residual blocks more at the bottom."""
POOL = {"cuda": 16384, "cpu": 512}
"""Pictures ahead of the network: 11 GB on an accelerator."""
REUSE = 8
"""How often a draw of the pool is met, on the mean."""
WORSE_THAN_LINEAR = 0.0
HELD_OUT_SECONDS = 40.0
CONDITIONS = tuple((kind, snr_db) for kind in ("awgn", "rayleigh") for snr_db in (0.0, 10.0, 20.0))
CURVE = (("awgn", 0.0), ("awgn", 10.0), ("rayleigh", 10.0))
_FLOOR = 2e-5


def train(options: Options) -> None:
    """Run the stages; weights, log and evaluation land in `options.out`."""
    run = TrainingSession("restoration", options, STAGES, ON_DEMAND)
    # the linear estimate inverts matrices: no tf32 there
    torch.backends.cuda.matmul.allow_tf32 = False
    path = run.out / FILE
    seconds = options.minutes * 60
    network = run.prepare(Restoration(SIZES[options.preset]), path if options.resume else None)
    if run.wants("restoration"):
        share = 0.5 if run.wants("arms") else 1.0
        fit_one(run, "restoration", network, seconds * share)
        weights.save(network, path)
    if run.wants("arms"):
        arms(run, seconds * (0.5 if run.wants("restoration") else 1.0))
    run.finish(lambda held_out: evaluate(held_out, network, run))


def arms(run: TrainingSession, seconds: float) -> dict[str, Restoration]:
    """The comparison; each network is saved under its name. Returns them."""
    made, steps = {}, None
    for name, (aware, extra) in ARMS.items():
        torch.manual_seed(seeds.integer(run.options.seed, "restoration/arms"))
        network = run.prepare(Restoration(SIZES[run.options.preset], aware, extra))
        # the first takes its share of the time, the others as many steps
        made_now = fit_one(run, name, network, None if steps else seconds / len(ARMS), steps)
        steps = steps or made_now
        weights.save(network, run.out / f"{name}.safetensors")
        made[name] = network
    return made


def fit_one(
    run: TrainingSession, name: str, network: Restoration, seconds: float | None, steps: int | None = None
) -> int:
    """Train one network on a pool of its own; returns its steps."""
    on_device = run.device.type == "cuda"
    # evaluation, which has other shapes, calls the network itself
    stepped = torch.compile(network, dynamic=False) if on_device else network
    torch.manual_seed(seeds.integer(run.options.seed, "restoration/draws"))
    pool = Pool(run.crops, POOL[run.device.type], 64 if on_device else 16, run.options.seed)
    run.log.add(stage=f"{name} pool", size=pool.size)
    every = max(1, REUSE * pool.group // run.batch)

    def loss() -> Tensor:
        target, estimate = pool.draw(run.batch)
        with run.autocast():
            restored = restore(stepped, estimate)
        error = (restored - target).square().mean((1, 2, 3))
        before = (estimate.picture - target).square().mean((1, 2, 3))
        return ((error + _FLOOR) / (before + _FLOOR)).log().mean()

    shown = time.monotonic()

    def feed(step: int) -> None:
        nonlocal shown
        if step % every == 0:
            pool.refresh()
        if run.held_out and time.monotonic() - shown > HELD_OUT_SECONDS:
            rows = evaluate(run.held_out, network, run, conditions=CURVE)
            run.log.add(stage=f"{name} held out", step=step, **{_short(row): row["psnr_db"] for row in rows})
            shown = time.monotonic()

    return fit(name, loss, [network], run.log, seconds, steps, run.rate, WORSE_THAN_LINEAR, feed)


@torch.no_grad()
def evaluate(
    held_out: dict[str, Tensor],
    network: Restoration,
    run: TrainingSession,
    cbrs: tuple[float, ...] = (1 / 48,),
    conditions: tuple[tuple[str, float], ...] = CONDITIONS,
) -> list[dict]:
    """PSNR in dB, mean over the middles of the held-out pictures, with and without the network; the map's symbols are
    charged about (`draws.side_symbols`). For the figures of whole pictures, all charged: `benchmarks.linear_ground`.
    """
    side = run.crop
    middles = [
        p[:, (p.shape[1] - side) // 2 :, (p.shape[2] - side) // 2 :][:, :side, :side]
        for p in held_out.values()
        if min(p.shape[1:]) >= side
    ]
    if not middles:
        return []
    rows = []
    for cbr in cbrs:
        for kind, snr_db in conditions:
            generator = torch.Generator(run.device).manual_seed(1)
            plain = restored = 0.0
            for start in range(0, len(middles), 32):
                pictures = torch.stack(middles[start : start + 32]).to(run.device).float() / 255
                estimate = linear(pictures, fixed_conditions(len(pictures), kind, snr_db, cbr), generator)
                with run.autocast():
                    better = restore(network, estimate)
                plain += _psnr_sum(estimate.picture, pictures)
                restored += _psnr_sum(better, pictures)
            count = len(middles)
            rows.append(
                {
                    "channel": kind,
                    "snr_db": snr_db,
                    "cbr": cbr,
                    "linear_db": round(plain / count, 3),
                    "psnr_db": round(restored / count, 3),
                }
            )
    return rows


def _short(row: dict) -> str:
    return f"{row['channel'][0].upper()}{row['snr_db']:g}"


def _psnr_sum(decoded: Tensor, pictures: Tensor) -> float:
    error = (decoded.clamp(0, 1) - pictures).square().mean((1, 2, 3))
    return float(-10 * error.log10().sum())


def main() -> int:
    """Command line; returns the exit code."""
    return sessions.command(train, __doc__)


if __name__ == "__main__":
    sys.exit(main())
