"""Section `capacity` of a configuration."""

from pydantic import Field

from gvc.section import Options, Section


class CapacityOptions(Section):
    """Options of the strategy that `capacity` names."""

    codec: Options = Field(default_factory=dict)


class CapacityConfig(Section):
    """The bound: `codec` at the rate of an ideal code over the segment, or, with `outage` above 0, over single slots of
    which that share fails.
    """

    codec: str = "av1"
    outage: float = Field(0.0, ge=0, lt=1)
    options: CapacityOptions = CapacityOptions()
