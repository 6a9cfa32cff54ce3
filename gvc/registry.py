"""Strategies by name.

A strategy (channel, synchroniser, metric, ...) is chosen in YAML by the short name listed here, or by
`package.module:Attribute` from outside the repository. Modules are imported when they are first asked for.
"""

import difflib
import importlib
from typing import Any

from gvc.errors import InputError

TABLE: dict[str, dict[str, str]] = {
    "channel": {
        "awgn": "gvc.channel.awgn:Awgn",
        "rayleigh-block": "gvc.channel.rayleigh_block:RayleighBlock",
        "blockage": "gvc.channel.blockage:Blockage",
        "tdl-a": "gvc.channel.tdl:TdlA",
        "tdl-b": "gvc.channel.tdl:TdlB",
        "tdl-c": "gvc.channel.tdl:TdlC",
        "tdl-d": "gvc.channel.tdl:TdlD",
        "tdl-e": "gvc.channel.tdl:TdlE",
    },
    "synchroniser": {"schmidl-cox": "gvc.phy.synchroniser:SchmidlCox"},
    "channel_estimator": {
        "ls": "gvc.phy.channel_estimator:LeastSquares",
        "dft-smoothed": "gvc.phy.channel_estimator:DftSmoothed",
        "lmmse-exponential": "gvc.phy.channel_estimator:LmmseExponential",
        "learned": "models.channel_estimator.estimator:Learned",
        "learned-linear": "models.channel_estimator.estimator:LearnedLinear",
    },
    "equaliser": {"zf": "gvc.phy.equaliser:ZeroForcing", "mmse": "gvc.phy.equaliser:Mmse"},
    "encoder": {"jscc": "models.codec:FrameEncoder"},
    "denoiser": {"cddm": "models.codec:FrameDenoiser"},
    "sampler": {
        "x0": "models.cddm.sampler:Deterministic",
        "stochastic": "models.cddm.sampler:Stochastic",
        "paper": "models.cddm.paper:PaperSampler",
    },
    "decoder": {"jscc": "models.codec:FrameDecoder"},
    "codec": {
        "x264": "gvc.coding.codec.codec:X264",
        "x265": "gvc.coding.codec.codec:X265",
        "av1": "gvc.coding.codec.codec:Av1",
        "vvc": "gvc.coding.codec.codec:Vvc",
        "jpeg": "gvc.coding.codec.codec:Jpeg",
        "avif": "gvc.coding.codec.codec:Avif",
    },
    "scheme": {
        "digital": "gvc.coding.digital:Digital",
        "softcast": "gvc.coding.softcast.scheme:Softcast",
        "hybrid": "gvc.coding.hybrid:Hybrid",
        "capacity": "gvc.coding.capacity_bound:Capacity",
    },
    "refinement": {
        "softcast": "gvc.coding.softcast.analogue:AnalogueBlock",
        "jscc": "models.refinement:JsccRefinement",
    },
    "adaptation": {
        "fixed": "gvc.coding.link_adaptation:Fixed",
        "table": "gvc.coding.link_adaptation:Measured",
        "genie": "gvc.coding.link_adaptation:Genie",
    },
    "point": {"link": "models.point:link"},
    "engine": {
        "local": "gvc.sweep.engine:Local",
        "dask": "gvc.sweep.dask:Dask",
        "slurm": "gvc.sweep.slurm:Slurm",
    },
    "metric": {
        "psnr_db": "gvc.evaluation.metrics.psnr:psnr_db",
        "ssim": "gvc.evaluation.metrics.ssim:ssim",
        "ms_ssim": "gvc.evaluation.metrics.ssim:ms_ssim",
        "lpips": "gvc.evaluation.metrics.lpips:lpips",
        "dists": "gvc.evaluation.metrics.dists:dists",
        "vmaf": "gvc.evaluation.metrics.vmaf:vmaf",
        "vmaf_neg": "gvc.evaluation.metrics.vmaf:vmaf_neg",
    },
}


def names(kind: str) -> list[str]:
    """Registered short names of one kind, sorted."""
    return sorted(_table(kind))


def nearest(name: str, valid: list[str]) -> str:
    """The valid name most like `name`, worded for an error message."""
    close = difflib.get_close_matches(name, valid, n=1, cutoff=0.0)
    return f"; did you mean '{close[0]}'?" if close else ""


def resolve(kind: str, name: str) -> Any:
    """The object called `name`, imported on demand.

    Raises InputError for an unknown name (with the nearest valid one) or an outside path that cannot be imported.
    """
    table = _table(kind)
    target = name if ":" in name else table.get(name)
    if target is None:
        raise InputError(f"unknown {kind} '{name}'{nearest(name, list(table))} (known: {', '.join(sorted(table))})")
    module_name, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise InputError(f"{kind} '{name}' cannot be loaded from {target}: {error}") from error


def create(kind: str, name: str, **options: Any) -> Any:
    """Resolve `name` and call it with `options`."""
    return resolve(kind, name)(**options)


def _table(kind: str) -> dict[str, str]:
    if kind not in TABLE:
        raise InputError(f"unknown kind of strategy '{kind}'{nearest(kind, list(TABLE))}")
    return TABLE[kind]
