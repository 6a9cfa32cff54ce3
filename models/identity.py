"""Who made a burst that is not for this receiver."""

from typing import Any

from gvc.coding.arms import bind, names
from gvc.errors import GvcError
from gvc.phy.identity import coder_of_weights
from models.jscc.network import SIZES
from models.jscc.scheme import PAYLOAD_TYPE, encoder_entry


def sender_of(config: Any, payload_type: int, coder: int) -> str:
    """What to call the sender of such a burst under a `gvc.config.LinkConfig`, and how to receive it; empty when
    unknown.
    """
    for preset in SIZES if payload_type == PAYLOAD_TYPE else ():
        entry = encoder_entry(preset)
        if entry and coder == coder_of_weights(entry["sha256"]):
            return f"the encoder of preset '{preset}': use --set model.preset={preset}"
    for name in names(config):
        try:
            arm = bind(name, config)
            if payload_type in arm.payload_types and coder == arm.coder:
                return f"arm '{name}': use --arm {name}"
        except GvcError:
            # One that cannot be made here has sent nothing that could be received here.
            continue
    return ""
