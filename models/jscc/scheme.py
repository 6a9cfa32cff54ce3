"""Joint source-channel coding as a scheme: each picture alone, by a network, into one slot."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from gvc import registry
from gvc.coding.concealment import Concealment
from gvc.coding.scheme import Decoded, Estimate, ReceivedSlot, Slot
from gvc.errors import InputError, ParseError
from models.arms import ENCODER, Places
from models.latents import MAX_LATENTS, STRIDE, grid
from models.layers import multiply_accumulates
from models.receiver import NeuralReceiver
from models.weights import manifest, with_shards

# gvc.phy.payload.JSCC; the waveform's packages are not on a bare training machine
PAYLOAD_TYPE = 0
CONFIGURED = (
    "preset", "cbr", "design_snr_db", "dtype", "compile", "encoder", "denoiser", "sampler", "steps", "gate", "decoder",
)  # fmt: skip
"""Keys of section `model` that are options here."""
SHIPPED_ENCODER = "jscc"


class Parts(NamedTuple):
    """The networks of both ends, which take pictures of every size; `encoder()` makes its one at the first call."""

    receiver: NeuralReceiver
    encoder: Callable[[], Any]


class Jscc:
    """A frame-causal neural pair. A frame that is lost, or cannot be decoded, costs itself alone.

    Args:
        count: symbols a slot; its pictures are of the size and `cbr` that give so many.
        segment_frames, fps: not used; every scheme gets them.
        receiver: an arm of `models.arms`, which says whose decoder and denoiser.
        cbr: channel bandwidth ratio. design_snr_db: what the encoder designs for; None for what it is told.
        encoder: registry name of kind `encoder`; preset, dtype, compile are its, too.
        parts: of another one, for slots of another size.
        others: as of `models.receiver.NeuralReceiver`.

    Raises InputError for an unknown receiver; `load` raises InputError and its kin.
    """

    payload_types = frozenset({PAYLOAD_TYPE})
    memoryless = True
    segment_frames = 1

    def __init__(
        self,
        count: int,
        segment_frames: int = 1,
        fps: float = 25.0,
        receiver: str = "jscc+cddm",
        preset: str = "default",
        cbr: float = 1 / 48,
        design_snr_db: float | None = 10.0,
        dtype: str = "auto",
        compile: bool = False,
        encoder: str = SHIPPED_ENCODER,
        denoiser: str = "cddm",
        sampler: str = "x0",
        steps: int = 1,
        gate: bool = True,
        decoder: str = "jscc",
        options: Mapping[str, Mapping[str, Any]] | None = None,
        places: Places | None = None,
        frozen: bool = True,
        parts: Parts | None = None,
    ):
        self.uses_feedback = design_snr_db is None
        self._encoder_name, self._preset, self._places = encoder, preset, places
        own = (options or {}).get("encoder", {})
        if parts is None:
            given = {"preset": preset, "cbr": cbr, "dtype": dtype, "compiled": compile}
            given["design_snr_db"] = 10.0 if design_snr_db is None else design_snr_db
            if not registry.is_outside("encoder", encoder):
                given |= {"frozen": frozen, **({"places": places} if places else {})}
            networks = NeuralReceiver(
                receiver, preset, dtype, compile, denoiser, sampler, steps, gate, decoder, options, places, frozen
            )
            # made at the first call
            encoder_of = functools.cache(functools.partial(registry.create, "encoder", encoder, own, **given))
            parts = Parts(networks, encoder_of)
        self.parts = parts
        self.receiver = parts.receiver
        self.denoises = self.receiver.denoises
        self.sender = f"jscc/{encoder}/{preset}/{cbr}/{design_snr_db}/{self.receiver.dtype}/{dict(own)}"
        self._concealment = Concealment()

    @classmethod
    def configured(cls, config: Any, at: str = "") -> dict[str, Any]:
        """Options of section `model` of a `gvc.config.LinkConfig`. Raises InputError for a word after @."""
        if at:
            raise InputError(f"a JSCC arm has nothing to adapt: leave '@{at}' out")
        model = config.model
        return {**{key: getattr(model, key) for key in CONFIGURED}, "options": dict(model.options)}

    @classmethod
    def scored(cls, places: Places, dtype: str, cbr: float, sampler: str = "x0", steps: int = 1) -> dict[str, Any]:
        """Options for `score`: no gate, the SNR is known, and pictures have many sizes."""
        told = {
            "places": places,
            "preset": places.preset,
            "dtype": dtype,
            "cbr": cbr,
            "sampler": sampler,
            "steps": steps,
        }
        return {**told, "design_snr_db": None, "gate": False, "frozen": False}

    @property
    def encoder(self) -> Any:
        """The strategy of kind `encoder`."""
        return self.parts.encoder()

    @property
    def coder(self) -> int:
        """Of the encoder's weights, else of its name. Raises InputError where a preset has no weights."""
        from gvc.phy.identity import coder_of_name, coder_of_weights

        if self._encoder_name != SHIPPED_ENCODER:
            return coder_of_name(self._encoder_name)
        entry = encoder_entry(self._preset)
        if entry is None:
            raise InputError(
                f"preset '{self._preset}' has no encoder weights: train them (`gvc models train jscc --help`)"
            )
        return coder_of_weights(entry["sha256"])

    def encode(self, pictures: np.ndarray, snr_db: float) -> list[Slot]:
        """See `Scheme.encode`."""
        told = (snr_db,) if self.uses_feedback else ()
        return [Slot(self.encoder.encode(picture, *told), PAYLOAD_TYPE) for picture in pictures]

    def denoise(self, slot: ReceivedSlot, height: int, width: int) -> ReceivedSlot:
        """See `Scheme.denoise`. A slot that cannot be denoised has its symbols as an estimate that is not trusted."""
        try:
            estimate = self.receiver.denoise(slot.symbols, slot.noise_map, height, width, _latents(slot, height, width))
        except ParseError:
            # `decode` meets it too, and says why.
            estimate = Estimate(slot.symbols, trusted=False)
        return ReceivedSlot(slot.symbols, slot.noise_map, slot.payload_type, slot.mode, slot.snr_db, estimate)

    def decode(self, slots: list[ReceivedSlot | None], height: int, width: int) -> Decoded:
        """See `Scheme.decode`; behind a denoiser the report has `denoised`, the slots decoded from its estimate."""
        pictures: list[np.ndarray | None] = []
        reason, denoised = "", 0
        for slot in slots:
            picture = None
            if slot is not None:
                try:
                    picture, trusted = self._picture(slot, height, width)
                    denoised += trusted
                except ParseError as error:
                    reason = str(error)
            pictures.append(picture)
        report = {"denoised": float(denoised)} if self.denoises else {}
        return Decoded(*self._concealment.fill(pictures, height, width), report, reason)

    def _picture(self, slot: ReceivedSlot, height: int, width: int) -> tuple[np.ndarray, bool]:
        """The picture, and whether the denoiser's estimate was decoded. Raises ParseError."""
        if slot.payload_type != PAYLOAD_TYPE:
            raise ParseError(f"payload type {slot.payload_type} is nothing for a neural decoder")
        latents = _latents(slot, height, width)
        if self.denoises and slot.estimate is None:
            slot = self.denoise(slot, height, width)
        picture = self.receiver.picture(slot.symbols, slot.estimate, slot.noise_map, height, width, latents)
        return picture, slot.estimate is not None and slot.estimate.trusted

    def load(self, sending: bool = True, receiving: bool = True) -> None:
        """Load the networks of either end. Raises InputError and its kin."""
        if sending:
            _ = self.encoder
        if receiving:
            self.receiver.load()

    def rehearse(self, slot: ReceivedSlot, height: int, width: int) -> None:
        """See `Scheme`."""
        self.receiver.rehearse(slot.symbols, slot.noise_map, height, width, _latents(slot, height, width))

    def reseed(self, seed: int) -> None:
        """See `Scheme`."""
        self.receiver.reseed(seed)

    def weights(self) -> list[Path]:
        """See `Scheme`."""
        encoder = (self._places or Places(self._preset)).folders["jscc"] / ENCODER
        return [*(with_shards(encoder) if self._encoder_name == SHIPPED_ENCODER else []), *self.receiver.weights()]

    def costs(self) -> dict[str, tuple[float, int]]:
        """By part (multiplications and accumulations in 1e9 at 256 x 256 of one evaluation, parameters)."""
        device = self.receiver.decoder.device
        picture = torch.zeros(1, 3, 256, 256, device=device)
        latents = torch.zeros(1, MAX_LATENTS, 256 // STRIDE, 256 // STRIDE, device=device)
        noise = torch.ones(1, MAX_LATENTS // 2, *latents.shape[2:], device=device)
        scalar = torch.full((1,), 32.0, device=device)
        parts = {"encoder": (self.encoder, (picture, scalar, scalar))}
        if self.denoises:
            parts["denoiser"] = (self.receiver.denoiser, (latents, noise, scalar))
        parts["decoder"] = (self.receiver.decoder, (latents, noise, scalar))
        return {
            name: (
                multiply_accumulates(stage.network, *inputs) / 1e9,
                sum(parameter.numel() for parameter in stage.network.parameters()),
            )
            for name, (stage, inputs) in parts.items()
        }


def encoder_entry(preset: str) -> dict[str, Any] | None:
    """What the manifest says of a preset's encoder; None where it has no weights."""
    return manifest(Places(preset).folders["jscc"]).get(ENCODER)


def _latents(slot: ReceivedSlot, height: int, width: int) -> int:
    """Maps that a slot's symbols make at this size of picture. Raises ParseError where they make no whole number."""
    rows, columns = grid(height, width)
    latents, rest = divmod(2 * len(slot.symbols), rows * columns)
    if rest:
        raise ParseError(f"{len(slot.symbols)} symbols make no latent maps of a {width}x{height} picture")
    return latents
