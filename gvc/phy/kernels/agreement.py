"""How far a received burst bears out what the receiver claims of it. Shapes and words as in `payload`."""

import math

import numba
import numpy as np

from gvc.phy.kernels.detection import FAST

_DOUBTFUL = 0.7
"""Gain below which a tone may be the reason."""
_STANDS_OUT = 6.0
"""Times the median carrier's power."""


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def agreement(
    observed: np.ndarray,
    header_symbols: int,
    received: np.ndarray,
    response: np.ndarray,
    variance: np.ndarray,
    pilots: np.ndarray,
    pilot_index: np.ndarray,
    highest: float,
) -> tuple[float, int, float, float, float, float]:
    """What the two below return, in one call."""
    payload = pilot_agreement(received, response, variance, pilots, pilot_index, highest)
    return payload + header_agreement(observed, header_symbols)


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def pilot_agreement(
    received: np.ndarray,
    response: np.ndarray,
    variance: np.ndarray,
    pilots: np.ndarray,
    pilot_index: np.ndarray,
    highest: float,
) -> tuple[float, int, float, float]:
    """Received payload pilots y against p h, p [M, P] sent and h the claimed response, with claimed noise variance v;
    received, response, variance [rx, M, K].

    Returns the misfit mean(|y - p h|^2 / v), which is 1 where the claims are right: of all symbols or, above 1.5, of
    the median one. Then, of pilots that are not erased, of which the equalised variance 1 / sum(|h|^2 / v) is at most
    `highest`: their number, the coherent gain sum(Re(h* p y) / v) over sum(|h|^2 / v), and its standard error, as
    claimed or as the pilots themselves show it, whichever is larger.
    """
    rx, symbols, _ = response.shape
    misfit = np.zeros(symbols)
    left = 0
    strength = coherent = spread = 0.0
    for m in range(symbols):
        for i in range(len(pilot_index)):
            k = pilot_index[i]
            expected = found = 0.0
            for a in range(rx):
                h = response[a, m, k]
                y = received[a, m, k] * pilots[m, i]
                d = y - h
                weight = np.float32(1) / variance[a, m, k]
                expected += weight * (h.real * h.real + h.imag * h.imag)
                found += weight * (y.real * h.real + y.imag * h.imag)
                misfit[m] += weight * (d.real * d.real + d.imag * d.imag) / (rx * len(pilot_index))
            if expected * highest >= 1:
                left += 1
                strength += expected
                coherent += found
                spread += (found - expected) ** 2
    # Where the mean is low, the median is too, and costs more.
    median = float(np.mean(misfit))
    if median > 1.5:
        median = float(np.median(misfit))
    if left == 0:
        return median, 0, 0.0, 0.0
    return median, left, coherent / strength, math.sqrt(max(spread, 0.5 * strength)) / strength


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def header_agreement(observed: np.ndarray, symbols: int) -> tuple[float, float]:
    """Coherent gain of the `symbols` header symbols over what was decoded, against the two long training symbols before
    them, over theirs; and its standard error. `observed` [rx, T, K] starts with these. It is 1 where both went through
    one channel. So that a channel or a gain that changes does not count against it, the gain is at least what
    neighbouring header symbols have in common, over their power without noise. And so that a tone does not, which is
    the same in both long training symbols, it is at least that of the carriers that do not stand out.
    """
    gain, error = _gain(observed, symbols, np.full(len(observed), np.inf))
    if gain > _DOUBTFUL:
        return gain, error
    highest = np.empty(len(observed))
    for a in range(len(observed)):
        one, two = observed[a, 0], observed[a, 1]
        highest[a] = _STANDS_OUT * np.median(np.square((one + two).real) + np.square((one + two).imag)) / 4
    again, error_again = _gain(observed, symbols, highest)
    return (again, error_again) if again > gain and error_again < 1 else (gain, error)


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def _gain(observed: np.ndarray, symbols: int, highest: np.ndarray) -> tuple[float, float]:
    """The same over carriers where the long training has at most the power `highest` [rx]."""
    rx, _, carriers = observed.shape
    first = power = coherent = common = loud = 0.0
    kept = 0
    each = np.zeros(rx * carriers)
    for a in range(rx):
        for k in range(carriers):
            one, two = observed[a, 0, k], observed[a, 1, k]
            mean = np.complex64(0.5) * (one + two)
            if mean.real * mean.real + mean.imag * mean.imag > highest[a]:
                continue
            kept += 1
            d = one - two
            noise = 0.5 * (d.real * d.real + d.imag * d.imag)
            first += mean.real * mean.real + mean.imag * mean.imag - 0.5 * noise
            loud += noise
            total = last = np.complex64(0)
            for r in range(2, 2 + symbols):
                o = observed[a, r, k]
                power += o.real * o.real + o.imag * o.imag - noise
                common += o.real * last.real + o.imag * last.imag
                total += o
                last = o
            each[a * carriers + k] = (total.real * mean.real + total.imag * mean.imag) / symbols
            coherent += each[a * carriers + k]
    if not (first > 0 and power > 0):
        return 1.0, 1.0
    near = common / (symbols - 1) / (power / symbols) if symbols > 1 else 0.0
    # The error of the header's part, and of the long training's: |h|^2 s + s^2 / 2 an element, with noise variance s.
    level = loud / kept
    own = len(each) * np.var(each)
    reference = (coherent / first) ** 2 * (first * level + 0.5 * kept * level * level)
    return max(coherent / first, near), math.sqrt(own + reference) / first
