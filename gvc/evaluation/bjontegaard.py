"""Bjontegaard differences: how much rate one codec saves over another at equal quality, and the quality at equal rate.

G. Bjontegaard, "Calculation of average PSNR differences between RD-curves", VCEG-M33, 2001, with piecewise cubic
(PCHIP) curves of the logarithm of rate in place of one polynomial, as in JVET's and MPEG VCM's common test conditions
(F. Bossen, JVET-T2010, 2020; ITU-T HSTP-VID-WPOM, 2020), or Akima's, which is closer to measured curves (Herglotz et
al., "Beyond Bjontegaard", ICIP 2022). Those conditions ask for four rates a curve or more.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from gvc.bootstrap import mean_ci95
from gvc.errors import GvcError, InputError

Method = Literal["pchip", "akima"]


TOO_FEW = "a curve needs two points of different rate and quality"


class NotComparable(GvcError):
    """Two curves have no difference that means anything; the message is the reason that is reported."""


@dataclass(frozen=True)
class RateCurve:
    """The points of one codec on one clip: `rate` of any unit above 0, `quality` in the metric's, each [points].

    A metric that falls as pictures get better, such as LPIPS, has `higher_is_better=False`. With `pareto`, points that
    another one beats at no more rate are left out, as MPEG VCM does for task metrics, which are noisy; without, such a
    curve is refused.

    Raises InputError for points that do not pair, and for rates or qualities out of range.
    """

    rate: np.ndarray
    quality: np.ndarray
    higher_is_better: bool = True
    pareto: bool = False

    def __post_init__(self) -> None:
        rate, quality = (np.asarray(values, np.float64) for values in (self.rate, self.quality))
        if rate.ndim != 1 or rate.shape != quality.shape:
            raise InputError(f"rates {list(rate.shape)} and qualities {list(quality.shape)}: give one of each a point")
        if not (np.isfinite(rate) & (rate > 0)).all() or not np.isfinite(quality).all():
            raise InputError("a curve's rates are finite and above 0, and its qualities finite")
        object.__setattr__(self, "rate", rate)
        object.__setattr__(self, "quality", quality)

    def points(self) -> tuple[np.ndarray, np.ndarray]:
        """(log10 of rate, quality, negated where lower is better), both float64 [points] and strictly rising.

        Raises NotComparable for fewer than two points, and where quality does not rise with rate.
        """
        if len(self.rate) < 2:
            raise NotComparable(TOO_FEW)
        order = np.lexsort((self.quality, self.rate))
        rate = np.log10(self.rate)[order]
        quality = (self.quality if self.higher_is_better else -self.quality)[order]
        if self.pareto:
            best = np.maximum.accumulate(quality)
            ahead = np.concatenate(([True], quality[1:] > best[:-1]))
            # of several points at one rate, the last is the best
            ahead[:-1] &= ~(ahead[1:] & (rate[1:] == rate[:-1]))
            rate, quality = rate[ahead], quality[ahead]
        if len(rate) < 2:
            raise NotComparable(TOO_FEW)
        if (falls := np.flatnonzero((np.diff(quality) <= 0) | (np.diff(rate) <= 0))).size:
            first, second = 10 ** rate[falls[0]], 10 ** rate[falls[0] + 1]
            raise NotComparable(f"quality does not rise between the rates {first:g} and {second:g}")
        return rate, quality


@dataclass(frozen=True)
class Difference:
    """A mean difference of two curves over the range that both cover.

    `value` is in percent (`bd_rate`) or in the metric's unit (`bd_quality`); `overlap` is the share of the range of
    both together, in 0..1, that `low`..`high` is: below about 0.75 the value says little of the curves as a whole.
    """

    value: float
    overlap: float
    low: float
    high: float


def bd_rate(anchor: RateCurve, test: RateCurve, method: Method = "pchip") -> Difference:
    """How much more rate, in percent, `test` takes than `anchor` for the same quality; negative where it saves.

    100 (10^d - 1), where d is the mean distance of the two curves of log10(rate) over quality.

    >>> anchor = RateCurve(np.array([1.0, 2, 4, 8]), np.array([30.0, 33, 36, 38]))
    >>> round(bd_rate(anchor, RateCurve(0.8 * anchor.rate, anchor.quality)).value, 9)
    -20.0

    Raises NotComparable where the curves have no quality in common, or quality does not rise with rate.
    """
    _same_direction(anchor, test)
    (rate_1, quality_1), (rate_2, quality_2) = anchor.points(), test.points()
    mean, overlap, low, high = _mean_distance(quality_1, rate_1, quality_2, rate_2, method, "quality")
    low, high = (low, high) if anchor.higher_is_better else (-high, -low)
    return Difference(100 * (10**mean - 1), overlap, low, high)


def bd_quality(anchor: RateCurve, test: RateCurve, method: Method = "pchip") -> Difference:
    """How much better `test` is than `anchor` at the same rate, in the metric's unit: of PSNR, BD-PSNR in dB.

    Positive is better, for metrics too where lower is better. `low` and `high` are rates.

    >>> anchor = RateCurve(np.array([1.0, 2, 4, 8]), np.array([30.0, 33, 36, 38]))
    >>> round(bd_quality(anchor, RateCurve(anchor.rate, anchor.quality + 1)).value, 9)
    1.0

    Raises NotComparable where the curves have no rate in common, or quality does not rise with rate.
    """
    _same_direction(anchor, test)
    mean, overlap, low, high = _mean_distance(*anchor.points(), *test.points(), method, "rate")
    return Difference(mean, overlap, 10**low, 10**high)


@dataclass(frozen=True)
class Summary:
    """A difference over several clips: the mean of the clips' values, as JVET averages them.

    `ci95` is the bootstrap interval over clips, None for fewer than two; `values` has one a clip in the order given,
    None where it cannot be compared, with the reason in `reasons` by the clip's position.
    """

    mean: float | None
    ci95: tuple[float, float] | None
    values: tuple[float | None, ...]
    reasons: dict[int, str]


def over_clips(
    clips: Sequence[tuple[RateCurve, RateCurve]],
    seed: int,
    difference: Callable[..., Difference] = bd_rate,
    **options: Any,
) -> Summary:
    """`bd_rate` (or another difference) of each clip's (anchor, test), their mean and its interval."""
    values: list[float | None] = []
    reasons = {}
    for index, (anchor, test) in enumerate(clips):
        try:
            values.append(difference(anchor, test, **options).value)
        except NotComparable as reason:
            values.append(None)
            reasons[index] = str(reason)
    known = np.array([value for value in values if value is not None], np.float64)
    return Summary(
        float(known.mean()) if known.size else None,
        mean_ci95(known, seed) if known.size > 1 else None,
        tuple(values),
        reasons,
    )


