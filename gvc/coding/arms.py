"""Arms: what can be sent and received, by name. An arm is a row: a name, a scheme, fixed options.

A name is that of a row of ROWS or of a configuration's `arms`, CODEC+ldpc for any codec, the registry name of a scheme,
or `package.module:Class` of one. NAME@OPTION gives a scheme a word of its own, for example `av1+ldpc@genie`,
`av1+ldpc@qpsk-1_2` or `capacity@0.1`; without it the configuration decides.
"""

import dataclasses
import inspect
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gvc import registry
from gvc.coding.scheme import ReceivedSlot, Scheme
from gvc.errors import ConfigError, InputError
from gvc.registry import nearest

DIGITAL = "+ldpc"
SIZES = 4
"""Slot sizes that an arm keeps schemes for."""
STAND_IN = 4096
"""Symbols of a slot where none is known yet."""


@dataclasses.dataclass(frozen=True)
class Row:
    """A scheme by its name of kind `scheme`, and options of its constructor that the configuration does not change."""

    scheme: str
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)


ROWS = {
    **{name: Row("jscc", {"receiver": name}) for name in ("jscc", "jscc+cddm", "A", "A+", "control", "C", "D", "P")},
    "softcast": Row("softcast"),
    "hybrid": Row("hybrid"),
    "capacity": Row("capacity"),
}

INCOMPLETE = frozenset({"digital"})
"""Schemes that are no arm by their name alone: they need a further option, here a codec."""


def names(config: Any = None) -> list[str]:
    """Every arm that has a name of its own, under a `gvc.config.LinkConfig`."""
    own = list(config.arms) if config is not None else []
    digital = [f"{codec}{DIGITAL}" for codec in registry.names("codec")]
    alone = (scheme for scheme in registry.names("scheme") if scheme not in INCOMPLETE)
    return list(dict.fromkeys([*own, *ROWS, *digital, *alone]))


def row(name: str, config: Any = None) -> Row:
    """The row called `name`, without @OPTION. Raises InputError that names the nearest, ConfigError where the
    configuration gives the name of an arm that there is to another.
    """
    own = config.arms.get(name) if config is not None else None
    if own is not None:
        if name in names():
            raise ConfigError(f"'arms.{name}': there is an arm of this name already, choose another")
        return Row(own.scheme, own.options)
    codec = name.removesuffix(DIGITAL)
    if codec != name and codec in registry.names("codec"):
        return Row("digital", {"codec": codec})
    if name in ROWS:
        return ROWS[name]
    if ":" in name or (name in registry.names("scheme") and name not in INCOMPLETE):
        return Row(name)
    known = names(config)
    raise InputError(f"unknown arm '{name[:100]}'{nearest(name, known)} (known: {', '.join(known)})")


