"""Channel estimation where noise differs from carrier to carrier and from symbol to symbol."""

import dataclasses
import functools

import numpy as np
from scipy.stats import gamma

from gvc.phy.receiver.channel_estimator import ChannelEstimator, Smoothing
from gvc.phy.receiver.interpolation import TimeInterpolator, TimeWeights

SURE = 2e-5
"""Probability that a calm symbol or carrier counts as hit; beside one that is hit, NEAR."""
NEAR = 0.02
_PASSES = 4
_LEAST = 1e-9
"""Noise variance, where the power of a burst is near 1."""
_REACH = 3
"""Carriers on each side over which noise that nothing disturbs is averaged."""


@functools.lru_cache(maxsize=1024)
def highest(probability: float, squares: int) -> float:
    """What the mean of so many exponential squares of mean 1 passes with this probability."""
    return float(gamma.isf(probability, squares) / squares)


def beside(hit: np.ndarray, candidate: np.ndarray) -> np.ndarray:
    """`hit`, and of `candidate` what touches it directly or through other candidates: bool [n] each."""
    while True:
        side = np.zeros(len(hit), bool)
        side[1:] |= hit[:-1]
        side[:-1] |= hit[1:]
        fresh = side & candidate & ~hit
        if not fresh.any():
            return hit
        hit = hit | fresh


@dataclasses.dataclass
class UnevenEstimate:
    """trained complex64 [rx, T, K] and response complex64 [rx, M, K]; noise variance of training by carrier, `carriers`
    [rx, K], and what each symbol has beyond, `symbols` [rx, T]; `inherited` [rx, M, K], variance of the response's
    error; channel power `signal` [rx].
    """

    trained: np.ndarray
    response: np.ndarray
    carriers: np.ndarray
    symbols: np.ndarray
    inherited: np.ndarray
    signal: np.ndarray


class UnevenEstimation:
    """Learns the noise of carriers and symbols from what smoothing leaves of the training, and smooths anew.

    Carriers and symbols that stand out of the others are told apart strongest first, because what hits one carrier
    spreads with the smoothing; around a sure one, the threshold is lower. All others have the noise of their
    neighbourhood. An estimator with `design` is then asked for a smoother that trusts hit carriers less; another one
    keeps its own, and only the claim follows.

    Args:
        estimator: of the link.
        interpolator: over time.
        group: training symbols before the payload.
    """

    def __init__(self, estimator: ChannelEstimator, interpolator: TimeInterpolator, group: int):
        self._estimator = estimator
        self._interpolator = interpolator
        self._group = group

    def first_look(self, early: np.ndarray, smoothing: Smoothing) -> tuple[np.ndarray, Smoothing]:
        """Noise by carrier, [K], mean over antennas, from the training before the payload alone, complex64 [rx, T, K],
        which is too short for the channel to change much; and a smoother for it, `smoothing` where it is even.
        """
        training = early.shape[1]
        apart = np.sum(np.abs(early - early.mean(axis=1, keepdims=True)) ** 2, axis=1)
        raw = np.maximum(apart / (training - 1), _LEAST)
        hit = _stand_out(raw, np.zeros(raw.shape[1], bool), len(raw) * (training - 1), whole=True)
        noise = np.where(hit, raw, _local(raw, ~hit)).mean(axis=0)
        if hit.any() and hasattr(self._estimator, "design"):
            signal = max(float(np.mean(np.abs(early) ** 2) - noise.mean()), 1e-3 * float(noise.mean()))
            smoothing = self._estimator.design(noise / signal / self._group)
        return noise, smoothing

    def estimate(
        self, observed: np.ndarray, lost: np.ndarray, loud: np.ndarray, noise: np.ndarray, smoothing: Smoothing,
        payload: int,
    ) -> UnevenEstimate:  # fmt: skip
        """observed complex64 [rx, T, K], aligned in time, of which symbols `lost`, bool [T], hold nothing and only the
        `loud`, bool [T], may be hit: others stand out where the channel changes as interpolation does not expect.
        `noise` [K] and `smoothing` of the first look; `payload` symbols in the burst.
        """
        times = self._interpolator.times(payload)
        rx = len(observed)
        power = np.mean(np.abs(observed[:, ~lost]) ** 2, axis=(1, 2))
        symbols = np.where(lost, 2 * np.mean(np.abs(observed) ** 2, axis=2), 0.0)
        carriers = _neighbours(observed[:, ~lost])[:, None] * noise / np.median(noise)
        hit_symbols, hit_carriers = lost.copy(), np.zeros(len(noise), bool)
        settled = False
        for turn in range(_PASSES + 1):
            base = np.median(carriers, axis=1)
            signal = np.maximum(power - carriers.mean(axis=1), 1e-3 * power)
            best = int(np.argmax(signal / base))
            after = smoothing.noise_after(carriers)
            relative = (base[best] + symbols[best]) / signal[best] * float(np.mean(after[best])) / base[best]
            weights = self._interpolator.design(*times, relative)
            over = smoothing.apply(observed)
            trained = weights.training @ over
            if settled or np.count_nonzero(~hit_symbols) < 4:
                break
            residual = np.abs(observed - trained) ** 2
            before = hit_symbols
            used = ~hit_symbols
            if np.count_nonzero(used & ~loud) >= 4:  # one symbol that is hit makes carriers stand out by chance
                used &= ~loud
            raw, free = _raw_noise(residual[:, used], weights, used, smoothing, after)
            hit_carriers = _stand_out(raw, hit_carriers, rx * free, whole=turn == _PASSES - 1)
            carriers = np.where(hit_carriers, raw, _local(raw, ~hit_carriers))
            excess = _excess(residual, weights, smoothing, after, carriers, ~hit_carriers)
            limit = highest(SURE, rx * int(np.count_nonzero(~hit_carriers)) or 1)
            strongest = excess[loud].max(initial=0)
            hit_symbols = hit_symbols | (loud & (excess > max(1.2 * limit, 0.25 * strongest)))
            symbols = np.where(hit_symbols, np.maximum(excess - 1, 0), 0.0) * np.median(carriers, axis=1)[:, None]
            if hit_carriers.any() and hasattr(self._estimator, "design"):
                smoothing = self._estimator.design(carriers[best] / signal[best] / self._group)
            calm = not hit_carriers.any() and np.array_equal(hit_symbols, before)
            settled = turn == _PASSES - 1 or (turn > 0 and calm)
        response = weights.payload @ over
        missed = signal[:, None, None] * (weights.bias[:, None] + smoothing.bias)
        inherited = after[:, None] * weights.noise_gain[:, None] + missed
        return UnevenEstimate(
            trained.astype(np.complex64), response.astype(np.complex64), carriers, symbols, inherited, signal
        )


