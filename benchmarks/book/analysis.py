"""What the tables of the sweeps say: means with intervals, cliffs, crossings, slopes, broadcast."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from gvc.bootstrap import mean_ci95

Row = dict[str, Any]
FIXED, ADAPTIVE, NEURAL = "av1+ldpc@qpsk-1_2", "av1+ldpc", "jscc+cddm"
HYBRID = "hybrid@qpsk-1_2"
BLOCKED, DELAY, MARGIN = "channel.options.blocked_share", "digital.feedback_delay", "digital.margin_db"
SPEED, REFINEMENT = "channel.speed_mps", "hybrid.refinement"
OUTAGE_DB = 18.0
"""PSNR of a clip below which the receiver is said to be in outage: half of its pictures or more are grey or frozen."""


@dataclass(frozen=True)
class Curve:
    """Means of a metric over SNR, or another number, with their 95 % intervals; lists of equal length, x rising."""

    x: list[float]
    mean: list[float]
    low: list[float]
    high: list[float]

    def at(self, x: float) -> float:
        """The mean, between two points by a straight line; NaN outside."""
        if not self.x or not self.x[0] <= x <= self.x[-1]:
            return float("nan")
        return float(np.interp(x, self.x, self.mean))


def curve(rows: Iterable[Row], metric: str, over: str = "snr_db", **where: Any) -> Curve:
    """The curve of the rows with these values; seeds (and whatever else differs) are averaged."""
    values: dict[float, list[float]] = {}
    for row in rows:
        if all(row.get(key) == value for key, value in where.items()) and row.get(metric) is not None:
            values.setdefault(float(row[over]), []).append(float(row[metric]))
    places = sorted(values)
    means = [float(np.mean(values[place])) for place in places]
    intervals = [mean_ci95(np.array(values[place]), 0) for place in places]
    return Curve(places, means, [low for low, _ in intervals], [high for _, high in intervals])


def values_of(rows: Iterable[Row], key: str) -> list[Any]:
    """The different values of a column, in order of appearance."""
    return list(dict.fromkeys(row[key] for row in rows if row.get(key) is not None))


def cbr_name(cbr: Any) -> str:
    """1/48 as it is written."""
    return str(Fraction(str(cbr)).limit_denominator(1000)) if "/" not in str(cbr) else str(cbr)


def cliff(fixed: Curve) -> tuple[float, float]:
    """Between which two SNRs a curve rises most steeply."""
    steps = np.diff(fixed.mean)
    place = int(np.argmax(steps))
    return fixed.x[place], fixed.x[place + 1]


def crossing(first: Curve, second: Curve) -> float | None:
    """The lowest SNR from which `first` stays above `second`, by straight lines between points; None where it is not
    above at the highest.
    """
    gap = np.array([first.at(snr) - second.at(snr) for snr in first.x])
    if not len(gap) or not np.isfinite(gap[-1]) or gap[-1] <= 0:
        return None
    below = np.flatnonzero(gap <= 0)
    if not len(below):
        return first.x[0]
    place = int(below[-1])
    share = -gap[place] / (gap[place + 1] - gap[place])
    return float(first.x[place] + share * (first.x[place + 1] - first.x[place]))


@dataclass
class Findings:
    """By (radio, cbr, clip): where the fixed MCS collapses, from which SNR adaptive AV1 is above JSCC+CDDM, and what
    the latter loses in 5 dB, at most and at that cliff; by (radio, cbr): mean and tenth percentile of PSNR over unequal
    receivers of one broadcast.
    """

    cliffs: dict[tuple, tuple[float, float]] = field(default_factory=dict)
    digital_above: dict[tuple, float | None] = field(default_factory=dict)
    steepest: dict[tuple, float] = field(default_factory=dict)
    at_cliff: dict[tuple, float] = field(default_factory=dict)
    gain_0_to_20_db: dict[tuple, float] = field(default_factory=dict)
    broadcast: dict[tuple, dict[str, tuple[float, float]]] = field(default_factory=dict)


def findings(tables: dict[str, list[Row]]) -> Findings:
    """What the page tells, from the table `main`."""
    result = Findings()
    rows = tables.get("main", [])
    for key in dict.fromkeys((row["radio"], row["cbr"], row["clip"]) for row in rows):
        here = [row for row in rows if (row["radio"], row["cbr"], row["clip"]) == key]
        curves = {arm: curve(here, "psnr_db", arm=arm) for arm in values_of(here, "arm")}
        neural = curves[NEURAL]
        result.cliffs[key] = cliff(curves[FIXED])
        result.digital_above[key] = crossing(curves[ADAPTIVE], neural)
        low, high = result.cliffs[key]
        result.steepest[key] = max(neural.at(snr + 5) - neural.at(snr) for snr in (0, 5, 10, 15, 20))
        result.at_cliff[key] = neural.at(high) - neural.at(low)
        result.gain_0_to_20_db[key] = neural.at(20) - neural.at(0)
    for place in dict.fromkeys((row["radio"], row["cbr"]) for row in rows):
        here = [row for row in rows if (row["radio"], row["cbr"]) == place and 0 <= row["snr_db"] <= 20]
        result.broadcast[place] = {
            arm: mean_and_tenth(here, arm=arm) for arm in values_of(here, "arm") if arm != ADAPTIVE
        }
    return result


def outage(rows: Iterable[Row], **where: Any) -> float:
    """Share of draws of which the clip comes out below `OUTAGE_DB`; NaN where there are none."""
    values = [row["psnr_db"] for row in rows if all(row.get(key) == value for key, value in where.items())]
    return float(np.mean(np.array(values) < OUTAGE_DB)) if values else float("nan")


def mean_and_tenth(rows: Iterable[Row], **where: Any) -> tuple[float, float]:
    """Mean and tenth percentile of PSNR over draws; NaN where there are none."""
    values = [row["psnr_db"] for row in rows if all(row.get(key) == value for key, value in where.items())]
    return (float(np.mean(values)), float(np.quantile(values, 0.1))) if values else (float("nan"),) * 2


def spread(values: Iterable[float | None], word: Callable[[float], str] = "{:.1f}".format) -> str:
    """Smallest to largest, in words."""
    known = [value for value in values if value is not None and np.isfinite(value)]
    if not known:
        return "nowhere"
    low, high = min(known), max(known)
    return word(low) if word(low) == word(high) else f"{word(low)} to {word(high)}"
