"""Is a burst as calm as its noise map says? A cheap test that sends the others to `recovery`."""

import functools

import numpy as np

from gvc.noise_map import NU_MAX, NU_MIN
from gvc.phy.agreement import Agreement
from gvc.phy.kernels import watch as kernels
from gvc.phy.numerology import Numerology
from gvc.phy.receiver.uneven_noise import highest

FALSE_ALARM = 1e-7
"""Probability that one symbol or carrier of a calm burst looks disturbed."""
DOUBTFUL = 5e-4
"""And that it looks so noisy that its own pilots and guard carriers are believed."""
_LOUD = 6.0
"""Times the claimed noise up to which it is enough to believe a single symbol's own: its neighbours do not suffer."""
_PEAKS = 100
"""The peak limiter's noise lies in few symbols, up to so many times its mean; that is no disturbance."""
_CHANGED = 1.6
"""Noise over the whole training against that before the payload: more is not the header's channel any more."""
_HEARD, _KEPT = 1.5, 0.25
"""Signal over noise of a midamble from which on its coherence with the one before counts, and the least of it."""
_SPREAD = 1.25
"""Carriers' residuals differ by so much with the smoother's weight on each."""


class Watch:
    """Compares pilots, guard carriers and training with the claimed noise: each payload symbol with the pilots' and
    guard carriers' energy, their sum over the burst with its expectation, the pilots' gain, phase and wandering with
    none, each symbol's power and each carrier's residual in training with the others'.

    What is below the noise map's lower end, NU_MIN, does not count.
    """

    def __init__(self, numerology: Numerology, clip_noise: float):
        self._numerology = numerology
        self._least = max(NU_MIN, _PEAKS * clip_noise)
        self._limits = functools.lru_cache(maxsize=512)(self._make_limits)

    def calm(
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
        inherited: float,
    ) -> Agreement | None:
        """How well a calm burst agrees with itself; None for a disturbed one.

        received, response complex64 [rx, M, K], variance float32 [rx, M, K], pilots float32 [M, P]; guards float32
        [rx, R] of all symbols after the header, `payload` int64 [M] among them; observed and trained complex64
        [rx, T, K], of whose noise `share` is in their difference; noise and signal float32 [rx]; rough float64 [rx],
        noise from neighbouring training symbols before the payload alone; inherited: of the noise, what is in response.

        In a calm burst single symbols may still be noisier than claimed: their variance is raised in place.
        """
        u = self._numerology
        limits = self._limits(len(guards), len(payload), observed.shape[1], int(1000 * share))
        disturbed, agreement = kernels.disturbed(
            received, response, variance, pilots, u.pilot_index, guards, payload, observed, trained, noise, signal,
            rough, inherited, 2 + u.header_symbols, len(u.guard_bins), NU_MIN, NU_MAX, limits,
        )  # fmt: skip
        return None if disturbed else Agreement(*agreement)

    def _make_limits(self, rx: int, symbols: int, training: int, share: int) -> np.ndarray:
        """See `kernels.OWN`; share in thousandths."""
        pilots, guards = rx * len(self._numerology.pilot_index), rx * len(self._numerology.guard_bins)
        limits = np.zeros(15)
        for place, squares in (kernels.OWN, pilots), (kernels.TOGETHER, pilots + guards), (kernels.GUARDS, guards):
            limits[place] = squares * max(_LOUD, highest(FALSE_ALARM, squares))
        limits[kernels.DOUBTFUL] = (pilots + guards) * highest(DOUBTFUL, pilots + guards)
        limits[kernels.HIGH] = 1.03 + 4.5 / (pilots * symbols) ** 0.5
        limits[kernels.LOW] = 1 / (1.06 + 4.5 / (pilots * symbols) ** 0.5)
        limits[[kernels.DEVIATIONS, kernels.BEYOND]] = 5.0, 0.01
        limits[kernels.WANDER] = symbols / 2 + 2.1 * (2 * symbols) ** 0.5
        squares = max(1, training * share // 1000)
        limits[kernels.CARRIER] = 1e-3 * share * _SPREAD * highest(FALSE_ALARM, squares)
        limits[[kernels.CHANGED, kernels.HEARD, kernels.KEPT]] = _CHANGED, _HEARD, _KEPT
        limits[[kernels.COUNTS, kernels.LEAST]] = 10 * NU_MIN, self._least
        return limits
