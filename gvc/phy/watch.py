"""Is a burst as calm as its noise map says? A cheap test that sends the others to `recovery`."""

import functools

import numpy as np

from gvc.noise_map import NU_MIN
from gvc.phy.kernels import watch as kernels
from gvc.phy.numerology import Numerology
from gvc.phy.uneven_noise import highest

FALSE_ALARM = 1e-5
"""Probability that one symbol or carrier of a calm burst looks disturbed."""
DOUBTFUL = 5e-4
"""And that it looks so noisy that its own pilots and guard carriers are believed."""
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
        inherited: float,
    ) -> bool:
        """received, response complex64 [rx, M, K], variance float32 [rx, M, K], pilots float32 [M, P]; guards float32
        [rx, R] of all symbols after the header, `payload` int64 [M] among them; observed and trained complex64
        [rx, T, K], of whose noise `share` is in their difference; noise and signal float32 [rx]; rough float64 [rx],
        noise from neighbouring training symbols before the payload alone; inherited: of the noise, what is in response.

        Where it is not, single symbols may still be noisier than claimed: their variance is raised in place.
        """
        u = self._numerology
        total = float(noise.sum())
        counts = total > 10 * NU_MIN * float(signal.sum())
        if counts and total > _CHANGED * float(rough.sum()):
            return True
        if kernels.midambles_disagree(observed, 2 + u.header_symbols, float(rough.sum()), _HEARD, _KEPT):
            return True
        limits = self._limits(len(guards), len(payload), counts)
        quiet = kernels.quiet_symbols(guards, len(u.guard_bins), self._least * signal)
        energies = np.empty(len(payload))
        if kernels.symbols_stand_out(
            received, response, variance, pilots, u.pilot_index, quiet, payload, self._least, limits,
            inherited * total / max(float(signal.sum()), NU_MIN * total), energies,
        ):  # fmt: skip
            return True
        power = kernels.symbol_power(received, response, variance)
        if np.max(power) > kernels.most_power(power, observed.shape[2] ** -0.5):
            return True
        loudest = np.maximum(noise, NU_MIN * signal) * (share * _SPREAD * _limit(round(observed.shape[1] * share)))
        if kernels.carriers_stand_out(observed, trained, loudest):
            return True
        squares = len(guards) * (pilots.shape[1] + len(u.guard_bins))
        kernels.raise_claims(variance, energies, squares, squares * highest(DOUBTFUL, squares))
        return False

    def _make_limits(self, rx: int, symbols: int, counts: bool) -> np.ndarray:
        """See `kernels.symbols_stand_out`; too little noise `counts` only where there is some."""
        pilots, guards = rx * len(self._numerology.pilot_index), rx * len(self._numerology.guard_bins)
        single = [count * _limit(count) for count in (pilots, pilots + guards, guards)]
        high, low = (beyond + 3.9 / (pilots * symbols) ** 0.5 for beyond in (1.03, 1.06))
        wander = symbols / 2 + 2.1 * (2 * symbols) ** 0.5
        return np.array([*single, high, 1 / low if counts else 0.0, 5.0, 0.01, wander])


def _limit(squares: int) -> float:
    return highest(FALSE_ALARM, max(1, squares))
