"""The peers by arm name: schemes that share the neural link's slots.

An arm is NAME or NAME@ADAPTATION, for example `av1+ldpc`, `av1+ldpc@genie`, `av1+ldpc@qpsk-1_2` or `capacity@0.1`;
without the second part the configuration decides.
"""

from typing import Any

from gvc import registry
from gvc.coding.scheme import Scheme
from gvc.errors import ConfigError, InputError
from gvc.phy.mcs import TABLE
from gvc.registry import nearest

DIGITAL = tuple(f"{codec}+ldpc" for codec in ("x264", "x265", "av1", "vvc"))
NAMES = (*DIGITAL, "softcast", "hybrid", "capacity")
ADAPTED = (*DIGITAL, "hybrid")


def is_peer(arm: str) -> bool:
    """Whether `arm` names a peer rather than a neural arm; whether it is a good name `create` says."""
    return arm.partition("@")[0] in NAMES


def create(arm: str, config: Any, count: int, fps: float) -> Scheme:
    """The scheme of `arm` under a `gvc.config.LinkConfig`, for slots of `count` symbols.

    Raises InputError for an unknown name or option, naming the nearest.
    """
    name, at, option = arm.partition("@")
    if name not in NAMES:
        raise InputError(f"unknown peer '{name}'{nearest(name, list(NAMES))} (known: {', '.join(NAMES)})")
    shared = {"count": count, "segment_frames": config.segment.frames, "fps": fps}
    if name == "softcast":
        if at:
            raise InputError("softcast has nothing to adapt: write softcast alone")
        return registry.create("scheme", "softcast", **shared)
    if name == "capacity":
        bound = config.capacity
        return registry.create(
            "scheme", "capacity", **shared, codec=bound.codec, codec_options=bound.options.codec,
            outage=_outage(config, option),
        )  # fmt: skip
    digital = {**shared, **adaptation(config, option), "preset": config.digital.preset, "depth": config.digital.depth}
    if name == "hybrid":
        return registry.create("scheme", "hybrid", **digital, **_hybrid(config))
    return registry.create("scheme", "digital", **digital, codec=name.removesuffix("+ldpc"))


def check_running(arm: str, config: Any) -> None:
    """Raise ConfigError for a peer that no running link can have: a genie or a bound."""
    name, _, option = arm.partition("@")
    if name == "capacity" or (name in ADAPTED and (option or config.digital.adaptation) == "genie"):
        raise ConfigError(f"arm '{arm}' knows the channel beforehand: it is for sweeps, not for a running link")


def adaptation(config: Any, option: str = "") -> dict[str, Any]:
    """The adaptation and what it gets: `option` is its registry name or an MCS, empty for the configuration's."""
    digital = config.digital
    chosen, mcs = digital.adaptation, digital.mcs
    if option in TABLE:
        chosen, mcs = "fixed", option
    elif option:
        chosen = option
    own = digital.options.adaptation if chosen == digital.adaptation else {}
    given = {"mcs": mcs, "channel": digital.table, "margin_db": digital.margin_db}
    return {"adaptation": chosen, "adaptation_options": own, **given}


def _hybrid(config: Any) -> dict[str, Any]:
    hybrid = config.hybrid
    own = {"codec_options": hybrid.options.codec, "refinement_options": hybrid.options.refinement}
    return {**hybrid.model_dump(exclude={"options"}), **own}


def _outage(config: Any, option: str) -> float:
    try:
        return float(option) if option else config.capacity.outage
    except ValueError as error:
        raise InputError(
            f"capacity@{option}: write the share of segments in outage, for example capacity@0.1"
        ) from error
