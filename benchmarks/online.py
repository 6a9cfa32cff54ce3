"""Online training of the denoiser: what is lost when something changes, and how much of it comes back, how soon.

First symbol by symbol, frame after frame of photos over a Rayleigh channel of independent fades, one row a change:

    none      nothing changes
    mixed     the encoder's latent maps come in another order
    encoder   the encoder is another preset's
    content   photos become pages of text
    channel   every third symbol is lost
    poisoned  for a third of the frames the noise map claims a tenth of the noise; the change is `mixed`

`before_db`, `lost_db` and `trained_db` are squared errors a symbol on held-out pictures: of the denoiser as shipped
before and after the change, and of the one trained online; `clean_db` is reached in as many steps with the clean
symbols. `recovered` is (lost - trained) / (lost - before), of the errors themselves; where the change alters how hard
the task is (content, channel), clean stands in for before. `frames_to_half` and `bursts_to_half`: when half was back.

Then (unless --frames 0) the running flowgraph over TDL-C fading, paced at the clip's rate: after a third of the frames
the transmitter's encoder is another preset's. `gain_..._db` are symbol errors below that of the linear estimate, which
takes the fades out.
"""

import itertools
import math
import os
import tempfile
import time
from pathlib import Path
from typing import Any

# before torch loads: a later limit does not reach GNU Radio's threads
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import torch

from benchmarks.common import emit, parser
from benchmarks.online_changes import ChangingEncoder, long_clip, text_pages
from flowgraphs.experiment.run import Plan, configure, run_link
from gvc import seeds
from gvc.channel.symbol import SymbolChannel
from gvc.config import AdaptConfig
from gvc.phy.layout import fragment_symbols
from gvc.phy.numerology import Numerology
from models.arms import Places
from models.cddm import online
from models.latents import from_symbols, latents_of, to_symbols
from models.stages import best_dtype
from models.training import pictures

LATENTS = latents_of(1 / 48)
SIDE = 256
STEPS_A_FRAME = 2
WINDOW = 16
"""Frames over which the flowgraph's errors are averaged when half of the loss is looked for."""
CHANGES = ("none", "mixed", "encoder", "content", "channel", "poisoned")


def main() -> None:
    options = parser(__doc__)
    options.add_argument(
        "--images", type=Path, required=True, help="photos; those that --validation lists are for testing"
    )
    options.add_argument("--validation", type=Path, required=True)
    options.add_argument("--preset", default="small", help="of the denoiser and, before the change, of the encoder")
    options.add_argument("--other", default="default", help="preset of the other encoder")
    options.add_argument("--snr-db", type=float, default=10.0)
    options.add_argument("--photos", type=int, default=96, help="frames of the symbol-level part")
    options.add_argument("--tests", type=int, default=16, help="held-out pictures")
    options.add_argument("--changes", default=",".join(CHANGES))
    options.add_argument("--frames", type=int, default=500, help="of the flowgraph; 0 leaves it out")
    options.add_argument("--cpu-share", type=float, default=0.25)
    options.add_argument("--out", type=Path, help="keep the flowgraph's run folder, report included, here")
    arguments = options.parse_args()
    fields: dict[str, Any] = {}
    if arguments.frames:
        fields["flowgraph"] = flowgraph(arguments)
    held_out = pictures.listed(arguments.validation)
    names = sorted(p.name for p in arguments.images.iterdir() if p.suffix in pictures.SUFFIXES)
    seeds.stream(0, "benchmarks/online").shuffle(names)
    train = _crops(arguments.images, [n for n in names if n not in held_out], arguments.photos)
    test = _crops(arguments.images, [n for n in names if n in held_out], arguments.tests)
    rows = [row(change, train, test, arguments) for change in arguments.changes.split(",")]
    emit(rows, arguments.json, **fields)


