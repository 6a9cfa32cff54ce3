"""The networks of several arms at work on the same received symbols, whole pictures at a time."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gvc import registry
from gvc.channel.symbol import SymbolChannel
from gvc.errors import InputError
from models.arms import Places, arm
from models.cddm.network import linear_estimate
from models.codec import best_dtype, pad
from models.latents import MAX_LATENTS, fill, from_symbols, grid, latents_of, to_symbols
from models.layers import multiply_accumulates, placed

TOLD = ("true", "flat", "shuffled")


class Variant(NamedTuple):
    """An arm with the sampler and steps of its denoiser; `none` and 0 without one. The paper's sampler has steps 0: it
    takes those that the SNR asks for.
    """

    arm: str
    sampler: str = "none"
    steps: int = 0

    @property
    def label(self) -> str:
        """The arm, and its sampler where that is not the one-step posterior mean."""
        return self.arm if self[1:] in (("none", 0), ("x0", 1)) else f"{self.arm}, {self.sampler} {self.steps or 'all'}"


class Outcome(NamedTuple):
    """decoded uint8 [H, W, 3], mean square error of the symbols, network evaluations of the denoiser, milliseconds of
    denoiser and decoder.
    """

    decoded: Tensor
    symbol_mse: float
    used: int
    milliseconds: float


def variants(arms: list[str], samplers: tuple[str, ...], steps: tuple[int, ...]) -> list[Variant]:
    """Every row that a condition has, in the order of `arms`."""
    result = []
    for name in arms:
        if not arm(name).denoised:
            result.append(Variant(name))
            continue
        for sampler in samplers:
            result += [Variant(name, sampler, n) for n in ((0,) if sampler == "paper" else steps)]
    return result


class Scorer:
    """The networks of several arms, loaded once. `places` may name other weights than the shipped ones; dtype `auto`
    follows the CPU's flags.

    An arm with a denoiser runs with every sampler and number of steps. `noise_map` is what the networks are told of it:
    `true`, `flat` (its geometric mean over the frame) or `shuffled` (among the frame's symbols); the equaliser's own
    scaling is kept. Raises InputError for an unknown arm, sampler, number of steps or `noise_map`, WeightsError for
    unusable weights.
    """

    def __init__(
        self,
        arms: list[str],
        places: Places,
        dtype: str = "float32",
        samplers: tuple[str, ...] = ("x0",),
        steps: tuple[int, ...] = (1,),
        noise_map: str = "true",
    ):
        if noise_map not in TOLD:
            raise InputError(f"noise map '{noise_map}'{registry.nearest(noise_map, list(TOLD))} ({', '.join(TOLD)})")
        self.arms = {name: arm(name) for name in arms}
        self.variants = variants(arms, samplers, steps)
        self.told = noise_map
        self.dtype = best_dtype() if dtype == "auto" else getattr(torch, dtype)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.encoder = self._ready(places.encoder())
        files = {a.denoiser for a in self.arms.values() if a.denoised}
        self.denoisers = {file: self._ready(places.denoiser(file)) for file in sorted(files)}
        self.decoders = {name: self._ready(places.decoder(name)) for name in self.arms}
        self.epsilon = self._ready(places.epsilon()) if any(v.sampler == "paper" for v in self.variants) else None
        self.samplers = {v: self._sampler(v) for v in self.variants if self.arms[v.arm].denoised}
        self.milliseconds: dict[str, list[float]] = {}

    def _ready(self, network: nn.Module) -> nn.Module:
        return placed(network, self.device, self.dtype).requires_grad_(False)

    def _sampler(self, variant: Variant) -> Any:
        if variant.sampler == "paper":
            return registry.create("sampler", "paper", network=self.epsilon)
        network = self.denoisers[self.arms[variant.arm].denoiser]
        return registry.create("sampler", variant.sampler, network=network, steps=variant.steps)

    def timed(self, stage: str, work: Callable[[], Tensor]) -> tuple[Tensor, float]:
        """The result of `work` and its wall time in ms, which is entered under `stage` too."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        started = time.perf_counter()
        result = work()
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        spent = (time.perf_counter() - started) * 1e3
        self.milliseconds.setdefault(stage, []).append(spent)
        return result, spent

    @torch.inference_mode()
    def run(self, picture: Tensor, channel: SymbolChannel, cbr: float, seed: int) -> dict[Variant, Outcome]:
        """uint8 picture [3, H, W] -> the outcome of every variant, all from the same received symbols."""
        height, width = picture.shape[1:]
        rows, columns = grid(height, width)
        count = latents_of(cbr)
        active = torch.tensor([float(count)], device=self.device)
        design = torch.tensor([channel.snr_db], device=self.device)
        padded = pad(picture.to(self.device)[None].float() / 255).contiguous(memory_format=torch.channels_last)
        sent = self.timed("encoder", lambda: self.encoder(padded, design, active))[0][:, :count]
        generator = torch.Generator(self.device).manual_seed(seed)
        received, noise = channel(to_symbols(sent), generator)
        noise = noise.reshape(1, -1, rows, columns)
        told = self._tell(noise, generator)
        values = from_symbols(received, count, rows, columns)
        # the equaliser's scaling is kept: unbiased under what is told, the same linear estimate as under the truth
        values = linear_estimate(values, noise) * (1 + told.repeat_interleave(2, 1))
        values, told = fill(values, told)
        plain = linear_estimate(values, told)
        denoised: dict[tuple, tuple[Tensor, int, float]] = {}
        result = {}
        for variant in self.variants:
            chosen = self.arms[variant.arm]
            estimate, used, spent = plain, 0, 0.0
            if chosen.denoised:
                key = chosen.denoiser if variant.sampler != "paper" else "", variant.sampler, variant.steps
                if key not in denoised:
                    denoised[key] = self._denoise(variant, values, told, active, seed)
                estimate, used, spent = denoised[key]
            network = self.decoders[variant.arm]
            decoded, ms = self.timed(f"decoder {variant.arm}", partial(network, estimate, told, active))
            shown = (decoded[0, :, :height, :width].clamp(0, 1) * 255).round().to(torch.uint8)
            error = (estimate[:, :count] - sent).square().mean().item()
            result[variant] = Outcome(shown.permute(1, 2, 0).cpu(), error, used, spent + ms)
        return result

    def _denoise(
        self, variant: Variant, values: Tensor, told: Tensor, active: Tensor, seed: int
    ) -> tuple[Tensor, int, float]:
        sampler = self.samplers[variant]
        generator = torch.Generator(self.device).manual_seed(seed + 1)
        stage = "denoiser" if variant[1:] == ("x0", 1) else f"denoiser {variant.sampler} {variant.steps}"
        cleaned, ms = self.timed(stage, lambda: sampler(values, told, active, generator))
        return cleaned, sampler.used, ms

    def _tell(self, noise: Tensor, generator: torch.Generator) -> Tensor:
        if self.told == "flat":
            return noise.log().mean().exp().expand_as(noise).clone()
        if self.told == "shuffled":
            order = torch.randperm(noise.numel(), device=noise.device, generator=generator)
            return noise.flatten()[order].reshape(noise.shape)
        return noise

    def costs(self) -> dict[str, dict[str, float]]:
        """GMAC at 256x256 and number of parameters of encoder, denoiser (one evaluation) and each arm's decoder."""
        picture = torch.zeros(1, 3, 256, 256, device=self.device, dtype=torch.float32)
        latents = torch.zeros(1, MAX_LATENTS, 16, 16, device=self.device)
        noise = torch.ones(1, MAX_LATENTS // 2, 16, 16, device=self.device)
        scalar = torch.full((1,), 32.0, device=self.device)
        parts: dict[str, tuple[nn.Module, tuple[Tensor, ...]]] = {"encoder": (self.encoder, (picture, scalar, scalar))}
        for network in list(self.denoisers.values())[:1]:
            parts["denoiser"] = (network, (latents, noise, scalar))
        for name, network in self.decoders.items():
            parts[f"decoder {name}"] = (network, (latents, noise, scalar))
        gmac: dict[str, float] = {k: round(multiply_accumulates(m, *x) / 1e9, 4) for k, (m, x) in parts.items()}
        size: dict[str, float] = {k: sum(p.numel() for p in m.parameters()) for k, (m, _) in parts.items()}
        # other programs ask for plain `decoder`: that of the first arm
        for table in (gmac, size):
            if self.decoders:
                table["decoder"] = next(v for k, v in table.items() if k.startswith("decoder "))
        return {"gmac": gmac, "parameters": size}
