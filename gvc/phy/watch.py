"""Is a burst as calm as its noise map says? A cheap test that sends the others to `recovery`."""

import numpy as np

from gvc.noise_map import NU_MIN
from gvc.phy.kernels import watch as kernels
from gvc.phy.numerology import Numerology
from gvc.phy.uneven_noise import highest

FALSE_ALARM = 1e-5
"""Probability that one symbol or carrier of a calm burst looks disturbed."""


def _limit(squares: int) -> float:
    return highest(FALSE_ALARM, squares)


_PEAKS = 100
"""The peak limiter's noise lies in few symbols, up to so many times its mean; that is no disturbance."""

_CHANGED = 1.8


class Watch:
    """Compares pilots, guard carriers and training with the claimed noise, symbol by symbol and carrier by carrier.

    What is below the noise map's lower end, NU_MIN, does not count.
    """

    def __init__(self, numerology: Numerology, clip_noise: float):
        self._numerology = numerology
        self._least = max(NU_MIN, _PEAKS * clip_noise)

    def disturbed(
        self,
        received: np.ndarray,
        response: np.ndarray,
        variance: np.ndarray,
        pilots: np.ndarray,
        guards: np.ndarray,
        payload: np.ndarray,
        observed: np.ndarray,
        trained: np.ndarray,
        noise: np.ndarray,
        signal: np.ndarray,
        rough: np.ndarray,
        share: float,
    ) -> bool:
        """received, response complex64 [rx, M, K], variance float32 [rx, M, K], pilots float32 [M, P]; guards float32
        [rx, R] of all symbols after the header, `payload` int64 [M] among them; observed and trained complex64
        [rx, T, K], of whose noise `share` is in their difference; noise and signal float32 [rx]; rough
        float64 [rx], noise from neighbouring training symbols before the payload alone.
        """
        u = self._numerology
        energy, along, across, expected = kernels.pilot_deviation(
            received, response, variance, pilots, u.pilot_index, self._least
        )
        rx, symbols = len(guards), len(payload)
        squares, empty = rx * pilots.shape[1], rx * len(u.guard_bins)
        usual = np.maximum(np.median(guards, axis=1, keepdims=True), self._least * signal[:, None])
        quiet = (guards / usual).sum(axis=0) * len(u.guard_bins)
        # Single symbols: pilots and guard carriers together, and each alone.
        if (energy + quiet[payload]).max() > (squares + empty) * _limit(squares + empty):
            return True
        if energy.max() > squares * _limit(squares) or quiet.max() > empty * _limit(empty):
            return True
        # The whole payload: its gain, its phase, its noise.
        deviation = 5 / expected.sum() ** 0.5 + 0.01
        gain, turn = along.sum() / expected.sum(), across.sum() / expected.sum()
        if abs(gain - 1) > deviation or abs(turn) > deviation:
            return True
        total = energy.sum() / (squares * symbols)
        spread = 1.03 + 3.3 / (squares * symbols) ** 0.5
        counts = float(noise.sum()) > 10 * NU_MIN * float(signal.sum())
        if total > spread or (counts and total < 1 / spread):
            return True
        if 2 * np.sum(across**2 / expected) > symbols + 4.2 * (2 * symbols) ** 0.5:
            return True
        # The midambles: a channel that is not the header's any more leaves what looks like noise.
        if counts and noise.sum() > _CHANGED * rough.sum():
            return True
        # Single carriers.
        floor = np.maximum(noise, NU_MIN * signal)[:, None] * share
        by_carrier = kernels.residual_by_carrier(observed, trained)
        return bool(np.max(by_carrier / floor) > 1.25 * _limit(round(observed.shape[1] * share)))
