"""The neural receiver of an arm: denoiser, gate, decoder, and the decoder of received symbols.

There is one: a running link, `score`, sweeps, online training and the hybrid's refinement all receive by it.
"""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gvc import registry
from gvc.coding.scheme import Estimate
from models.arms import Places
from models.arms import arm as arm_of
from models.cddm.gate import GATE
from models.stages import dtype_of
from models.weights import with_shards

PLAIN = "jscc"
"""The arm whose decoder takes received symbols."""


class NeuralReceiver:
    """Received symbols complex64 [n] with their noise map float32 [n] to a picture, in two stages.

    Networks are loaded when they are first needed, by `load` at the latest.

    Args:
        arm: of `models.arms`, which says whose weights.
        preset, dtype, compiled: of all networks.
        denoiser: registry name of kind `denoiser`, or `none`: an arm that has one then decodes received symbols.
        sampler, steps: how the denoiser goes to its estimate.
        gate: follow the denoiser's own `gate`, where it has one.
        decoder: registry name of kind `decoder`.
        options: by kind (denoiser, sampler, decoder) the further options of the strategy.
        places: where the shipped strategies find their weights; None for the preset's folder.
        frozen: see `models.stages`.

    Raises InputError for an unknown arm; `load` raises InputError and its kin, WeightsError among them.
    """

    def __init__(
        self,
        arm: str = "jscc+cddm",
        preset: str = "default",
        dtype: str = "auto",
        compiled: bool = False,
        denoiser: str = "cddm",
        sampler: str = "x0",
        steps: int = 1,
        gate: bool = True,
        decoder: str = "jscc",
        options: Mapping[str, Mapping[str, Any]] | None = None,
        places: Places | None = None,
        frozen: bool = True,
    ):
        self.arm, self.preset = arm, preset
        self.dtype = str(dtype_of(dtype)).removeprefix("torch.")
        self.denoises = arm_of(arm).denoised and denoiser != "none"
        self._names = {"denoiser": denoiser, "decoder": decoder}
        self._sampling = {"sampler": sampler, "steps": steps}
        self._options = options or {}
        self._gated = gate
        self._places = places
        self._given = {"preset": preset, "dtype": dtype, "compiled": compiled}
        self._ours = {"places": places, "frozen": frozen}

    @functools.cached_property
    def denoiser(self) -> Any:
        """The strategy of kind `denoiser`; None without one."""
        if not self.denoises:
            return None
        own = self._options.get("sampler")
        return self._made("denoiser", self.arm, **self._sampling, **({"sampler_options": own} if own else {}))

    @functools.cached_property
    def decoder(self) -> Any:
        """The strategy of kind `decoder` for what the denoiser gives or, without one, for received symbols."""
        return self._made("decoder", self.arm if self.denoises or not arm_of(self.arm).denoised else PLAIN)

    @functools.cached_property
    def plain(self) -> Any:
        """The decoder of what the gate leaves alone."""
        return self._made("decoder", PLAIN) if self.gate else self.decoder

    @property
    def gate(self) -> Any:
        """(symbols, noise map, estimate) -> whether to decode the estimate; None for always."""
        return getattr(self.denoiser, "gate", None) if self._gated else None

    def _made(self, kind: str, arm: str, **given: Any) -> Any:
        name = self._names[kind]
        ours = {} if registry.is_outside(kind, name) else {k: v for k, v in self._ours.items() if v is not None}
        return registry.create(kind, name, self._options.get(kind), arm_name=arm, **self._given, **ours, **given)

    def load(self) -> None:
        """Load every network. Raises InputError and its kin."""
        _ = self.denoiser, self.decoder, self.plain

    def denoise(
        self, symbols: np.ndarray, noise_map: np.ndarray, height: int, width: int, latents: int
    ) -> Estimate | None:
        """The denoiser's estimate, and the gate's word on it; None without a denoiser."""
        if self.denoiser is None:
            return None
        estimate = self.denoiser.denoise(symbols, noise_map, height, width, latents)
        trusted = self.gate is None or bool(self.gate(symbols, noise_map, estimate))
        return Estimate(estimate, trusted, getattr(self.denoiser, "used", 0))

    def picture(
        self,
        symbols: np.ndarray,
        estimate: Estimate | None,
        noise_map: np.ndarray,
        height: int,
        width: int,
        latents: int,
    ) -> np.ndarray:
        """uint8 [height, width, 3] from a trusted estimate, else from received symbols."""
        if estimate is None or not estimate.trusted:
            decoder = self.decoder if estimate is None else self.plain
            return decoder.decode(symbols, noise_map, height, width, latents)
        return self.decoder.decode(estimate.symbols, noise_map, height, width, latents)

    def show(self, symbols: np.ndarray, noise_map: np.ndarray, height: int, width: int, latents: int) -> np.ndarray:
        """Both stages: uint8 [height, width, 3]. Raises ParseError for what cannot be decoded."""
        estimate = self.denoise(symbols, noise_map, height, width, latents)
        return self.picture(symbols, estimate, noise_map, height, width, latents)

    def rehearse(self, symbols: np.ndarray, noise_map: np.ndarray, height: int, width: int, latents: int) -> None:
        """Call every network once: compilation and allocation happen here. The gate, which may count, is not asked."""
        if self.denoiser is not None:
            symbols = self.denoiser.denoise(symbols, noise_map, height, width, latents)
        for decoder in {self.decoder, self.plain}:
            decoder.decode(symbols, noise_map, height, width, latents)

    def reseed(self, seed: int) -> None:
        """Let the sampler's draws begin anew."""
        if hasattr(self.denoiser, "reseed"):
            self.denoiser.reseed(seed)

    def weights(self) -> list[Path]:
        """Files that the shipped strategies read."""
        places, chosen = self._places or Places(self.preset), arm_of(self.arm)
        found = []
        if self.denoises and not registry.is_outside("denoiser", self._names["denoiser"]):
            found += with_shards(places.denoiser_file(chosen.denoiser, self._sampling["sampler"] == "paper"))
            gate = places.folders["cddm"] / GATE
            found += [gate] if self._gated and gate.exists() else []
        if not registry.is_outside("decoder", self._names["decoder"]):
            found += with_shards(places.file(self.arm if self.denoises or not chosen.denoised else PLAIN))
            found += with_shards(places.file(PLAIN)) if self.denoises and self._gated else []
        return found
