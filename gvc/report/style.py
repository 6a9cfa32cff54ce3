"""One look for every figure, in a light and a dark version that also read in grey."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib
from cycler import cycler

matplotlib.use("Agg")


@dataclass(frozen=True)
class Theme:
    """Colours of one version. `arms` differ in lightness, and `dashes` in stroke, so that no colour is needed."""

    name: str
    paper: str
    ink: str
    muted: str
    grid: str
    arms: tuple[str, ...]
    warning: str
    density: str


LIGHT = Theme(
    "light",
    "#ffffff",
    "#1b1f24",
    "#68707a",
    "#e4e7eb",
    ("#1f4e9c", "#e07a1f", "#2f9e77", "#9b5fc0", "#7a5230", "#c2185b"),
    "#b3261e",
    "Blues",
)
DARK = Theme(
    "dark",
    "#16191e",
    "#e8eaed",
    "#98a1ab",
    "#2b3037",
    ("#6fa3ff", "#ffb469", "#6fd6b0", "#cfa3ec", "#d2b48c", "#ff8fc0"),
    "#ff8a80",
    "bone",
)
THEMES = (LIGHT, DARK)
TITLES = {"reference": "Original", "jscc": "JSCC", "jscc+cddm": "JSCC + CDDM", "control": "Control"}
DASHES = ((0, (4, 1.6)), "solid", (0, (1, 1)), (0, (6, 1.5, 1, 1.5)), (0, (9, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
HEAT = "cividis"
DIFFERENCE = "magma"
WIDTH_INCHES = 10.4
HALF_INCHES = 5.1
DPI = 160


def title(arm: str) -> str:
    """How an arm is called in headings."""
    return TITLES.get(arm, arm)


def stroke(theme: Theme, index: int, marked: bool = False) -> dict[str, Any]:
    """How the line of the `index`-th arm is drawn: 30 are told apart without markers, 210 with them.

    Earlier lines lie on top, dashed: where two arms agree, both can be seen.
    """
    line = {"color": theme.arms[index % len(theme.arms)], "ls": DASHES[index % len(DASHES)], "zorder": 3 - 0.1 * index}
    return {**line, "marker": MARKERS[index % len(MARKERS)]} if marked else line


@contextmanager
def applied(theme: Theme) -> Iterator[None]:
    """matplotlib's settings for figures made inside the block."""
    settings = {
        "figure.facecolor": theme.paper,
        "savefig.facecolor": theme.paper,
        "savefig.dpi": DPI,
        "axes.facecolor": theme.paper,
        "axes.edgecolor": theme.muted,
        "axes.labelcolor": theme.muted,
        "axes.titlecolor": theme.ink,
        "axes.titlesize": 10,
        "axes.titleweight": "semibold",
        "axes.titlelocation": "left",
        "axes.titlepad": 8,
        "axes.labelsize": 9,
        "axes.linewidth": 0.7,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.prop_cycle": cycler(color=theme.arms),
        "grid.color": theme.grid,
        "grid.linewidth": 0.7,
        "text.color": theme.ink,
        "xtick.color": theme.muted,
        "ytick.color": theme.muted,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "font.family": ["DejaVu Sans"],
        "font.size": 9,
        "legend.frameon": False,
        "legend.fontsize": 8.5,
        "lines.linewidth": 1.7,
        "lines.solid_capstyle": "round",
        "figure.constrained_layout.use": True,
    }
    with matplotlib.rc_context(settings):
        yield
