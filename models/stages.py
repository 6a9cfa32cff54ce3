"""The networks at work, one frame at a time: the stages of `models.receiver` and of `models.jscc.scheme`.

Frames are uint8 [H, W, 3] of any size: padded to multiples of 16 by repeating the edge, and cropped back. Symbols are
complex64 [n] in the layout of `models.latents`, noise maps float32 [n].
"""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from gvc import registry
from gvc.errors import InputError, ParseError, WeightsError
from gvc.noise_map import NU_MAX
from models.arms import Places, arm
from models.cddm.gate import Gate
from models.cddm.network import linear_estimate
from models.frozen import Frozen
from models.latents import MAX_LATENTS, MIN_LATENTS, fill, from_symbols, grid, latents_of, to_symbols
from models.layers import placed


class SymbolDenoiser(Protocol):
    """The socket of a receiver stage between equaliser and decoder.

    Made with preset, arm_name, sampler, steps, dtype and compiled, of which it may ignore what it has no use for, with
    sampler_options where the configuration has some, and with its own options. An attribute `gate`, if there is one
    and it is not None, is called with (symbols, noise map, estimate) of each frame and says whether to decode the
    estimate.
    """

    def denoise(self, symbols: np.ndarray, noise_map: np.ndarray, height: int, width: int, latents: int) -> np.ndarray:
        """Unbiased symbols complex64 [n], noise map float32 [n] -> estimate complex64 [n] of the sent symbols."""


def best_dtype() -> torch.dtype:
    """bfloat16 where the CPU or an accelerator multiplies it natively, else float32; by flags, never by timing."""
    if torch.cuda.is_available():
        return torch.bfloat16
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    return torch.bfloat16 if "avx512_bf16" in flags or "amx_bf16" in flags else torch.float32


def dtype_of(name: str) -> torch.dtype:
    """The dtype called `name`: float32, bfloat16, or auto, which follows the machine. Raises InputError."""
    if name not in ("auto", "float32", "bfloat16"):
        raise InputError(f"dtype '{name}': use auto, float32 or bfloat16")
    return best_dtype() if name == "auto" else getattr(torch, name)


class _Stage:
    """`compiled`: by torch's compiler. `frozen`: as a frozen graph for each size of picture, the same output; off for
    pictures of many sizes.
    """

    def __init__(self, network: nn.Module, dtype: str, compiled: bool, frozen: bool):
        self.dtype = dtype_of(dtype)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        network = placed(network, self.device, self.dtype).eval().requires_grad_(False)
        self.network = network
        self.run: Callable[..., Tensor] = network
        if compiled:
            self.run = torch.compile(network)
        elif frozen:
            self.run = Frozen(network)

    def _received(
        self, symbols: np.ndarray, noise_map: np.ndarray, height: int, width: int, latents: int
    ) -> tuple[Tensor, Tensor]:
        if not MIN_LATENTS <= latents <= MAX_LATENTS:
            raise ParseError(f"a frame of {latents} latent maps: the networks have {MIN_LATENTS} to {MAX_LATENTS}")
        rows, columns = grid(height, width)
        expected = latents // 2 * rows * columns
        if symbols.shape != (expected,) or noise_map.shape != (expected,):
            raise InputError(
                f"{symbols.shape} symbols with a noise map of {noise_map.shape} do not make a {width}x{height} frame "
                f"of {latents} latent maps: {expected} are needed"
            )
        if not np.isfinite(symbols).all():
            raise InputError("a received symbol is not finite: nothing can be decoded from this frame")
        if not np.isfinite(noise_map).all() or noise_map.min() <= 0:
            raise InputError(f"the noise map must be finite and above 0 (an erased symbol has {NU_MAX:.4g})")
        values = from_symbols(torch.from_numpy(symbols.astype(np.complex64))[None], latents, rows, columns)
        noise = torch.from_numpy(noise_map.astype(np.float32)).reshape(1, -1, rows, columns)
        return fill(values.to(self.device), noise.to(self.device))


class FrameEncoder(_Stage):
    """Picture to symbols. Raises InputError for a rate that is not offered, WeightsError for unusable weights."""

    def __init__(
        self,
        preset: str = "default",
        cbr: float = 1 / 48,
        design_snr_db: float = 10.0,
        dtype: str = "auto",
        compiled: bool = False,
        jscc_dir: Path | None = None,
        places: Places | None = None,
        frozen: bool = True,
    ):
        self.latents = latents_of(cbr)
        super().__init__((places or Places(preset, jscc_dir)).encoder(), dtype, compiled, frozen)
        self.conditions = torch.tensor([[design_snr_db], [float(self.latents)]], device=self.device)

    @torch.inference_mode()
    def encode(self, frame: np.ndarray, snr_db: float | None = None) -> np.ndarray:
        """uint8 [H, W, 3] -> complex64 [latents/2 * ceil(H/16) * ceil(W/16)] of unit mean power.

        snr_db: what this frame is designed for, if it is known better than `design_snr_db`.
        """
        picture = pad(torch.from_numpy(frame).to(self.device).permute(2, 0, 1)[None].float() / 255)
        design, active = self.conditions
        if snr_db is not None:
            design = torch.full_like(design, snr_db)
        latents = self.run(picture.contiguous(memory_format=torch.channels_last), design, active)
        return to_symbols(latents[:, : self.latents])[0].cpu().numpy()


