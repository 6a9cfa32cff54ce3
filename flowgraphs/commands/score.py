"""`gvc score`: arms alone, on whole pictures, at symbol level."""

from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from flowgraphs import output
from flowgraphs.commands.options import names
from gvc.errors import InputError


def score(
    images: Annotated[Path, typer.Option(help="Folder or .tar of pictures.")],
    channel: Annotated[str, typer.Option(help="awgn, rayleigh (independent fades), or several, comma-separated.")],
    snr_db: Annotated[str, typer.Option(help="Mean Es/N0 in dB, comma-separated.")] = "10",
    cbr: Annotated[str, typer.Option(help="Channel bandwidth ratios, comma-separated.")] = "1/48",
    arms: Annotated[
        str, typer.Option(help="A, A+, control, C, D, P, jscc+cddm, av1+ldpc, mine:Scheme, ...")
    ] = "A,A+,control,C,D",
    preset: Annotated[str, typer.Option(help="small, default or large.")] = "default",
    only: Annotated[Path | None, typer.Option(help="List of the names in --images to use, one a line.")] = None,
    csi_error_var: Annotated[float, typer.Option(help="Variance of the channel-state error.")] = 0.0,
    snr_mismatch_db: Annotated[float, typer.Option(help="How much the receiver overrates the SNR.")] = 0.0,
    erasure: Annotated[float, typer.Option(help="Share of symbols lost.")] = 0.0,
    interference_db: Annotated[float | None, typer.Option(help="Narrow-band interferer over signal, dB.")] = None,
    steps: Annotated[str, typer.Option(help="Denoiser steps, comma-separated; `paper` has its own number.")] = "1",
    sampler: Annotated[str, typer.Option(help="x0, stochastic, paper; comma-separated.")] = "x0",
    noise_map: Annotated[str, typer.Option(help="What the networks are told: true, flat or shuffled.")] = "true",
    weights: Annotated[list[str] | None, typer.Option(help="ARM=FILE: another decoder file for an arm.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of schemes: digital.*, arms.*, ..."),
    ] = None,
    metrics: Annotated[
        str, typer.Option(help="psnr_db, ssim, ms_ssim, lpips, dists, efficientnet; comma-separated.")
    ] = "psnr_db",
    dtype: Annotated[str, typer.Option(help="float32, bfloat16 or auto (by CPU flags).")] = "float32",
    threads: Annotated[int, typer.Option(help="CPU threads; 0 leaves torch's choice.")] = 0,
    seed: Annotated[int, typer.Option(help="Root seed of the channel draws.")] = 1,
    json: Annotated[str | None, typer.Option("--json", metavar="PATH", help="Write JSON; - for stdout.")] = None,
) -> None:
    """Measure PSNR and symbol error of each arm on the same received symbols."""
    if dtype not in ("float32", "bfloat16", "auto"):
        raise InputError(f"dtype '{dtype}': use float32, bfloat16 or auto")
    import torch

    from gvc.channel.symbol import SymbolChannel
    from models.ablation.score import Conditions
    from models.ablation.score import score as run
    from models.arms import Places
    from models.training import pictures

    if threads:
        torch.set_num_threads(threads)
    kinds = tuple(channel.split(","))
    conditions = Conditions(
        channels=kinds,
        snrs_db=_numbers(snr_db, "--snr-db"),
        cbrs=_numbers(cbr, "--cbr"),
        template=SymbolChannel(kinds[0], 0.0, csi_error_var, snr_mismatch_db, erasure, interference_db),
        metrics=tuple(m for m in metrics.split(",") if m),
        dtype=dtype,
        seed=seed,
        samplers=tuple(sampler.split(",")),
        steps=_counts(steps),
        noise_map=noise_map,
    )
    places = Places(preset)
    for choice in weights or []:
        name, equals, file = choice.partition("=")
        if not equals:
            raise InputError(f"--weights {choice}: write ARM=FILE")
        places.use(name, Path(file))
    chosen = pictures.read(images, only=pictures.listed(only) if only else None)
    with output.steps() as told:
        result = run(
            chosen, names(arms), places, conditions, lambda done, total, what: told(what, done, total), set_ or ()
        )
    output.emit({"preset": preset, **result}, json)


def _counts(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"--steps {text}: write whole numbers separated by commas") from error


def _numbers(text: str, option: str) -> tuple[float, ...]:
    try:
        return tuple(float(Fraction(part)) for part in text.split(","))
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(f"{option} {text}: write numbers or ratios separated by commas") from error
