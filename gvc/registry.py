"""Strategies by name.

A strategy (channel, synchroniser, metric, ...) is chosen in YAML by the short name listed here, by the name of an entry
point `KIND.NAME` of the group `gvc` that an installed package declares, or by `package.module:Attribute` from anywhere.
Modules are imported when they are first asked for; those from outside may lie in the working folder, which is searched
last, so that nothing there hides a package of ours.
"""

import contextlib
import difflib
import functools
import importlib
import importlib.metadata
import inspect
import os
import sys
import warnings
from collections.abc import Mapping
from typing import Any

from gvc import border
from gvc.errors import ConfigError, GvcError, InputError
from gvc.permission import names_code

TABLE: dict[str, dict[str, str]] = {
    "channel": {
        "awgn": "gvc.channel.awgn:Awgn",
        "rayleigh-block": "gvc.channel.rayleigh_block:RayleighBlock",
        "blockage": "gvc.channel.blockage:Blockage",
        "impaired": "gvc.channel.impaired:Impaired",
        "tdl-a": "gvc.channel.tdl:TdlA",
        "tdl-b": "gvc.channel.tdl:TdlB",
        "tdl-c": "gvc.channel.tdl:TdlC",
        "tdl-d": "gvc.channel.tdl:TdlD",
        "tdl-e": "gvc.channel.tdl:TdlE",
    },
    "impairment": {
        "pulses": "gvc.channel.impairments.pulses:Pulses",
        "tone": "gvc.channel.impairments.tone:Tone",
        "interferer": "gvc.channel.impairments.interferer:Interferer",
        "transmitter": "gvc.channel.impairments.transmitter:Transmitter",
        "frequency-steps": "gvc.channel.impairments.frequency_steps:FrequencySteps",
        "frequency-drift": "gvc.channel.impairments.frequency_drift:FrequencyDrift",
        "phase-noise": "gvc.channel.impairments.phase_noise:PhaseNoise",
        "iq-imbalance": "gvc.channel.impairments.iq_imbalance:IqImbalance",
        "dc": "gvc.channel.impairments.dc:Dc",
        "gain-steps": "gvc.channel.impairments.gain_steps:GainSteps",
        "scale": "gvc.channel.impairments.scale:Scale",
        "clipping": "gvc.channel.impairments.clipping:Clipping",
        "quantisation": "gvc.channel.impairments.quantisation:Quantisation",
        "slips": "gvc.channel.impairments.slips:Slips",
    },
    "synchroniser": {
        "schmidl-cox": "gvc.phy.receiver.synchroniser:SchmidlCox",
        "accumulation": "gvc.phy.receiver.accumulation:Accumulation",
    },
    "channel_estimator": {
        "ls": "gvc.phy.receiver.channel_estimator:LeastSquares",
        "dft-smoothed": "gvc.phy.receiver.channel_estimator:DftSmoothed",
        "lmmse-exponential": "gvc.phy.receiver.channel_estimator:LmmseExponential",
        "learned": "models.channel_estimator.estimator:Learned",
        "learned-linear": "models.channel_estimator.estimator:LearnedLinear",
    },
    "equaliser": {"zf": "gvc.phy.receiver.equaliser:ZeroForcing", "mmse": "gvc.phy.receiver.equaliser:Mmse"},
    "encoder": {"jscc": "models.stages:FrameEncoder"},
    "denoiser": {"cddm": "models.stages:FrameDenoiser"},
    "sampler": {
        "x0": "models.cddm.sampler:Deterministic",
        "stochastic": "models.cddm.sampler:Stochastic",
        "paper": "models.cddm.paper:PaperSampler",
    },
    "decoder": {"jscc": "models.stages:FrameDecoder"},
    "codec": {
        "x264": "gvc.coding.codecs.video.codec:X264",
        "x265": "gvc.coding.codecs.video.codec:X265",
        "av1": "gvc.coding.codecs.video.codec:Av1",
        "vvc": "gvc.coding.codecs.video.codec:Vvc",
        "jpeg": "gvc.coding.codecs.video.codec:Jpeg",
        "avif": "gvc.coding.codecs.video.codec:Avif",
    },
    "scheme": {
        "jscc": "models.jscc.scheme:Jscc",
        "digital": "gvc.coding.schemes.digital.scheme:Digital",
        "softcast": "gvc.coding.schemes.softcast.scheme:Softcast",
        "hybrid": "gvc.coding.schemes.hybrid.scheme:Hybrid",
        "capacity": "gvc.coding.schemes.bound.scheme:Capacity",
    },
    "refinement": {
        "softcast": "gvc.coding.schemes.softcast.analogue:AnalogueBlock",
        "jscc": "models.jscc.refinement:JsccRefinement",
    },
    "adaptation": {
        "fixed": "gvc.coding.schemes.digital.link_adaptation:Fixed",
        "table": "gvc.coding.schemes.digital.link_adaptation:Measured",
        "genie": "gvc.coding.schemes.digital.link_adaptation:Genie",
    },
    "point": {"link": "models.point:link"},
    "engine": {
        "local": "gvc.sweep.engine:Local",
        "dask": "gvc.sweep.dask:Dask",
        "slurm": "gvc.sweep.slurm:Slurm",
    },
    "judge": {
        "centernet": "gvc.evaluation.judges.centernet:CenterNet",
        "movenet": "gvc.evaluation.judges.movenet:MoveNet",
        "face-mesh": "gvc.evaluation.judges.face_mesh:FaceMesh",
        "ocr": "gvc.evaluation.judges.ocr:Ocr",
    },
    "teacher": {"nanodet": "gvc.evaluation.teachers.nanodet:NanoDet"},
    "metric": {
        "psnr_db": "gvc.evaluation.metrics.psnr:psnr_db",
        "ssim": "gvc.evaluation.metrics.ssim:ssim",
        "ms_ssim": "gvc.evaluation.metrics.ssim:ms_ssim",
        "lpips": "gvc.evaluation.metrics.lpips:lpips",
        "dists": "gvc.evaluation.metrics.dists:dists",
        "efficientnet": "gvc.evaluation.metrics.efficientnet:efficientnet",
        "flicker": "gvc.evaluation.metrics.flicker:flicker",
        "vmaf": "gvc.evaluation.metrics.vmaf:vmaf",
        "vmaf_neg": "gvc.evaluation.metrics.vmaf:vmaf_neg",
    },
}


