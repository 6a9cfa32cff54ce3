"""The file of a sweep: which point function, over which parameters, with how many seeds."""

import itertools
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, Strict, model_validator

from gvc.errors import ConfigError
from gvc.permission import refuse_code
from gvc.section import Section, checked, load_mapping


class Seeds(Section):
    """Seeds 1 to `min` are always run, more, in steps of `batch`, up to `max` until the stop rule is content."""

    min: int = Field(1, ge=1)
    max: int | None = Field(None, ge=1)
    batch: int = Field(8, ge=1)

    @model_validator(mode="after")
    def _in_order(self) -> "Seeds":
        if self.max is not None and self.max < self.min:
            raise ValueError("max is below min")
        return self

    @property
    def most(self) -> int:
        """The largest seed."""
        return self.max or self.min


class Stop(Section):
    """A cell is done when `column` has a 95 % interval no wider than `ci95_width`, or adds up to `errors`, in each
    group of its rows that differ in `by`.
    """

    column: str
    ci95_width: float | None = Field(None, gt=0)
    errors: float | None = Field(None, gt=0)
    by: Annotated[tuple[str, ...], Strict(False)] = ("arm",)

    @model_validator(mode="after")
    def _has_a_rule(self) -> "Stop":
        if (self.ci95_width is None) == (self.errors is None):
            raise ValueError("give one of ci95_width and errors")
        return self


class SweepConfig(Section):
    """point: registry name of kind `point`, or package.module:function. Every combination of `grid` with `fixed` is a
    cell, run with each seed.
    """

    name: str
    description: str = ""
    point: str = "link"
    fixed: dict[str, Any] = Field(default_factory=dict)
    grid: dict[str, list[Any]] = Field(default_factory=dict)
    seeds: Seeds = Seeds()
    stop: Stop | None = None

    @property
    def cells(self) -> list[dict[str, Any]]:
        """The parameters of each cell, in the order of the grid."""
        combinations = itertools.product(*self.grid.values())
        return [{**self.fixed, **dict(zip(self.grid, values, strict=True))} for values in combinations]


def load(path: str | Path) -> SweepConfig:
    """The checked file; raises ConfigError naming an unknown key and the nearest known one, and where its point is code
    that the caller has not allowed (`gvc.permission`).
    """
    config = checked(SweepConfig, load_mapping(Path(path), "sweep file", "docs/sweeps.md"))
    refuse_code({"point": config.point}, f"sweep file '{path}'")
    both = set(config.fixed) & set(config.grid)
    if both:
        raise ConfigError(f"'{path}': {', '.join(sorted(both))} is in fixed and in grid")
    empty = [key for key, values in config.grid.items() if not values]
    if config.seeds.max is not None and config.stop is None:
        raise ConfigError(f"'{path}': seeds.max is for a stop rule, and there is no `stop`")
    if empty:
        raise ConfigError(f"'{path}': grid.{empty[0]} has no values")
    return config
