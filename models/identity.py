"""Which coder an arm's symbols come from, as the burst header names it."""

from typing import Any

from gvc.coding import peers
from gvc.errors import InputError
from gvc.phy import payload
from gvc.phy.identity import Expected, coder_of_name, coder_of_weights
from models.arms import ENCODER, Places
from models.jscc.network import SIZES
from models.weights import manifest

SHIPPED_ENCODER = "jscc"


def coder_of(config: Any, arm: str) -> int:
    """The header's `coder` for an arm under a `gvc.config.LinkConfig`: of the encoder's weights, else of its name.

    Raises InputError for an unknown preset.
    """
    if peers.is_peer(arm):
        name = arm.partition("@")[0]
        return coder_of_name(f"{name}/{config.hybrid.codec}/{config.hybrid.refinement}" if name == "hybrid" else name)
    if config.model.encoder != SHIPPED_ENCODER:
        return coder_of_name(config.model.encoder)
    entry = _encoder(config.model.preset)
    if entry is None:
        raise InputError(
            f"preset '{config.model.preset}' has no encoder weights: train them (`gvc models train jscc --help`)"
        )
    return coder_of_weights(entry["sha256"])


def payload_types_of(arm: str) -> frozenset[int]:
    """The payload types that an arm's decoder takes."""
    if not peers.is_peer(arm):
        return frozenset({payload.JSCC})
    name = arm.partition("@")[0]
    return {"softcast": frozenset({payload.SOFTCAST}), "hybrid": frozenset({payload.HYBRID})}.get(name, payload.QAM)


def expected_of(config: Any, arm: str) -> Expected:
    """What a receiver for `arm` takes."""
    return Expected(payload_types_of(arm), coder_of(config, arm), config.phy.max_pixels)


def sender_of(config: Any, payload_type: int, coder: int) -> str:
    """What to call the sender of a burst that is not for this receiver, and how to receive it; empty when unknown."""
    for preset in SIZES if payload_type == payload.JSCC else ():
        entry = _encoder(preset)
        if entry and coder == coder_of_weights(entry["sha256"]):
            return f"the encoder of preset '{preset}': use --set model.preset={preset}"
    for arm in peers.NAMES:
        if payload_type in payload_types_of(arm) and coder == coder_of(config, arm):
            return f"arm '{arm}': use --arm {arm}"
    return ""


def _encoder(preset: str) -> dict[str, Any] | None:
    """What the manifest says of a preset's encoder; None where it has no weights."""
    return manifest(Places(preset).folders["jscc"]).get(ENCODER)
