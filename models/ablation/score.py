"""Score arms on whole pictures at symbol level: all meet the same draws of the channel."""

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gvc import registry, seeds
from gvc.bootstrap import mean_ci95
from gvc.channel.symbol import SymbolChannel
from gvc.errors import InputError
from models.ablation.networks import Scorer, Variant
from models.arms import Places
from models.latents import latents_of

Progress = Callable[[int, int, str], None]
REFERENCES = {"control": "gain_over_control_db", "A": "gain_over_a_db", "A+": "gain_over_a_plus_db"}


@dataclass
class Conditions:
    """What to run: every combination of channel, SNR and CBR; the impairments of `template` apply to all.

    `metrics` are registry names beside PSNR, which is always taken. dtype and what follows are those of `Scorer`.
    """

    channels: tuple[str, ...] = ("awgn", "rayleigh")
    snrs_db: tuple[float, ...] = (0.0, 10.0, 20.0)
    cbrs: tuple[float, ...] = (1 / 48,)
    template: SymbolChannel = field(default_factory=lambda: SymbolChannel("awgn", 0.0))
    metrics: tuple[str, ...] = ()
    seed: int = 1
    dtype: str = "float32"
    samplers: tuple[str, ...] = ("x0",)
    steps: tuple[int, ...] = (1,)
    noise_map: str = "true"

    def __post_init__(self) -> None:
        if not self.snrs_db or not self.cbrs or not self.steps or not self.samplers:
            raise InputError("give at least one SNR, CBR, sampler and number of steps")
        for cbr in self.cbrs:
            latents_of(cbr)


def score(
    pictures: dict[str, Tensor],
    arms: list[str],
    places: Places,
    conditions: Conditions,
    progress: Progress = lambda *_: None,
    settings: Sequence[str] | None = (),
) -> dict[str, Any]:
    """Rows {channel, snr_db, cbr, arm, steps, sampler, psnr_db, psnr_db_ci95, gain_over_*_db, ..., symbol_mse_db}.

    A gain is over that arm on the same received symbols, its interval a bootstrap over the pictures' differences.
    `settings`, KEY=VALUE, are of schemes; None where there is no configuration, and schemes have their own defaults.
    Raises InputError for an unknown arm, channel, rate, sampler or metric, WeightsError for unusable weights.
    """
    # the metrics bring libraries that a bare training machine lacks
    if conditions.metrics:
        from gvc.evaluation.metrics import measure
    runs = [
        (replace(conditions.template, kind=kind, snr_db=snr), cbr)
        for kind, cbr, snr in itertools.product(conditions.channels, conditions.cbrs, conditions.snrs_db)
    ]
    extra = [name for name in conditions.metrics if name != "psnr_db"]
    for name in extra:
        registry.resolve("metric", name)
    told = conditions.samplers, conditions.steps, conditions.noise_map
    scorer = Scorer(arms, places, conditions.dtype, *told, _configuration(settings, conditions.dtype, places.preset))
    variants = scorer.variants
    not_measured: dict[str, str] = {}
    rows = []
    total, done = len(runs) * len(pictures), 0
    for channel, cbr in runs:
        values: dict[Variant, dict[str, list[float]]] = {variant: {} for variant in variants}
        for name, picture in pictures.items():
            seed = seeds.integer(conditions.seed, f"score/{name}/{channel.kind}/{channel.snr_db}/{cbr:.6f}")
            reference = picture.permute(1, 2, 0)
            for variant, outcome in scorer.run(picture, channel, cbr, seed).items():
                kept = values[variant]
                kept.setdefault("psnr_db", []).append(psnr(reference, outcome.decoded))
                kept.setdefault("symbol_mse", []).append(outcome.symbol_mse)
                kept.setdefault("used", []).append(outcome.used)
                scorer.milliseconds.setdefault(f"receiver {variant.label}", []).append(outcome.milliseconds)
                for metric in extra:
                    value, reason = measure(metric, [reference.numpy()], [outcome.decoded.numpy()])
                    if reason:
                        not_measured[metric] = reason
                    kept.setdefault(metric, []).append(float("nan") if value is None else float(value[0]))
            done += 1
            progress(done, total, f"{channel.kind} {channel.snr_db:g} dB")
        rows += [_row(channel, cbr, variant, values, conditions) for variant in variants]
    stages = {k: round(float(np.median(v)), 3) for k, v in scorer.milliseconds.items()}
    costs = scorer.costs()
    # as plain `decoder` in the table of costs: that of the first arm with networks
    first = next((name for name in costs["gmac"] if name.startswith("decoder ")), None)
    stages |= {"decoder": stages[first]} if first else {}
    return {
        "images": len(pictures),
        "rows": rows,
        **costs,
        "ms_per_image": stages,
        "noise_map": conditions.noise_map,
        "not_measured": not_measured,
        "dtype": scorer.dtype,
        "threads": torch.get_num_threads(),
    }


def score_arms(pictures: dict[str, Tensor], arms: list[str], places: Places) -> list[dict]:
    """The rows that training writes beside its weights: AWGN and Rayleigh at 0, 10 and 20 dB, CBR 1/48."""
    return score(pictures, arms, places, Conditions(), settings=None)["rows"]


def _configuration(settings: Sequence[str] | None, dtype: str, preset: str) -> Callable[[str], Any]:
    """By the channel's kind: each picture is a segment, and the MCS table is that measured on this very channel. dtype
    and preset are for networks within schemes.
    """
    if settings is None:
        return lambda kind: None
    # not before: a bare training machine lacks what it needs
    from gvc.config import build

    fixed = ["segment.frames=1", f"model.dtype={dtype}", f"model.preset={preset}"]
    return functools.cache(lambda kind: build("sim-awgn", [*fixed, f"digital.table={kind}", *settings]))


def psnr(reference: Tensor, decoded: Tensor) -> float:
    """PSNR in dB of uint8 pictures of one shape, capped at 100."""
    error = (reference.float() - decoded.float()).square().mean().item()
    return min(100.0, 10 * float(np.log10(255**2 / error))) if error else 100.0


def _row(
    channel: SymbolChannel,
    cbr: float,
    variant: Variant,
    all_values: dict[Variant, dict[str, list[float]]],
    conditions: Conditions,
) -> dict[str, Any]:
    values = all_values[variant]
    spread = np.array(values["psnr_db"])
    row: dict[str, Any] = {
        "channel": channel.kind,
        "snr_db": channel.snr_db,
        "cbr": cbr,
        "arm": variant.arm,
        "steps": int(np.median(values["used"])),
        "sampler": variant.sampler,
        "psnr_db": round(float(spread.mean()), 4),
        "psnr_db_ci95": _interval(spread, conditions.seed),
        "symbol_mse_db": round(10 * float(np.log10(np.mean(values["symbol_mse"]))), 4),
    }
    for reference, key in REFERENCES.items():
        if Variant(reference) in all_values and variant.arm != reference:
            gain = spread - np.array(all_values[Variant(reference)]["psnr_db"])
            row[key] = round(float(gain.mean()), 4)
            row[f"{key}_ci95"] = _interval(gain, conditions.seed)
    for metric in conditions.metrics:
        if metric in values and metric != "psnr_db":
            mean = float(np.mean(values[metric]))
            row[metric] = None if np.isnan(mean) else round(mean, 5)
    return row


def _interval(values: np.ndarray, seed: int) -> list[float]:
    return [round(bound, 4) for bound in mean_ci95(values, seed)]
