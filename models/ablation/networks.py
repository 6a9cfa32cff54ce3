"""Several arms at work on the same draws of a symbol channel, whole pictures at a time."""

import functools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from gvc import registry
from gvc.channel.symbol import SymbolChannel
from gvc.coding.arms import Arm
from gvc.coding.scheme import ReceivedSlot, Slot
from gvc.errors import InputError
from models.arms import Places
from models.latents import grid, latents_of
from models.stages import dtype_of

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
    reception.
    """

    decoded: Tensor
    symbol_mse: float
    used: int
    milliseconds: float


class _OnTheAir(NamedTuple):
    """What one sender's slot became: symbols complex64 [n] and the noise map float32 [n] that receivers are told."""

    slot: Slot
    symbols: np.ndarray
    noise_map: np.ndarray


class Scorer:
    """Several arms. Each picture is a segment of one slot, of as many symbols for every arm; arms with one sender
    decode the same received symbols, and all meet the same draw of the channel.

    `places` may name other weights than the shipped ones; dtype `auto` follows the machine. An arm with a denoiser runs
    with every sampler and number of steps. `noise_map` is what receivers are told of it: `true`, `flat` (its geometric
    mean over the frame) or `shuffled` (among the frame's symbols); the equaliser's own scaling is kept. The transmitter
    knows the mean SNR.

    `configuration` gives, by the channel's kind, the `gvc.config.LinkConfig` that says the rest of schemes' options;
    without it they have their own defaults.

    Raises InputError for an unknown arm, sampler, number of steps or `noise_map`, WeightsError for unusable weights.
    """

    def __init__(
        self,
        arms: list[str],
        places: Places,
        dtype: str = "float32",
        samplers: tuple[str, ...] = ("x0",),
        steps: tuple[int, ...] = (1,),
        noise_map: str = "true",
        configuration: Callable[[str], Any] = lambda kind: None,
    ):
        if noise_map not in TOLD:
            raise InputError(f"noise map '{noise_map}'{registry.nearest(noise_map, list(TOLD))} ({', '.join(TOLD)})")
        self.told = noise_map
        self.dtype = str(dtype_of(dtype)).removeprefix("torch.")
        self._places, self._configuration = places, configuration
        # The last ones alone: conditions come sorted by channel and rate, and networks take memory.
        self._bound = functools.lru_cache(maxsize=1)(self._bind)
        self.variants: list[Variant] = []
        for name in arms:
            if not self._arm(Variant(name), "awgn", 1 / 48).denoises:
                self.variants.append(Variant(name))
                continue
            for sampler in samplers:
                self.variants += [Variant(name, sampler, n) for n in ((0,) if sampler == "paper" else steps)]
        # what cannot be loaded is told before anything runs
        self._bound("awgn", 1 / 48)
        self.milliseconds: dict[str, list[float]] = {}

    def _arm(self, variant: Variant, kind: str, cbr: float) -> Arm:
        asked: dict[str, Any] = {"places": self._places, "dtype": self.dtype, "cbr": cbr}
        if variant.sampler != "none":
            asked |= {"sampler": variant.sampler, "steps": 1 if variant.sampler == "paper" else variant.steps}
        return Arm(variant.arm, self._configuration(kind), scored=asked)

    def _bind(self, kind: str, cbr: float) -> dict[Variant, Arm]:
        return {variant: self._arm(variant, kind, cbr).load() for variant in self.variants}

    def timed(self, stage: str, work: Callable[[], Any]) -> tuple[Any, float]:
        """The result of `work` and its wall time in ms, which is entered under `stage` too."""
        started = time.perf_counter()
        result = work()
        spent = (time.perf_counter() - started) * 1e3
        self.milliseconds.setdefault(stage, []).append(spent)
        return result, spent

    def run(self, picture: Tensor, channel: SymbolChannel, cbr: float, seed: int) -> dict[Variant, Outcome]:
        """uint8 picture [3, H, W] -> the outcome of every variant; the same seed draws the same channel for all."""
        pixels = picture.permute(1, 2, 0).numpy()
        height, width = pixels.shape[:2]
        rows, columns = grid(height, width)
        count = latents_of(cbr) // 2 * rows * columns
        on_the_air: dict[str, _OnTheAir] = {}
        result = {}
        for variant, arm in self._bound(getattr(channel, "kind", "awgn"), cbr).items():
            if arm.sender not in on_the_air:
                on_the_air[arm.sender] = self._send(arm, pixels, count, channel, seed)
            slot, symbols, noise_map = on_the_air[arm.sender]
            received = ReceivedSlot(symbols, noise_map, slot.payload_type, slot.mode, channel.snr_db)
            result[variant] = self._receive(variant, arm, received, slot.symbols, (height, width), seed)
        return result

    def _send(self, arm: Arm, pixels: np.ndarray, count: int, channel: SymbolChannel, seed: int) -> _OnTheAir:
        if arm.is_told:
            ones = np.ones(count, np.complex64)
            symbols, noise_map = self._through(ones, channel, seed)
            arm.tell(count, (symbols - ones)[None], noise_map[None])
        scheme = arm.scheme(count)
        stage = "encoder" if hasattr(scheme, "costs") else f"encoder {arm.name}"
        (slot,), _ = self.timed(stage, lambda: scheme.encode(pixels[None], channel.snr_db))
        return _OnTheAir(slot, *self._through(slot.symbols, channel, seed))

    def _receive(
        self,
        variant: Variant,
        arm: Arm,
        slot: ReceivedSlot,
        sent: np.ndarray,
        size: tuple[int, int],
        seed: int,
    ) -> Outcome:
        scheme: Any = arm.scheme(len(sent))
        # of the linear estimate, where there is no denoiser
        estimate, used, spent = slot.symbols / (1 + slot.noise_map), 0, 0.0
        if arm.denoises:
            arm.reseed(seed + 1)
            stage = "denoiser" if variant[1:] == ("x0", 1) else f"denoiser {variant.sampler} {variant.steps}"
            slot, spent = self.timed(stage, lambda: scheme.denoise(slot, *size))
            assert slot.estimate is not None
            estimate, used = slot.estimate.symbols, slot.estimate.evaluations
        decoded, ms = self.timed(f"decoder {arm.name}", lambda: scheme.decode([slot], *size))
        error = float(np.mean(np.abs(estimate - sent) ** 2))
        return Outcome(torch.from_numpy(decoded.pictures[0].copy()), error, used, spent + ms)

    def _through(self, symbols: np.ndarray, channel: SymbolChannel, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Received symbols complex64 [n], and the noise map float32 [n] that is told of them."""
        generator = torch.Generator().manual_seed(seed)
        received, noise = channel(torch.from_numpy(symbols)[None], generator)
        if self.told != "true":
            told = self._tell(noise, generator)
            # the equaliser's scaling is kept: unbiased under what is told, the same linear estimate as under the truth
            received, noise = received * ((1 + told) / (1 + noise)), told
        return received[0].numpy(), noise[0].float().numpy()

    def _tell(self, noise: Tensor, generator: torch.Generator) -> Tensor:
        if self.told == "flat":
            return noise.log().mean().exp().expand_as(noise).clone()
        order = torch.randperm(noise.numel(), generator=generator)
        return noise.flatten()[order].reshape(noise.shape)

    def costs(self) -> dict[str, dict[str, float]]:
        """GMAC at 256x256 and number of parameters of encoder, denoiser (one evaluation) and each arm's decoder."""
        gmac: dict[str, float] = {}
        size: dict[str, float] = {}
        for arm in self._bound("awgn", 1 / 48).values():
            if hasattr(arm.any_scheme, "costs"):
                for part, (multiplications, parameters) in arm.any_scheme.costs().items():
                    name = f"decoder {arm.name}" if part == "decoder" else part
                    gmac.setdefault(name, round(multiplications, 4))
                    size.setdefault(name, parameters)
        # other programs ask for plain `decoder`: that of the first arm
        for table in (gmac, size):
            decoders = [value for name, value in table.items() if name.startswith("decoder ")]
            table |= {"decoder": decoders[0]} if decoders else {}
        return {"gmac": gmac, "parameters": size}
