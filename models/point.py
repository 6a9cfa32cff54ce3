"""One point of a sweep: a clip through every arm over one realisation of the channel."""

import functools
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gvc import registry, seeds
from gvc.coding import peers
from gvc.coding.concealment import Concealment
from gvc.coding.transmission import Transmission, transmit
from gvc.config import LinkConfig, build, radio_path
from gvc.errors import ConfigError
from gvc.evaluation.freezes import freezes
from gvc.evaluation.metrics import measure
from gvc.phy.layout import overhead
from gvc.phy.numerology import Numerology
from gvc.phy.realisation import Realisation
from gvc.registry import nearest
from gvc.video.clip import open_clip
from models.arms import arm as arm_of
from models.latents import latents_of

METRICS = {"psnr_db": 1, "lpips": 4}


@dataclass(frozen=True)
class Point:
    """Parameters of a point; `set` are overrides as of `--set`.

    measured: every so many-th picture is measured, and the networks decode no others. metrics: name -> taken on every
    so many-th of these.

    Raises ConfigError for a parameter that is not known.
    """

    clip: str
    radio: str
    snr_db: float
    cbr: float | str
    arms: Sequence[str]
    frames: int = 16
    measured: int = 1
    size: str = "256x256"
    set: Sequence[str] = ()
    metrics: Any = None

    @classmethod
    def of(cls, parameters: dict[str, Any]) -> "Point":
        """A point from a sweep's parameters."""
        known = list(cls.__dataclass_fields__)
        for name in parameters:
            if name not in known:
                raise ConfigError(f"unknown parameter '{name}'{nearest(name, known)} (known: {', '.join(known)})")
        missing = [name for name in ("clip", "radio", "snr_db", "cbr", "arms") if name not in parameters]
        if missing:
            raise ConfigError(f"a point needs {', '.join(missing)} (in `fixed` or `grid`)")
        arms = parameters["arms"]
        return cls(**{**parameters, "arms": tuple([arms] if isinstance(arms, str) else arms)})


def link(parameters: dict[str, Any], seed: int) -> list[dict[str, Any]]:
    """One row an arm: metrics over all pictures as displayed, losses, what was spent.

    Every arm has the same slots of the same realisation; `seed` draws that.
    """
    point = Point.of(parameters)
    overrides = [f"video.size={point.size}", f"model.cbr={point.cbr}", f"channel.snr_db={point.snr_db}", *point.set]
    config = build(point.radio, overrides)
    pictures = clip_pictures(point.clip, config.video.size, point.frames)
    height, width = pictures.shape[1:3]
    latents = latents_of(config.model.cbr)
    fps = clip_fps(point.clip)
    draw = seeds.integer(seed, f"point/{point.radio}/{point.snr_db}")
    realisation = Realisation(config, config.channel.snr_db, draw, height, width, latents, 1 / fps)
    neural: NeuralLink | None = None
    rows = []
    for arm in point.arms:
        if peers.is_peer(arm):
            scheme = peers.create(arm, config, realisation.count, fps)
            done = transmit(scheme, realisation, pictures, config.digital.feedback_delay)
        else:
            arm_of(arm)
            neural = neural or NeuralLink(config, realisation, pictures, point.clip, point.measured)
            done = neural.decode(arm)
        rows.append(_row(arm, point, config, pictures, done, realisation, fps))
    return rows


class NeuralLink:
    """The pictures' symbols by the neural encoder over a realisation, decoded by any arm."""

    def __init__(self, config: LinkConfig, realisation: Realisation, pictures: np.ndarray, clip: str, measured: int):
        self._config, self._pictures = config, pictures
        began = time.perf_counter()
        symbols = encoded(clip, config.video.size, len(pictures), config.model.model_dump_json())
        self._encode_s = time.perf_counter() - began
        self._energy = float(np.vdot(symbols, symbols).real)
        self._latents = realisation.latents
        self._received = realisation.send([(part, 0, 0) for part in symbols])
        arrived = np.flatnonzero([frame is not None for frame in self._received])
        # A lost picture shows the last one before it.
        shown = [arrived[arrived <= number][-1:] for number in range(0, len(pictures), measured)]
        self._needed = {int(number[0]) for number in shown if len(number)}

    def decode(self, arm: str) -> Transmission:
        """What `arm` shows."""
        height, width = self._pictures.shape[1:3]
        denoiser, decoder, plain = receiver(arm, self._config.model.model_dump_json())
        began = time.perf_counter()
        shown: list[np.ndarray | None] = []
        for number, frame in enumerate(self._received):
            if frame is None or number not in self._needed:
                shown.append(None)
                continue
            shape = (height, width, self._latents)
            symbols, chosen = frame.symbols, decoder
            if denoiser is not None:
                estimate = denoiser.denoise(symbols, frame.noise_map, *shape)
                gate = getattr(denoiser, "gate", None) if self._config.model.gate else None
                open_ = gate is None or gate(symbols, frame.noise_map, estimate)
                symbols, chosen = (estimate, decoder) if open_ else (symbols, plain)
            shown.append(chosen.decode(symbols, frame.noise_map, *shape))
        displayed, _ = Concealment().fill(shown, height, width)
        spent = time.perf_counter() - began
        concealed = np.array([frame is None for frame in self._received])
        return Transmission(displayed, concealed, int(concealed.sum()), self._energy, self._encode_s, spent)


