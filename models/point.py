"""One point of a sweep: a clip through every arm over one realisation of the channel."""

import contextlib
import functools
import json
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gvc import registry, seeds
from gvc.coding.arms import Arm, bind
from gvc.coding.codecs.video.trials import TRIALS, fingerprint
from gvc.config import ChannelConfig, LinkConfig, build, radio_path
from gvc.errors import ConfigError
from gvc.evaluation.metrics import measure
from gvc.evaluation.service.freezes import freezes
from gvc.paths import cache_dir
from gvc.permission import refuse_code
from gvc.phy.layout import overhead
from gvc.phy.numerology import Numerology
from gvc.registry import nearest
from gvc.section import shown
from gvc.simulation.realisation import WARM_UP, Realisation
from gvc.simulation.transmission import Coded, Sent, Transmission, encode, receive, send
from gvc.video.clip import open_clip
from models.latents import latents_of
from models.link_check import check_link
from models.stages import dtype_of
from models.weights import digest

METRICS = {"psnr_db": 1, "lpips": 4}


@dataclass(frozen=True)
class Point:
    """Parameters of a point. Settings of the link are parameters too, by their names: `digital.margin_db`. `set` are
    several that go together, as of `--set`.

    measured: every so many-th picture is measured, and the networks decode no others. metrics: name -> taken on every
    so many-th of these. Networks run in float32 unless `model.dtype` is a parameter.

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
        settings = {name: value for name, value in parameters.items() if "." in name}
        parameters = {name: value for name, value in parameters.items() if "." not in name}
        for name in parameters:
            if name not in known:
                raise ConfigError(f"unknown parameter '{name}'{nearest(name, known)} (known: {', '.join(known)})")
        missing = [name for name in ("clip", "radio", "snr_db", "cbr", "arms") if name not in parameters]
        if missing:
            raise ConfigError(f"a point needs {', '.join(missing)} (in `fixed` or `grid`)")
        for name in ("frames", "measured"):
            count = parameters.get(name, 1)
            if type(count) is not int or count < 1:
                raise ConfigError(f"parameter '{name}' is {shown(count)}: give a whole number from 1")
        arms = parameters["arms"]
        chosen = (*parameters.get("set", ()), *(f"{name}={json.dumps(value)}" for name, value in settings.items()))
        # Settings are checked where they are read.
        free = {name: value for name, value in parameters.items() if name not in ("clip", "radio", "set")}
        refuse_code(free, "the sweep")
        for name in parameters.get("metrics") or {}:
            registry.check_name("metric", name)
        return cls(**{**parameters, "set": chosen, "arms": tuple([arms] if isinstance(arms, str) else arms)})

    @property
    def config(self) -> LinkConfig:
        """Its link. All that says it comes from the sweep's file, and may name code only where files may."""
        overrides = [f"video.size={self.size}", f"model.cbr={self.cbr}", f"channel.snr_db={self.snr_db}"]
        overrides += ["model.dtype=float32", *self.set]
        return build(self.radio, overrides, overrides_from_file=True)


def link(parameters: dict[str, Any], seed: int) -> list[dict[str, Any]]:
    """One row an arm: metrics over all pictures as displayed, losses, what was spent, type and hash of the weights.

    Every arm has the same slots of the same realisation; `seed` draws that.
    """
    point = Point.of(parameters)
    config = point.config
    _keep_trials()
    pictures = clip_pictures(point.clip, config.video.size, point.frames)
    height, width = pictures.shape[1:3]
    latents = latents_of(config.model.cbr)
    fps = clip_fps(point.clip)
    draw = seeds.integer(seed, f"point/{point.radio}/{point.snr_db}")
    digital = config.digital
    warm_up = max(WARM_UP, digital.feedback_delay)
    realisation = Realisation(config, config.channel.snr_db, draw, height, width, latents, 1 / fps, warm_up)
    sent: dict[str, Sent] = {}
    done: dict[str, Transmission] = {}
    hashes: dict[str, str] = {}
    # No scheme knows the channel by its configuration: points on others share what is loaded.
    of_arms = config.model_copy(update={"channel": ChannelConfig()})
    for name in dict.fromkeys(point.arms):
        arm = bound(name, of_arms, fps)
        arm.reseed(seeds.integer(seed, "point/sampler"))
        if arm.sender not in sent:
            known = functools.partial(_encoded, arm, realisation.count, point.clip, config.video.size, point.frames)
            following = digital.feedback_delay, digital.feedback_window
            sent[arm.sender] = send(arm, realisation, pictures, *following, known)
        done[name] = receive(arm, sent[arm.sender], realisation.count, height, width, point.measured)
        hashes[name] = digest(arm.weights())
    return [
        {**_row(name, point, config, pictures, done[name], realisation, fps), "weights": hashes[name]}
        for name in point.arms
    ]


