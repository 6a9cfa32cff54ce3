"""The neural link over a realisation of the channel, without a running flowgraph."""

import functools
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from gvc import registry
from gvc.coding.concealment import Concealment
from gvc.coding.transmission import Transmission
from gvc.config import LinkConfig, ModelConfig
from gvc.phy.realisation import Realisation
from models.arms import arm as arm_of


def encode(model: ModelConfig, pictures: Sequence[np.ndarray]) -> tuple[np.ndarray, float]:
    """Symbols complex64 [n, count] of pictures uint8 [height, width, 3], and the seconds that took."""
    encoder = encoder_of(model)
    began = time.perf_counter()
    symbols = np.stack([encoder.encode(picture) for picture in pictures])
    return symbols, time.perf_counter() - began


def encoder_of(model: ModelConfig) -> Any:
    """The encoder that `model` names. Raises InputError and its kin."""
    given = {key: getattr(model, key) for key in ("preset", "cbr", "design_snr_db", "dtype")}
    return registry.create("encoder", model.encoder, model.options.encoder, **given)


class NeuralLink:
    """What a realisation makes of encoded pictures, decoded by any arm.

    Args:
        config: of the link.
        realisation: of the channel.
        symbols, encode_seconds: what `encode` gave.
        measured: every so many-th picture is looked at, and no others are decoded.
    """

    def __init__(
        self,
        config: LinkConfig,
        realisation: Realisation,
        symbols: np.ndarray,
        encode_seconds: float = 0.0,
        measured: int = 1,
    ):
        self._model, self._encode_s = config.model, encode_seconds
        self._shape = realisation.height, realisation.width, realisation.latents
        self._energy = float(np.vdot(symbols, symbols).real)
        self._received = realisation.send([(part, 0, 0) for part in symbols])
        arrived = np.flatnonzero([frame is not None for frame in self._received])
        # A lost picture shows the last one before it.
        shown = [arrived[arrived <= number][-1:] for number in range(0, len(symbols), measured)]
        self._needed = {int(number[0]) for number in shown if len(number)}

    def decode(self, arm: str) -> Transmission:
        """What `arm` shows."""
        denoiser, decoder, plain = receiver_of_arm(arm, self._model)
        began = time.perf_counter()
        shown: list[np.ndarray | None] = []
        for number, frame in enumerate(self._received):
            if frame is None or number not in self._needed:
                shown.append(None)
                continue
            symbols, chosen = frame.symbols, decoder
            if denoiser is not None:
                estimate = denoiser.denoise(symbols, frame.noise_map, *self._shape)
                gate = getattr(denoiser, "gate", None) if self._model.gate else None
                open_ = gate is None or gate(symbols, frame.noise_map, estimate)
                symbols, chosen = (estimate, decoder) if open_ else (symbols, plain)
            shown.append(chosen.decode(symbols, frame.noise_map, *self._shape))
        displayed, _ = Concealment().fill(shown, *self._shape[:2])
        spent = time.perf_counter() - began
        concealed = np.array([frame is None for frame in self._received])
        return Transmission(displayed, concealed, int(concealed.sum()), self._energy, self._encode_s, spent)


@functools.lru_cache(maxsize=8)
def receiver_of_arm(arm: str, model: ModelConfig) -> tuple[Any, Any, Any]:
    """Denoiser (or None) of an arm, its decoder, and the decoder of received symbols for what the gate leaves alone.

    Raises InputError and its kin.
    """
    options = {"preset": model.preset, "dtype": model.dtype}
    denoiser = None
    if arm_of(arm).denoised and model.denoiser != "none":
        own = {"sampler": model.sampler, "steps": model.steps, "arm_name": arm}
        if model.options.sampler:
            own["sampler_options"] = model.options.sampler
        denoiser = registry.create("denoiser", model.denoiser, model.options.denoiser, **options, **own)
    name = arm if denoiser is not None or not arm_of(arm).denoised else "jscc"
    kind = "decoder", model.decoder, model.options.decoder
    decoder = registry.create(*kind, arm_name=name, **options)
    plain = registry.create(*kind, arm_name="jscc", **options) if denoiser is not None else decoder
    return denoiser, decoder, plain