@functools.lru_cache(maxsize=4)
def clip_pictures(clip: str, size: tuple[int, int] | None, frames: int) -> np.ndarray:
    """The first pictures of a clip, uint8 [frames, height, width, 3]."""
    return np.stack(list(open_clip(clip, size=size, frames=frames)))


@functools.lru_cache(maxsize=16)
def clip_fps(clip: str) -> float:
    """Frames a second of a clip."""
    return open_clip(clip).fps


@functools.lru_cache(maxsize=8)
def encoded(clip: str, size: tuple[int, int] | None, frames: int, model: str) -> np.ndarray:
    """Symbols complex64 [frames, count] of a clip by the neural encoder of a `ModelConfig` in JSON."""
    from gvc.config import ModelConfig

    chosen = ModelConfig.model_validate_json(model)
    options = {key: getattr(chosen, key) for key in ("preset", "cbr", "design_snr_db", "dtype")}
    encoder = registry.create("encoder", chosen.encoder, **options)
    return np.stack([encoder.encode(picture) for picture in clip_pictures(clip, size, frames)])


@functools.lru_cache(maxsize=8)
def receiver(arm: str, model: str) -> tuple[Any, Any, Any]:
    """Denoiser (or None) of an arm, its decoder, and the decoder of received symbols for what the gate leaves alone."""
    from gvc.config import ModelConfig

    chosen = ModelConfig.model_validate_json(model)
    options = {"preset": chosen.preset, "dtype": chosen.dtype}
    denoiser = None
    if arm_of(arm).denoised and chosen.denoiser != "none":
        own = {"sampler": chosen.sampler, "steps": chosen.steps, "arm_name": arm}
        denoiser = registry.create("denoiser", chosen.denoiser, **options, **own)
    name = arm if denoiser is not None or not arm_of(arm).denoised else "jscc"
    decoder = registry.create("decoder", chosen.decoder, arm_name=name, **options)
    plain = registry.create("decoder", chosen.decoder, arm_name="jscc", **options) if denoiser is not None else decoder
    return denoiser, decoder, plain


def _row(
    arm: str,
    point: Point,
    config: LinkConfig,
    pictures: np.ndarray,
    done: Transmission,
    realisation: Realisation,
    fps: float,
) -> dict[str, Any]:
    height, width = pictures.shape[1:3]
    began = time.perf_counter()
    measured = {}
    for name, every in (point.metrics or METRICS).items():
        step = point.measured * every
        measured[name] = _measured(name, pictures[::step], done.pictures[::step], fps / point.measured)
    reports = done.reports or [{}]
    frozen = freezes(~done.concealed, fps)
    return {
        "arm": arm,
        **measured,
        "frames_concealed": int(done.concealed.sum()),
        "slots_lost": done.slots_lost,
        "freezes": frozen.count,
        "frozen_s": frozen.seconds,
        "cbr_sent": realisation.count / (3 * height * width),
        "overhead": overhead(Numerology.load(config.phy.numerology), realisation.count),
        "channel_uses": realisation.count * len(pictures),
        "energy": done.energy,
        "bytes": sum(report.get("bytes", 0.0) for report in reports),
        "blocks": sum(report.get("blocks", 0.0) for report in reports),
        "block_errors": sum(report.get("block_errors", 0.0) for report in reports),
        "efficiency": float(np.mean([report.get("efficiency", 0.0) for report in reports])),
        "encode_seconds": done.encode_seconds,
        "decode_seconds": done.decode_seconds,
        "metrics_seconds": time.perf_counter() - began,
    }


_KNOWN: dict[bytes, float | None] = {}


def _measured(name: str, reference: np.ndarray, shown: np.ndarray, fps: float) -> float | None:
    """Mean of a metric; equal pictures, as a digital arm shows them over and over, are measured once."""
    digest = hashlib.blake2b(name.encode(), digest_size=16)
    for part in (reference, shown):
        digest.update(np.ascontiguousarray(part))
    key = digest.digest()
    if key not in _KNOWN:
        values, _ = measure(name, list(reference), list(shown), fps=fps)
        _KNOWN[key] = None if values is None else float(np.mean(values))
    return _KNOWN[key]


def inputs(parameters: dict[str, Any]) -> list[Path]:
    """Files that a point's result depends on beside the code: weights and the clip."""
    from gvc.video.content import find_clip
    from models.arms import Places

    point = Point.of(parameters)
    places = Places(build(point.radio, point.set).model.preset)
    weights = [path for folder in places.folders.values() for path in sorted(folder.glob("*.safetensors"))]
    return [
        find_clip(point.clip),
        radio_path(point.radio),
        *(weights if any(not peers.is_peer(arm) for arm in point.arms) else []),
    ]


link.sources = (
    "gvc.phy",
    "gvc.channel",
    "gvc.coding",
    "gvc.video",
    "gvc.evaluation.metrics",
    "gvc.evaluation.freezes",
    "models",
)
link.inputs = inputs
