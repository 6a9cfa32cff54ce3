"""The waveform: frames of symbols to bursts of samples and back, with a noise map. numpy, scipy and numba."""

import importlib
from typing import Any

_HOMES = {
    "Numerology": "numerology",
    "SymbolFrame": "frames",
    "PictureShape": "shape",
    "ReceivedBurst": "frames",
    "ReceivedFrame": "frames",
    "BurstHeader": "header",
    "BurstTransmitter": "transmitter",
    "BurstReceiver": "receiver.receiver",
    "FrameAssembler": "receiver.assembler",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"gvc.phy.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'gvc.phy' has no attribute '{name}'")