def _same_direction(anchor: RateCurve, test: RateCurve) -> None:
    if anchor.higher_is_better != test.higher_is_better:
        raise InputError("one curve says that higher is better and the other that lower is: they are of two metrics")


def _mean_distance(
    x_1: np.ndarray, y_1: np.ndarray, x_2: np.ndarray, y_2: np.ndarray, method: Method, what: str
) -> tuple[float, float, float, float]:
    """(mean of y_2 - y_1 over the x that both cover, that range's share of all, its two ends)."""
    low, high = max(x_1[0], x_2[0]), min(x_1[-1], x_2[-1])
    if high <= low:
        raise NotComparable(f"the curves have no {what} in common")
    areas = [float(_interpolated(x, y, method).integrate(low, high)) for x, y in ((x_1, y_1), (x_2, y_2))]
    overlap = (high - low) / (max(x_1[-1], x_2[-1]) - min(x_1[0], x_2[0]))
    return (areas[1] - areas[0]) / (high - low), float(overlap), float(low), float(high)


def _interpolated(x: np.ndarray, y: np.ndarray, method: Method) -> Any:
    from scipy.interpolate import Akima1DInterpolator, PchipInterpolator

    if method == "akima" and len(x) > 2:
        return Akima1DInterpolator(x, y)
    if method not in ("pchip", "akima"):
        raise InputError(f"unknown interpolation '{method}' (known: akima, pchip)")
    return PchipInterpolator(x, y)