class Arm:
    """An arm under a configuration: makes its schemes, and says of them what not every scheme has.

    Args:
        name: of the arm.
        config: a `gvc.config.LinkConfig`; None: schemes have their own defaults, and segments of one frame.
        fps: frames a second.
        scored: what `score` asks of schemes that have `scored`.

    Raises InputError for an unknown name or option, naming the nearest.
    """

    def __init__(self, name: str, config: Any = None, fps: float = 25.0, scored: Mapping[str, Any] | None = None):
        self.name = name
        self.base, at, option = name.partition("@")
        chosen = row(self.base, config)
        strategy = registry.resolve("scheme", chosen.scheme)
        self._kind = chosen.scheme
        options: dict[str, Any] = {}
        if config is not None and hasattr(strategy, "configured"):
            options = strategy.configured(config, option)
        elif at:
            raise InputError(f"{self.base} has nothing to adapt: write {self.base} alone")
        if scored and hasattr(strategy, "scored"):
            options |= strategy.scored(**scored)
        self._options = {**options, **chosen.options}
        self._given = {"segment_frames": config.segment.frames if config is not None else 1, "fps": fps}
        self._schemes: OrderedDict[int, Scheme] = OrderedDict()

    def scheme(self, count: int) -> Scheme:
        """The scheme for slots of `count` symbols; the same one for the same size. Raises InputError and its kin."""
        if count not in self._schemes:
            self._schemes[count] = self._made(count)
        self._schemes.move_to_end(count)
        if len(self._schemes) > SIZES:
            self._schemes.popitem(last=False)
        return self._schemes[count]

    def _made(self, count: int) -> Scheme:
        given: dict[str, Any] = {"count": count, **self._given}
        known: Any = next(iter(self._schemes.values()), None)
        if hasattr(known, "parts"):
            given["parts"] = known.parts
        return registry.create("scheme", self._kind, self._options, **given)

    @property
    def any_scheme(self) -> Any:
        """A scheme of some size, for what does not depend on that."""
        return next(reversed(self._schemes.values())) if self._schemes else self.scheme(STAND_IN)

    def _told(self, attribute: str, default: Any) -> Any:
        return getattr(self.any_scheme, attribute, default)

    @property
    def segment_frames(self) -> int:
        """Pictures of a segment, at most."""
        return self.any_scheme.segment_frames

    @property
    def payload_types(self) -> frozenset[int]:
        """What it decodes, as the burst header has it."""
        return frozenset(self.any_scheme.payload_types)

    @property
    def coder(self) -> int:
        """The burst header's `coder`: without one of the scheme's own, that of the arm's name."""
        from gvc.phy.identity import coder_of_name  # not before: a training machine lacks what the waveform needs

        own = self._told("coder", None)
        return coder_of_name(self.base) if own is None else own

    @property
    def sender(self) -> str:
        """Arms with the same sender send the same symbols."""
        return self._told("sender", self.name)

    @property
    def uses_feedback(self) -> bool:
        """Whether what the receiver feeds back changes what is sent."""
        return self._told("uses_feedback", True)

    @property
    def is_told(self) -> bool:
        """Whether a simulation says beforehand what the channel will do."""
        return hasattr(self.any_scheme, "tell")

    @property
    def denoises(self) -> bool:
        """Whether reception has a first stage, `Scheme.denoise`."""
        return self._told("denoises", False)

    @property
    def memoryless(self) -> bool:
        """Whether segments that nobody looks at may be left undecoded."""
        return self._told("memoryless", False)

    def check_running(self) -> "Arm":
        """Itself. Raises ConfigError for an arm that no running link can have: a genie or a bound."""
        if self._told("knows_channel", False):
            told = "knows the channel beforehand: it is for sweeps, not for a running link"
            raise ConfigError(f"arm '{self.name}' {told}")
        return self

    def load(self, sending: bool = True, receiving: bool = True) -> "Arm":
        """Itself, after making what either end makes at first use. Raises InputError and its kin."""
        self._told("load", lambda sending, receiving: None)(sending, receiving)
        return self

    def rehearse(self, slot: ReceivedSlot, height: int, width: int) -> None:
        """Do once all that reception may do, with a slot of count symbols."""
        scheme: Any = self.scheme(len(slot.symbols))
        if hasattr(scheme, "rehearse"):
            scheme.rehearse(slot, height, width)
        else:
            scheme.decode([slot], height, width)

    def reseed(self, seed: int) -> None:
        """Let draws of its own begin anew."""
        self._told("reseed", lambda seed: None)(seed)

    def tell(self, count: int, error: np.ndarray, noise_map: np.ndarray) -> None:
        """See `Scheme`; nothing where the scheme need not know."""
        getattr(self.scheme(count), "tell", lambda *_: None)(error, noise_map)

    def sources(self) -> list[Path]:
        """The file of a scheme from outside the repository, where there is one."""
        if not registry.is_outside("scheme", self._kind):
            return []
        file = inspect.getsourcefile(registry.resolve("scheme", self._kind))
        return [Path(file)] if file else []

    def weights(self) -> list[Path]:
        """Files that its results depend on."""
        return self._told("weights", list)()


def bind(arm: "str | Arm", config: Any = None, fps: float = 25.0) -> Arm:
    """An arm by its name under a `gvc.config.LinkConfig`; an `Arm` is itself. Raises InputError and its kin."""
    return arm if isinstance(arm, Arm) else Arm(arm, config, fps)
