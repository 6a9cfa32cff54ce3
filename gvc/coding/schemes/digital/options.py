"""Section `digital` of a configuration."""

from typing import Literal

from pydantic import Field

from gvc.section import Options, Section


class DigitalOptions(Section):
    """Options of the strategy that `digital` names."""

    adaptation: Options = Field(default_factory=dict)


class DigitalConfig(Section):
    """The digital arms: what `gvc.coding.schemes.digital.scheme.Digital` takes.

    preset: of the video codec, `random-access` or `low-delay`. depth: slots that a transport block spans, None for the
    segment. adaptation: `table` picks the MCS by the measured table of `table` at the SNR fed back, less `margin_db`;
    `genie` knows what will be decoded; `fixed` takes `mcs`. feedback_delay: frames from measuring to sending;
    feedback_window: frames whose SNR is averaged.
    """

    preset: Literal["random-access", "low-delay"] = "random-access"
    depth: int | None = Field(None, ge=1, le=128)
    adaptation: str = "table"
    mcs: str = "qpsk-1_2"
    table: str = "sim-awgn"
    margin_db: float = Field(0.0, ge=-20, le=20)
    feedback_delay: int = Field(4, ge=0, le=10000)
    feedback_window: int = Field(16, ge=1, le=10000)
    options: DigitalOptions = DigitalOptions()
