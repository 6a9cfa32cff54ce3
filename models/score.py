"""Score the arms on whole pictures at symbol level: every arm decodes the same received symbols."""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gvc import seeds
from gvc.bootstrap import mean_ci95
from gvc.channel.symbol import SymbolChannel
from gvc.errors import InputError
from gvc.registry import resolve
from models.arms import Places, arm
from models.cddm.network import linear_estimate
from models.codec import best_dtype, pad
from models.latents import MAX_LATENTS, fill, from_symbols, grid, latents_of, to_symbols
from models.layers import multiply_accumulates

Progress = Callable[[int, int, str], None]


@dataclass
class Conditions:
    """What to run: every combination of channel, SNR and CBR; the impairments of `template` apply to all.

    `metrics` are registry names beside PSNR, which is always taken. dtype `auto` follows the CPU's flags.
    """

    channels: tuple[str, ...] = ("awgn", "rayleigh")
    snrs_db: tuple[float, ...] = (0.0, 10.0, 20.0)
    cbrs: tuple[float, ...] = (1 / 48,)
    template: SymbolChannel = field(default_factory=lambda: SymbolChannel("awgn", 0.0))
    metrics: tuple[str, ...] = ()
    dtype: str = "float32"
    seed: int = 1


class Scorer:
    """The networks of several arms, loaded once.

    `decoders` maps an arm to a weights file to use in place of the shipped one (see `models.arms`).
    """

    def __init__(self, arms: list[str], places: Places, dtype: str = "float32"):
        self.arms = {name: arm(name) for name in arms}
        self.dtype = best_dtype() if dtype == "auto" else getattr(torch, dtype)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.encoder = self._ready(places.encoder())
        self.denoiser = self._ready(places.denoiser()) if any(a.denoised for a in self.arms.values()) else None
        self.decoders = {name: self._ready(places.decoder(name)) for name in self.arms}
        self.milliseconds: dict[str, list[float]] = {}

    def _ready(self, network: nn.Module) -> nn.Module:
        return network.to(self.device, self.dtype, memory_format=torch.channels_last).requires_grad_(False)

    def timed(self, stage: str, work: Callable[[], Tensor]) -> Tensor:
        """The result of `work`, its wall time entered under `stage`."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        started = time.perf_counter()
        result = work()
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        self.milliseconds.setdefault(stage, []).append((time.perf_counter() - started) * 1e3)
        return result

    @torch.inference_mode()
    def run(self, picture: Tensor, channel: SymbolChannel, cbr: float, seed: int) -> dict[str, tuple[Tensor, float]]:
        """uint8 picture [3, H, W] -> arm: (uint8 [H, W, 3], symbol MSE), all from the same received symbols."""
        height, width = picture.shape[1:]
        rows, columns = grid(height, width)
        count = latents_of(cbr)
        active = torch.tensor([float(count)], device=self.device)
        design = torch.tensor([channel.snr_db], device=self.device)
        padded = pad(picture.to(self.device)[None].float() / 255).contiguous(memory_format=torch.channels_last)
        sent = self.timed("encoder", lambda: self.encoder(padded, design, active))[:, :count]
        generator = torch.Generator(self.device).manual_seed(seed)
        received, noise = channel(to_symbols(sent), generator)
        values, noise = fill(from_symbols(received, count, rows, columns), noise.reshape(1, -1, rows, columns))
        linear = linear_estimate(values, noise)
        cleaned = None
        if self.denoiser is not None:
            cleaned = self.timed("denoiser", lambda: self.denoiser(linear, noise, active))
        result = {}
        for name, chosen in self.arms.items():
            estimate = cleaned if chosen.denoised else linear
            decoder = self.decoders[name]
            decoded = self.timed(f"decoder {name}", lambda e=estimate, d=decoder: d(e, noise, active))
            shown = (decoded[0, :, :height, :width].clamp(0, 1) * 255).round().to(torch.uint8)
            error = (estimate[:, :count] - sent).square().mean().item()
            result[name] = (shown.permute(1, 2, 0).cpu(), error)
        return result

    def costs(self) -> dict[str, dict[str, float]]:
        """GMAC at 256x256 and parameters (millions) of encoder, denoiser and each arm's decoder."""
        picture = torch.zeros(1, 3, 256, 256, device=self.device, dtype=torch.float32)
        latents = torch.zeros(1, MAX_LATENTS, 16, 16, device=self.device)
        noise = torch.ones(1, MAX_LATENTS // 2, 16, 16, device=self.device)
        scalar = torch.full((1,), 32.0, device=self.device)
        parts: dict[str, tuple[nn.Module, tuple[Tensor, ...]]] = {"encoder": (self.encoder, (picture, scalar, scalar))}
        if self.denoiser is not None:
            parts["denoiser"] = (self.denoiser, (latents, noise, scalar))
        for name, network in self.decoders.items():
            parts[f"decoder {name}"] = (network, (latents, noise, scalar))
        gmac = {k: round(multiply_accumulates(m, *x) / 1e9, 4) for k, (m, x) in parts.items()}
        size = {k: round(sum(p.numel() for p in m.parameters()) / 1e6, 4) for k, (m, _) in parts.items()}
        # other programs ask for plain `decoder`: that of the first arm
        for table in (gmac, size):
            table["decoder"] = next(v for k, v in table.items() if k.startswith("decoder "))
        return {"gmac": gmac, "parameters_m": size}


def score(
    pictures: dict[str, Tensor],
    arms: list[str],
    places: Places,
    conditions: Conditions,
    progress: Progress = lambda *_: None,
) -> dict[str, Any]:
    """Rows {channel, snr_db, cbr, arm, steps, sampler, psnr_db, psnr_db_ci95, ..., symbol_mse_db}, costs and times.

    Raises InputError for an unknown arm, channel, rate or metric, WeightsError for unusable weights.
    """
    # the metrics bring libraries that a bare training machine lacks
    if conditions.metrics:
        from gvc.evaluation.metrics import measure
    if not conditions.snrs_db or not conditions.cbrs:
        raise InputError("give at least one SNR and one CBR")
    runs = [
        (replace(conditions.template, kind=kind, snr_db=snr), cbr)
        for kind, cbr, snr in itertools.product(conditions.channels, conditions.cbrs, conditions.snrs_db)
    ]
    for cbr in conditions.cbrs:
        latents_of(cbr)
    extra = [name for name in conditions.metrics if name != "psnr_db"]
    for name in extra:
        resolve("metric", name)
    scorer = Scorer(arms, places, conditions.dtype)
    not_measured: dict[str, str] = {}
    rows = []
    total, done = len(runs) * len(pictures), 0
    for channel, cbr in runs:
        values: dict[str, dict[str, list[float]]] = {name: {} for name in arms}
        for name, picture in pictures.items():
            seed = seeds.integer(conditions.seed, f"score/{name}/{channel.kind}/{channel.snr_db}/{cbr:.6f}")
            reference = picture.permute(1, 2, 0)
            for arm_name, (decoded, error) in scorer.run(picture, channel, cbr, seed).items():
                kept = values[arm_name]
                kept.setdefault("psnr_db", []).append(psnr(reference, decoded))
                kept.setdefault("symbol_mse", []).append(error)
                for metric in extra:
                    value, reason = measure(metric, reference.numpy()[None], decoded.numpy()[None])
                    if reason:
                        not_measured[metric] = reason
                    kept.setdefault(metric, []).append(float("nan") if value is None else float(value[0]))
            done += 1
            progress(done, total, f"{channel.kind} {channel.snr_db:g} dB")
        rows += [_row(channel, cbr, name, values[name], conditions.seed) for name in arms]
    stages = {k: round(float(np.median(v)), 3) for k, v in scorer.milliseconds.items()}
    stages["decoder"] = stages[f"decoder {arms[0]}"]
    return {
        "images": len(pictures),
        "rows": rows,
        **scorer.costs(),
        "ms_per_image": stages,
        "not_measured": not_measured,
        "dtype": str(scorer.dtype).removeprefix("torch."),
        "threads": torch.get_num_threads(),
    }


def score_arms(pictures: dict[str, Tensor], arms: list[str], places: Places) -> list[dict]:
    """The rows that training writes beside its weights: AWGN and Rayleigh at 0, 10 and 20 dB, CBR 1/48."""
    return score(pictures, arms, places, Conditions(dtype="auto"))["rows"]


def psnr(reference: Tensor, decoded: Tensor) -> float:
    """PSNR in dB of uint8 pictures of one shape, capped at 100."""
    error = (reference.float() - decoded.float()).square().mean().item()
    return min(100.0, 10 * float(np.log10(255**2 / error))) if error else 100.0


def _row(channel: SymbolChannel, cbr: float, name: str, values: dict[str, list[float]], seed: int) -> dict[str, Any]:
    spread = np.array(values["psnr_db"])
    low, high = mean_ci95(spread, seed)
    row: dict[str, Any] = {
        "channel": channel.kind,
        "snr_db": channel.snr_db,
        "cbr": cbr,
        "arm": name,
        "steps": int(arm(name).denoised),
        "sampler": "x0" if arm(name).denoised else "none",
        "psnr_db": round(float(spread.mean()), 4),
        "psnr_db_ci95": [round(low, 4), round(high, 4)],
        "symbol_mse_db": round(10 * float(np.log10(np.mean(values["symbol_mse"]))), 4),
    }
    for metric, measured in values.items():
        if metric not in ("psnr_db", "symbol_mse"):
            mean = float(np.mean(measured))
            row[metric] = None if np.isnan(mean) else round(mean, 5)
    return row
