"""What a training command is given, and what it hands to its stages: data, channel, log, places, precision."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor

from gvc import seeds
from gvc.channel.symbol import TrainingChannel
from gvc.errors import GvcError, InputError
from models import weights
from models.arms import check_preset
from models.layers import Network, placed
from models.training import pictures
from models.training.fit import StepLog


@dataclass
class Options:
    """Options of `models train NAME`; the command line and `python -m models.NAME.train` share them."""

    images: Path | None
    validation: Path | None = None
    preset: str = "default"
    minutes: float = 10.0
    device: str = "auto"
    out: Path | None = None
    resume: bool = False
    bank: Path | None = None
    stages: str = "all"
    seed: int = 1
    batch: int = 0
    crop: int = 0
    rate: float = 0.0
    threads: int = 0
    jscc: Path | None = None
    snr_db: str = "-2,22"
    channel: str = "mix"
    shipped: bool = False

    def folder(self, network: str) -> Path:
        """Where the weights of `network` go: `out`, else runs/train/NAME-TIME; with `shipped`, the folder that every
        command reads them from, which is written over only then.

        Raises InputError for `out` and `shipped` together, for `out` inside the shipped weights, and for `resume`
        without a folder to resume in.
        """
        place = weights.folder(network, self.preset)
        if self.shipped:
            if self.out is not None:
                raise InputError("--out and --shipped exclude each other")
            return place
        if self.out is None:
            if self.resume:
                raise InputError("--resume: name the folder to go on in with --out, or give --shipped")
            return Path("runs") / "train" / f"{network}-{self.preset}-{time.strftime('%Y%m%d-%H%M%S')}"
        if self.out.resolve().is_relative_to(place.parent.resolve()) and (self.out / weights.MANIFEST).exists():
            raise InputError(f"--out {self.out} holds shipped weights: give --shipped to write over them")
        return self.out


class TrainingSession:
    """A prepared training run.

    `pictures in images` that `validation` lists are held out of training and scored at the end. Raises InputError for
    unusable data, an unknown device or bank.
    """

    def __init__(self, network: str, options: Options, stages: tuple[str, ...] = (), on_demand: tuple[str, ...] = ()):
        known = ("all", *stages, *on_demand, "evaluate")
        for stage in options.stages.split(","):
            if stage not in known:
                raise InputError(f"unknown stage '{stage}' (known: {', '.join(known)})")
        self.on_demand = on_demand
        self.options = options
        self.network = network
        check_preset(options.preset)
        if options.minutes <= 0:
            raise InputError(f"--minutes {options.minutes:g}: give a time above 0")
        if options.threads:
            torch.set_num_threads(options.threads)
        name = options.device
        if name == "auto":
            name = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            self.device = torch.zeros(1, device=name).device
        except (RuntimeError, AssertionError) as error:
            raise InputError(f"device '{name}' cannot be used: {error}") from error
        if self.device.type == "cuda":
            torch.backends.cudnn.benchmark = True
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        torch.manual_seed(seeds.integer(options.seed, f"train/{network}"))
        # a CPU sees few pictures: small crops give more of them for the same work
        self.crop = options.crop or (256 if self.device.type == "cuda" else 128)
        self.batch = options.batch or (32 if self.device.type == "cuda" else 16)
        # with many more steps a rate of 4e-4 has collapsed; a short run needs it to get anywhere
        self.rate = options.rate or (2e-4 if self.device.type == "cuda" else 4e-4)
        if options.images is None:
            raise InputError(f"--images is missing: '{network}' is trained on a folder or .tar of pictures")
        held_out = pictures.listed(options.validation)
        self.crops = pictures.Crops(pictures.read(options.images, without=held_out), self.crop, self.device)
        self.held_out = pictures.read(options.images, only=held_out) if held_out else {}
        self.channel = TrainingChannel(_range(options.snr_db), self._bank(options.bank), options.channel)
        self.out = options.folder(network)
        self.out.mkdir(parents=True, exist_ok=True)
        self.log = StepLog(self.out / "log.jsonl", keep=options.resume)
        self.log.add(
            stage="start",
            network=network,
            preset=options.preset,
            device=str(self.device),
            pictures=self.crops.count,
            held_out=len(self.held_out),
            crop=self.crop,
            batch=self.batch,
            minutes=options.minutes,
            seed=options.seed,
            bank=str(options.bank.name) if options.bank else "none",
            snr_db=options.snr_db,
            channel=options.channel,
            torch=torch.__version__,
        )

    def wants(self, stage: str) -> bool:
        """Whether this run includes `stage`; `all` are those that are not on demand."""
        named = self.options.stages.split(",")
        return stage in named or ("all" in named and stage not in self.on_demand)

    def prepare(self, network: Network, start: Path | None = None) -> Network:
        """Move a network to the device, first filled from `start` if given."""
        if start is not None:
            weights.load(network, start)
        return placed(network, self.device)

    def autocast(self) -> AbstractContextManager:
        """bf16 where the device multiplies it faster."""
        return torch.autocast(self.device.type, torch.bfloat16)

    def constant_loss(self) -> float:
        """Mean square error of the best constant picture over a few batches."""
        batch = torch.cat([self.crops.draw(self.batch) for _ in range(4)])
        return batch.var((2, 3)).mean().item()

    def finish(self, evaluate: Callable[[dict[str, Tensor]], list[dict]]) -> None:
        """Score on the held-out pictures and write `eval.json` beside the weights."""
        if not self.held_out:
            return
        started = time.monotonic()
        rows = evaluate(self.held_out)
        (self.out / "eval.json").write_text(json.dumps({"pictures": len(self.held_out), "rows": rows}, indent=1) + "\n")
        self.log.add(stage="evaluated", seconds=round(time.monotonic() - started, 1), rows=len(rows))

    def _bank(self, path: Path | None) -> dict[str, Tensor] | None:
        if path is None:
            return None
        try:
            bank = load_tensors(Path(path).read_bytes())
            kept = {name: bank[name] for name in ("noise_map", "error_re", "error_im")}
            _check_bank(kept)
        except OSError as error:
            raise InputError(f"bank '{path}' cannot be read: {error.strerror}") from error
        except (SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
            raise InputError(f"bank '{path}' is damaged ({error}): record one with `gvc bank`") from error
        return {name: values.to(self.device) for name, values in kept.items()}


def _check_bank(bank: dict[str, Tensor]) -> None:
    """Raises ValueError for what `gvc bank` does not write."""
    shapes = {values.shape for values in bank.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2 or not next(iter(shapes)).numel():
        raise ValueError(f"its shapes are {[list(values.shape) for values in bank.values()]}")
    for name, values in bank.items():
        if not values.is_floating_point() or not values.isfinite().all():
            raise ValueError(f"{name} holds what is no finite number")
    if not (bank["noise_map"] > 0).all():
        raise ValueError("noise_map holds a variance that is not above 0")


def _range(text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"--snr-db {text}: write LOW,HIGH in dB, for example 18,18") from error
    return low, high


def parse(description: str, arguments: list[str] | None = None) -> Options:
    """Options from a command line, for `python -m models.NAME.train`."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--images", type=Path, help="folder or .tar of pictures")
    parser.add_argument("--validation", type=Path, help="list of held-out names inside --images")
    parser.add_argument("--preset", default="default", help="small, default or large")
    parser.add_argument("--minutes", type=float, default=10.0, help="time for training, evaluation not counted")
    parser.add_argument("--device", default="auto", help="cpu, cuda, ...")
    parser.add_argument("--out", type=Path, help="folder of the weights and the log (default: runs/train/NAME-TIME)")
    parser.add_argument("--shipped", action="store_true", help="write over the weights that every command reads")
    parser.add_argument("--resume", action="store_true", help="start from the weights in --out")
    parser.add_argument("--bank", type=Path, help="noise-map bank recorded by `gvc bank`")
    parser.add_argument(
        "--stages", default="all", help="comma-separated stages to train; `evaluate` scores what is there"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch", type=int, default=0, help="0: 32 on an accelerator, 16 on a CPU")
    parser.add_argument("--crop", type=int, default=0, help="0: 256 on an accelerator, 128 on a CPU")
    parser.add_argument(
        "--rate", type=float, default=0.0, help="peak learning rate; 0: 2e-4 on an accelerator, 4e-4 on a CPU"
    )
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: torch's own choice")
    parser.add_argument("--jscc", type=Path, help="folder of the JSCC weights to stand behind or to specialise")
    parser.add_argument("--snr-db", default="-2,22", help="range of the training SNR in dB, LOW,HIGH")
    parser.add_argument("--channel", default="mix", help="mix, or awgn or rayleigh alone")
    return Options(**vars(parser.parse_args(arguments)))


def command(train: Callable[[Options], None], description: str) -> int:
    """Train from the command line; returns the exit code."""
    try:
        train(parse(description))
    except GvcError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0