def row(change: str, train: torch.Tensor, test: torch.Tensor, arguments: Any) -> dict[str, Any]:
    """One change at symbol level, deterministic but for the CPU time."""
    if change == "content":
        train_after, test_after = text_pages(len(train), 1), text_pages(len(test), 2)
    else:
        train_after, test_after = train, test
    after = arguments.other if change == "encoder" else arguments.preset
    sent, clean = (encoded(after, p) for p in (train_after, test_after))
    if change in ("mixed", "poisoned"):
        order = torch.from_numpy(seeds.stream(0, "benchmarks/online/order").permutation(LATENTS))
        sent, clean = sent[:, order], clean[:, order]
    erasure = 1 / 3 if change == "channel" else 0.0
    stream = received(sent, arguments.snr_db, erasure, 1)
    unseen = received(clean, arguments.snr_db, erasure, 2)
    poisoned = range(len(stream) // 3, 2 * len(stream) // 3) if change == "poisoned" else range(0)
    before_latents = encoded(arguments.preset, test)
    network = Places(arguments.preset).denoiser()
    adapter = online.Adapter(network, AdaptConfig(), dtype=best_dtype())
    before = error(network, received(before_latents, arguments.snr_db, 0.0, 2), before_latents)
    lost = error(network, unseen, clean)
    course: list[tuple[int, float]] = []
    decisions, cpu = [], 0.0
    for index, frame in enumerate(stream):
        started = time.process_time()
        adapter.add(frame._replace(noise_map=frame.noise_map / 10) if index in poisoned else frame)
        changed = False
        for _ in range(STEPS_A_FRAME):
            adapter.step()
            if adapter.due:
                said = adapter.judge().decision
                decisions.append(said)
                changed = changed or said in ("swap", "rollback")
        cpu += time.process_time() - started
        if changed:
            course.append((index + 1, error(adapter.live, unseen, clean)))
    trained = course[-1][1] if course else lost
    best = taught(network, stream, sent, unseen, clean, adapter.steps)
    reference = best if change in ("content", "channel") else before
    half = lost - (lost - reference) / 2
    reached = next((at for at, value in course if value <= half), None) if lost > reference * 1.01 else None
    return {
        "change": change,
        "before_db": _db(before),
        "lost_db": _db(lost),
        "trained_db": _db(trained),
        "clean_db": _db(best),
        "recovered": (lost - trained) / (lost - reference) if lost > reference * 1.01 else None,
        "frames_to_half": reached,
        "bursts_to_half": reached * bursts_a_frame() if reached else None,
        "frames": len(stream),
        "steps": adapter.steps,
        "cpu_seconds": cpu,
        **{f"{word}s": decisions.count(word) for word in ("swap", "rollback", "restart")},
    }


def flowgraph(arguments: Any) -> dict[str, Any]:
    """The same in a running link; the curve of run.json, condensed."""
    with tempfile.TemporaryDirectory() as folder:
        clip = long_clip(Path(folder) / "long.mkv", (SIDE, SIDE), arguments.frames)
        change_at = arguments.frames // 3
        ChangingEncoder.other, ChangingEncoder.at = arguments.other, change_at
        settings = {
            "preset": arguments.preset,
            "encoder": "benchmarks.online_changes:ChangingEncoder",
            "adapt.enabled": "true",
            "adapt.cpu_share": arguments.cpu_share,
        }
        overrides = [f"model.{key}={value}" for key, value in settings.items()]
        plan = Plan(
            str(clip),
            overrides=[*overrides, f"channel.snr_db={arguments.snr_db + 2}"],
            arms=["jscc+cddm"],
            metrics=["psnr_db"],
            pace="source",
            out=arguments.out or Path(folder) / "run",
        )
        configure(plan.radio, plan.overrides)
        result = run_link(plan)
        if arguments.out:
            from gvc.report.page import write_report

            write_report(arguments.out)
    told = result["adaptation"]
    curve = {name: np.array(values) for name, values in told.pop("curve").items()}
    judgements = told.pop("judgements")
    # over the linear estimate: fades then cancel
    error = {name: 10 ** (curve[f"{name}_db"] / 10) for name in ("linear", "shipped", "trained")}
    frame = curve["frame_id"]

    def relative(name: str, chosen: np.ndarray) -> float:
        return float(error[name][chosen].mean() / error["linear"][chosen].mean())

    old, last = frame < change_at, frame >= arguments.frames - arguments.frames // 10
    before, lost, trained = relative("shipped", old), relative("shipped", last), relative("trained", last)
    after = np.flatnonzero(frame >= change_at)
    reached = None
    for end in range(WINDOW, len(after) + 1):
        part = after[end - WINDOW : end]
        if relative("trained", part) <= (relative("shipped", part) + before) / 2:
            reached = int(frame[part[-1]]) - change_at + 1
            break
    bursts = result["bursts_sent"] / result["frames_sent"]
    return {
        **told,
        "change_at_frame": change_at,
        "frames_received": result["frames_received"],
        "latency_ms": result["latency_ms"],
        "gain_before_db": -_db(before),
        "gain_before_trained_db": -_db(relative("trained", old)),
        "gain_lost_db": -_db(lost),
        "gain_trained_db": -_db(trained),
        "recovered": (lost - trained) / (lost - before),
        "frames_to_half": reached,
        "bursts_to_half": reached and math.ceil(reached * bursts),
        "course": [
            {key: said[key] for key in ("decision", "from_frame", "steps", "cpu_seconds", "seconds")}
            for said in judgements
            if said["decision"] != "keep"
        ],
    }


def encoded(preset: str, batch: torch.Tensor) -> torch.Tensor:
    """Pictures [B, 3, H, W] -> sent latents [B, LATENTS, h, w]."""
    encoder = Places(preset).encoder()
    with torch.inference_mode():
        parts = [
            encoder(part, torch.full((len(part),), 10.0), torch.full((len(part),), float(LATENTS)))[:, :LATENTS]
            for part in batch.split(4)
        ]
    return torch.cat(parts).clone()


def received(latents: torch.Tensor, snr_db: float, erasure: float, seed: int) -> list[online.Frame]:
    """Latents over independent Rayleigh fades, as frames of the trainer."""
    generator = torch.Generator().manual_seed(seeds.integer(seed, "benchmarks/online/channel"))
    _, count, rows, columns = latents.shape
    symbols, noise_map = SymbolChannel("rayleigh", snr_db, erasure=erasure)(to_symbols(latents), generator)
    values = from_symbols(symbols, count, rows, columns)
    noise_map = noise_map.reshape(len(latents), -1, rows, columns)
    return [online.Frame(values[i : i + 1], noise_map[i : i + 1]) for i in range(len(latents))]


def error(network: torch.nn.Module, frames: list[online.Frame], clean: torch.Tensor) -> float:
    """Mean squared error a real latent, which is that of a unit-power symbol."""
    with torch.inference_mode():
        return float(
            np.mean([(online.denoised(network, *f) - x).square().mean() for f, x in zip(frames, clean, strict=True)])
        )


def taught(
    network: torch.nn.Module,
    frames: list[online.Frame],
    sent: torch.Tensor,
    unseen: list[online.Frame],
    clean: torch.Tensor,
    steps: int,
) -> float:
    """The error after as many steps with the clean symbols: the same optimiser, rate and averaging."""
    teacher = online.Adapter(network, AdaptConfig(), dtype=best_dtype())
    order = itertools.cycle(range(len(frames)))

    def loss(trained: torch.nn.Module) -> torch.Tensor:
        index = next(order)
        weight = (1 + frames[index].noise_map.repeat_interleave(2, 1)) ** -online.TRAINING_TRUST
        return (weight * (online.denoised(trained, *frames[index]) - sent[index]).square()).mean()

    for _ in range(steps):
        teacher.descend(loss)
    return error(teacher.candidate, unseen, clean)


def bursts_a_frame() -> int:
    """Bursts of the default waveform that a picture of SIDE x SIDE takes."""
    return len(fragment_symbols(Numerology.load("ofdm64"), LATENTS // 2 * (SIDE // 16) ** 2))


def _crops(folder: Path, names: list[str], count: int) -> torch.Tensor:
    found = []
    for name in names:
        picture = pictures.decode(folder / name, name)
        height, width = picture.shape[1:]
        if min(height, width) >= SIDE:
            top, left = (height - SIDE) // 2, (width - SIDE) // 2
            found.append(picture[:, top : top + SIDE, left : left + SIDE])
        if len(found) == count:
            break
    return torch.stack(found).float() / 255


def _db(power: float) -> float:
    return 10 * math.log10(power)


if __name__ == "__main__":
    main()
