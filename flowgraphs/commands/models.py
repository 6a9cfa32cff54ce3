"""`gvc models`: list, verify and train the networks."""

from pathlib import Path
from typing import Annotated, Any

import typer

from flowgraphs import output
from gvc.errors import InputError
from gvc.registry import nearest

models = typer.Typer(no_args_is_help=True, help="List, verify or train the neural networks.")
NETWORKS = {
    "jscc": "models.jscc.train",
    "cddm": "models.cddm.train",
    "channel_estimator": "models.channel_estimator.train",
    "restoration": "models.restoration.train",
}
Json = Annotated[str | None, typer.Option("--json", metavar="PATH", help="Write JSON; - for stdout.")]


@models.command("list")
def list_models(json: Json = None) -> None:
    """Say which weights are here, one record a file."""
    from models.inventory import shipped

    records = [_record(file) for file in shipped()]
    output.emit({"models": records}, json, {"models": [_line(record) for record in records]})


@models.command("verify")
def verify(json: Json = None) -> None:
    """Check every weights file against its SHA-256, its size and its network's shapes."""
    from models.inventory import shipped
    from models.weights import manifest

    checked = []
    for file in shipped():
        file.open()
        checked.append({**_record(file), "sha256": manifest(file.path.parent)[file.path.name]["sha256"]})
    if not checked:
        raise InputError("no weights are installed: restore models/*/weights from the repository, or train them")
    output.emit({"verified": checked}, json, {"verified": [_line(record) for record in checked]})


@models.command("train")
def train(
    name: Annotated[str, typer.Argument(help="jscc, cddm, channel_estimator or restoration.")],
    images: Annotated[Path | None, typer.Option(help="Folder or .tar of pictures.")] = None,
    validation: Annotated[Path | None, typer.Option(help="List of held-out names inside --images.")] = None,
    preset: Annotated[
        str, typer.Option(help="small, default or large; of the channel estimator a numerology, as ofdm64.")
    ] = "default",
    minutes: Annotated[float, typer.Option(help="Time for training; evaluation is not counted.")] = 10.0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, ...")] = "auto",
    out: Annotated[Path | None, typer.Option(help="Folder of weights and log; default: runs/train/NAME-TIME.")] = None,
    shipped: Annotated[bool, typer.Option("--shipped", help="Write over the weights that commands read.")] = False,
    resume: Annotated[bool, typer.Option(help="Start from the weights in --out.")] = False,
    bank: Annotated[Path | None, typer.Option(help="Noise-map bank recorded by `gvc bank`.")] = None,
    stages: Annotated[
        str, typer.Option(help="Comma-separated stages to train; `evaluate` scores what is there.")
    ] = "all",
    seed: Annotated[int, typer.Option(help="Root seed.")] = 1,
    batch: Annotated[int, typer.Option(help="0: 32 on an accelerator, 16 on a CPU.")] = 0,
    crop: Annotated[int, typer.Option(help="0: 256 on an accelerator, 128 on a CPU.")] = 0,
    rate: Annotated[float, typer.Option(help="Peak learning rate; 0: 2e-4 on an accelerator, 4e-4 on a CPU.")] = 0.0,
    threads: Annotated[int, typer.Option(help="CPU threads; 0: torch's own choice.")] = 0,
    jscc: Annotated[Path | None, typer.Option(help="Folder of the JSCC weights to follow or to specialise.")] = None,
    snr_db: Annotated[str, typer.Option(help="Range of the training SNR in dB, LOW,HIGH.")] = "-2,22",
    channel: Annotated[str, typer.Option(help="mix, or awgn or rayleigh alone.")] = "mix",
) -> None:
    """Train a network; the log goes to stderr, weights, log.jsonl and eval.json to --out."""
    import importlib

    from models.training.session import Options

    if name not in NETWORKS:
        raise InputError(f"unknown network '{name}'{nearest(name, list(NETWORKS))}")
    options = Options(
        images, validation, preset, minutes, device, out, resume, bank, stages, seed, batch, crop, rate, threads, jscc,
        snr_db, channel, shipped,
    )  # fmt: skip
    importlib.import_module(NETWORKS[name]).train(options)


def _record(file: Any) -> dict[str, Any]:
    size = file.path.stat().st_size
    return {"network": file.network, "preset": file.preset, "file": file.path.name, "bytes": size}


def _line(record: dict) -> dict:
    """A record in one line of a terminal."""
    path = "/".join(record[part] for part in ("network", "preset", "file"))
    return {"file": path, **{key: record[key] for key in ("bytes", "sha256") if key in record}}