def _neighbours(observed: np.ndarray) -> np.ndarray:
    """Noise variance from differences of neighbouring symbols, most elements of which are calm: [rx], above 0."""
    apart = np.median(np.abs(np.diff(observed, axis=1)) ** 2, axis=(1, 2)) / (2 * np.log(2))
    return np.maximum(apart, _LEAST)


def _raw_noise(
    residual: np.ndarray, weights: TimeWeights, used: np.ndarray, smoothing: Smoothing, after: np.ndarray
) -> tuple[np.ndarray, int]:
    """Noise by carrier, [rx, K], from residual [rx, used symbols, K], and the squares that each value is the mean of.

    As in `TimeWeights.residual_share`, but what the smoother brings from other carriers is taken off, not divided off.
    """
    own = float(np.mean(np.diag(weights.training)[used]))
    gain = float(np.mean(np.sum(weights.training[used] ** 2, axis=1)))
    left = residual.mean(axis=1)
    raw = (left - gain * after) / (1 - 2 * smoothing.self_weight * own)
    free = np.count_nonzero(used) * (1 - own * float(np.mean(smoothing.self_weight)))
    return np.maximum(raw, 0.2 * left + _LEAST), max(1, round(free))


def _stand_out(raw: np.ndarray, before: np.ndarray, squares: int, whole: bool) -> np.ndarray:
    """Which carriers are hit, bool [K]: all of them if `whole`, else those within 10 dB of the strongest are added."""
    typical = np.median(raw[:, ~before], axis=1, keepdims=True) if not before.all() else raw
    relative = np.mean(raw / typical, axis=0)
    hit = before | (relative > max(highest(SURE, squares), 0 if whole else 0.1 * relative.max()))
    return beside(hit, relative > highest(NEAR, squares)) if whole else hit


def _excess(
    residual: np.ndarray, weights: TimeWeights, smoothing: Smoothing, after: np.ndarray, carriers: np.ndarray,
    calm: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Residual power of each symbol over what the carriers' noise explains: [T]."""
    if not calm.any():
        return np.ones(residual.shape[1])
    brought = float(np.mean(after / carriers))
    own = np.diag(weights.training) * float(np.mean(smoothing.self_weight))
    share = np.maximum(1 - 2 * own + np.sum(weights.training**2, axis=1) * brought, 0.05)
    return np.mean(residual[:, :, calm] / carriers[:, None, calm], axis=(0, 2)) / share


def _local(values: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Mean of the values [rx, K] in use around each carrier; of all in use where there is none."""
    window = np.ones(2 * _REACH + 1)
    count = np.convolve(used, window, "same")
    total = np.stack([np.convolve(np.where(used, row, 0), window, "same") for row in values])
    whole = values[:, used].mean(axis=1, keepdims=True) if used.any() else values.mean(axis=1, keepdims=True)
    return np.where(count > 0, total / np.maximum(count, 1), whole)
