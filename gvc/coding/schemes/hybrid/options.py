"""Section `hybrid` of a configuration."""

from pydantic import Field

from gvc.section import Options, Section


class HybridOptions(Section):
    """Options of the strategies that `hybrid` names."""

    codec: Options = Field(default_factory=dict)
    refinement: Options = Field(default_factory=dict)


class HybridConfig(Section):
    """The hybrid: a digital base of `codec` and an analogue refinement of what it leaves.

    bandwidth: share of the channel uses that the base takes; power: share of the energy.
    """

    codec: str = "av1"
    refinement: str = "softcast"
    bandwidth: float = Field(0.5, gt=0, lt=1)
    power: float = Field(0.5, gt=0, lt=1)
    options: HybridOptions = HybridOptions()