@functools.lru_cache(maxsize=4)
def clip_pictures(clip: str, size: tuple[int, int] | None, frames: int) -> np.ndarray:
    """The first pictures of a clip, uint8 [frames, height, width, 3]."""
    return np.stack(list(open_clip(clip, size=size, frames=frames)))


@functools.lru_cache(maxsize=16)
def clip_fps(clip: str) -> float:
    """Frames a second of a clip."""
    return open_clip(clip).fps


_ARMS: OrderedDict[str, Arm] = OrderedDict()
_CODED: OrderedDict[tuple[Any, ...], Coded] = OrderedDict()
MOST_ARMS, MOST_CODED = 8, 8
"""Kept for the next points: networks take long to load, and what the channel does not change is coded once."""


def bound(name: str, config: LinkConfig, fps: float) -> Arm:
    """An arm for every point that has it under the same configuration; only a memoryless one can be used again."""
    key = f"{name}/{fps}/{config.model_dump_json()}"
    arm = _ARMS.get(key) or bind(name, config, fps)
    if arm.memoryless:
        _keep(_ARMS, key, arm, MOST_ARMS)
    return arm


def _encoded(arm: Arm, count: int, clip: str, size: tuple[int, int] | None, frames: int) -> Coded:
    key = arm.sender, count, clip, size, frames
    return _keep(_CODED, key, _CODED.get(key) or encode(arm, clip_pictures(clip, size, frames), count), MOST_CODED)


@functools.cache
def _keep_trials() -> None:
    """Codec searches of earlier sweeps are found again; a folder that cannot be made costs time only."""
    with contextlib.suppress(OSError):
        TRIALS.keep_in(cache_dir() / "trials")


def _keep(kept: OrderedDict[Any, Any], key: Any, value: Any, most: int) -> Any:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > most:
        kept.popitem(last=False)
    return value


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
        "dtype": dtype_word(config),
        "metrics_seconds": time.perf_counter() - began,
    }


_KNOWN: dict[tuple[str, float, bytes, bytes], float | None] = {}


def _measured(name: str, reference: np.ndarray, shown: np.ndarray, fps: float) -> float | None:
    """Mean of a metric; equal pictures, as a digital arm shows them over and over, are measured once."""
    key = name, fps, fingerprint(reference), fingerprint(shown)
    if key not in _KNOWN:
        values, _ = measure(name, list(reference), list(shown), fps=fps)
        _KNOWN[key] = None if values is None else float(np.mean(values))
    return _KNOWN[key]


def inputs(parameters: dict[str, Any]) -> list[Path]:
    """Files that a point's result depends on beside the code: weights and the clip.

    Raises InputError and its kin for parameters that no link can be made of.
    """
    from gvc.content.clips import find_clip

    point = Point.of(parameters)
    config = check_link(point.config, point.arms, running=False)
    arms = [bind(name, config) for name in point.arms]
    files = {path for arm in arms for path in (*arm.weights(), *arm.sources())}
    return [find_clip(point.clip), radio_path(point.radio), *sorted(files)]


def conditions(parameters: dict[str, Any]) -> dict[str, Any]:
    """What a point's result depends on that is neither a parameter nor a file: the type that networks compute in, which
    `auto` takes from the machine.
    """
    return {"dtype": dtype_word(Point.of(parameters).config)}


def dtype_word(config: LinkConfig) -> str:
    """The type that networks compute in here."""
    return str(dtype_of(config.model.dtype)).removeprefix("torch.")


vars(link).update(
    inputs=inputs,
    conditions=conditions,
    sources=(
        "gvc.phy",
        "gvc.channel",
        "gvc.coding",
        "gvc.video",
        "gvc.evaluation.metrics",
        "gvc.evaluation.service.freezes",
        "models",
    ),
)