GROUP = "gvc"
"""Of entry points."""


def names(kind: str) -> list[str]:
    """Registered short names of one kind, sorted."""
    return sorted(_table(kind) | _installed().get(kind, {}))


def check_name(kind: str, name: str) -> None:
    """Raise InputError for a name that `resolve` will not find; ours are looked up without importing anything."""
    if name not in _table(kind):
        resolve(kind, name)


def is_outside(kind: str, name: str) -> bool:
    """Whether a strategy of this name would come from outside the repository."""
    return name not in _table(kind)


def nearest(name: str, valid: list[str]) -> str:
    """The valid name most like `name`, worded for an error message."""
    close = difflib.get_close_matches(name[:100], valid, n=1, cutoff=0.0)
    return f"; did you mean '{close[0]}'?" if close else ""


def resolve(kind: str, name: str) -> Any:
    """The object called `name`, imported on demand.

    Raises InputError for an unknown name (with the nearest valid one) or an outside path that cannot be imported.
    """
    outside = is_outside(kind, name)
    if ":" in name:
        if not names_code(name):
            raise InputError(f"{kind} '{name[:100]}': a name from outside is written package.module:Class")
        _search_working_folder()
        target: str | None = name
    else:
        target = _installed().get(kind, {}).get(name) if outside else _table(kind)[name]
    if target is None:
        known = names(kind)
        raise InputError(f"unknown {kind} '{name[:100]}'{nearest(name, known)} (known: {', '.join(known)})")
    module_name, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except Exception as error:
        if not outside and not isinstance(error, ImportError | AttributeError):
            raise
        reason = error if isinstance(error, ImportError | AttributeError) else f"{type(error).__name__}: {error}"
        raise InputError(f"{kind} '{name}' cannot be loaded from {target}: {reason}") from error