class FrameDenoiser(_Stage):
    """CDDM: in one step of the sampler `x0` the posterior mean of the sent symbols.

    `arm_name` says whose denoiser. `gate` is the measured table of arm D in one step; None for whatever it was not
    measured for. `used`: network evaluations of the last frame. Raises InputError for an unknown sampler or steps
    outside 1 to 1000, WeightsError for unusable weights.
    """

    def __init__(
        self,
        preset: str = "default",
        dtype: str = "auto",
        compiled: bool = False,
        cddm_dir: Path | None = None,
        sampler: str = "x0",
        steps: int = 1,
        seed: int = 0,
        arm_name: str = "jscc+cddm",
        sampler_options: Mapping[str, Any] | None = None,
        places: Places | None = None,
        frozen: bool = True,
    ):
        places, chosen = places or Places(preset, cddm_dir=cddm_dir), arm(arm_name)
        by_paper = sampler == "paper"
        super().__init__(places.epsilon() if by_paper else places.denoiser(chosen.denoiser), dtype, compiled, frozen)
        # the paper's network also takes the step's number, which a graph would keep as a constant
        evaluate = self.network if by_paper else lambda *inputs: self.run(*inputs)
        self.sampler = registry.create("sampler", sampler, sampler_options, network=evaluate, steps=steps)
        measured = (chosen, sampler, steps) == (arm("D"), "x0", 1) and not sampler_options
        self.gate = Gate.load(places) if measured else None
        self._generator = torch.Generator(self.device).manual_seed(seed)
        self._swapping = threading.Lock()

    @property
    def used(self) -> int:
        return self.sampler.used

    def reseed(self, seed: int) -> None:
        """Let the sampler's draws begin anew."""
        self._generator.manual_seed(seed)

    def swap(self, state: dict[str, Tensor]) -> None:
        """Use other weights from the next frame on; between two frames, from any thread.

        Raises WeightsError, and keeps the old ones, when they are another network's or not finite.
        """
        expected = {name: value.shape for name, value in self.network.state_dict().items()}
        if expected != {name: value.shape for name, value in state.items()}:
            raise WeightsError("the weights to swap in are those of another network or preset")
        if not all(torch.isfinite(value).all() for value in state.values()):
            raise WeightsError("the weights to swap in are not finite: the old ones are kept")
        with self._swapping:
            self.network.load_state_dict(state)
            if isinstance(self.run, Frozen):
                # a frozen graph keeps the old weights, and to trace a new one takes longer than a frame
                self.run = self.network

    @torch.inference_mode()
    def denoise(self, symbols: np.ndarray, noise_map: np.ndarray, height: int, width: int, latents: int) -> np.ndarray:
        """Unbiased symbols complex64 [n] and noise map float32 [n] -> denoised symbols complex64 [n]."""
        values, noise = self._received(symbols, noise_map, height, width, latents)
        active = torch.tensor([float(latents)], device=self.device)
        with self._swapping:
            cleaned = self.sampler(values, noise, active, self._generator)
        return to_symbols(cleaned[:, :latents])[0].cpu().numpy()


class FrameDecoder(_Stage):
    """Symbols to picture. `arm` says which decoder: `jscc` expects received symbols, `jscc+cddm` denoised ones."""

    def __init__(
        self,
        preset: str = "default",
        arm_name: str = "jscc",
        dtype: str = "auto",
        compiled: bool = False,
        jscc_dir: Path | None = None,
        cddm_dir: Path | None = None,
        places: Places | None = None,
        frozen: bool = True,
    ):
        self.expects_denoised = arm(arm_name).denoised
        network = (places or Places(preset, jscc_dir, cddm_dir)).decoder(arm_name)
        super().__init__(network, dtype, compiled, frozen)

    @torch.inference_mode()
    def decode(self, symbols: np.ndarray, noise_map: np.ndarray, height: int, width: int, latents: int) -> np.ndarray:
        """Symbols complex64 [n] and noise map float32 [n] -> uint8 [height, width, 3]."""
        values, noise = self._received(symbols, noise_map, height, width, latents)
        estimate = values if self.expects_denoised else linear_estimate(values, noise)
        picture = self.run(estimate, noise, torch.tensor([float(latents)], device=self.device))
        if not torch.isfinite(picture).all():
            raise ParseError(
                "the decoder's output is not finite: the symbols are far beyond unit power, or the weights bad"
            )
        picture = (picture[0, :, :height, :width].clamp(0, 1) * 255).round().to(torch.uint8)
        return picture.permute(1, 2, 0).contiguous().cpu().numpy()


def pad(picture: Tensor) -> Tensor:
    """[B, 3, H, W] -> the next multiples of 16, the edge repeated."""
    height, width = picture.shape[2:]
    rows, columns = grid(height, width)
    if (rows * 16, columns * 16) == (height, width):
        return picture
    return nn.functional.pad(picture, (0, columns * 16 - width, 0, rows * 16 - height), mode="replicate")