def create(kind: str, name: str, options: Mapping[str, Any] | None = None, /, **given: Any) -> Any:
    """The strategy called `name`, made with the keyword arguments `given` and its own `options`.

    What one from outside the repository answers is checked, see `gvc.border`.

    Raises InputError and its kin: ConfigError for an option that its constructor does not take (with the nearest that
    it does), InputError for a constructor that cannot be called with `given`, or a method that is missing.
    """
    strategy, options = resolve(kind, name), dict(options or {})
    check_call(kind, name, options, given)
    try:
        made = strategy(**given, **options)
    except GvcError:
        raise
    except Exception as error:
        if not is_outside(kind, name):
            raise
        raise InputError(f"{kind} '{name}' cannot be made: {type(error).__name__}: {error}") from error
    return guarded(kind, name, made, given)


def guarded(kind: str, name: str, made: Any, given: Mapping[str, Any]) -> Any:
    """`made`, its answers checked where it is from outside the repository. For one that is made anew from another, such
    as for another size, too: `given` says with what. Raises InputError for a method that is missing.
    """
    return border.guard(kind, name, made, given) if is_outside(kind, name) else made


def check_call(kind: str, name: str, options: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Whether the strategy's constructor takes these arguments, without making it. Raises as `create` does."""
    strategy = resolve(kind, name)
    if not callable(strategy):
        raise InputError(f"{kind} '{name}' is a {type(strategy).__name__}: name a class or a function")
    try:
        parameters = inspect.signature(strategy).parameters.values()
    except (TypeError, ValueError):  # of some that are written in C
        return
    named = {p.name: p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    free = [key for key in named if key not in given]
    for key in options:
        if key in given:
            raise ConfigError(f"{kind} '{name}': '{key}' is no option, the testbed gives it from a key of its own")
        if key not in named and not takes_any:
            known = f"options: {', '.join(free)}" if free else "it has no options"
            raise ConfigError(f"{kind} '{name}' has no option '{str(key)[:60]}'{nearest(str(key), free)} ({known})")
    called = f"it is made with {', '.join(given) or 'nothing'}"
    for key in given:
        if key not in named and not takes_any:
            raise InputError(f"{kind} '{name}': its constructor does not take '{key}' ({called}; **options takes all)")
    for parameter in parameters:
        wanted = parameter.default is parameter.empty and parameter.kind not in (
            parameter.VAR_KEYWORD,
            parameter.VAR_POSITIONAL,
        )
        if wanted and (parameter.kind is parameter.POSITIONAL_ONLY or parameter.name not in {*given, *options}):
            raise InputError(
                f"{kind} '{name}': its constructor needs '{parameter.name}', which nothing gives ({called}): give it "
                "among the options, or a default"
            )


def _search_working_folder() -> None:
    with contextlib.suppress(FileNotFoundError):
        folder = os.getcwd()
        if folder not in sys.path and "" not in sys.path:
            sys.path.append(folder)


@functools.lru_cache(maxsize=1)
def _installed() -> dict[str, dict[str, str]]:
    """By kind the strategies of installed packages, name -> module:attribute; of two of a name the first found."""
    found: dict[str, dict[str, str]] = {}
    for point in importlib.metadata.entry_points(group=GROUP):
        kind, _, name = point.name.partition(".")
        if kind in TABLE and name:
            found.setdefault(kind, {}).setdefault(name, point.value)
        else:
            warnings.warn(
                f"entry point '{point.name}' of group {GROUP} is not KIND.NAME, such as scheme.mine"
                f"{nearest(kind, list(TABLE))}",
                stacklevel=2,
            )
    return found


def _table(kind: str) -> dict[str, str]:
    if kind not in TABLE:
        raise InputError(f"unknown kind of strategy '{kind}'{nearest(kind, list(TABLE))}")
    return TABLE[kind]
