"""Whether a burst was understood: what was received of it bears out what the receiver says of it."""

import math
from typing import NamedTuple

import numpy as np

from gvc.noise_map import NU_MAX
from gvc.phy.kernels import agreement as kernels

LOWEST_GAIN = 0.5
"""Of a burst that is what it seems, against the channel estimate."""
LARGEST_MISFIT = 2.0
"""More noise than claimed: then it is the pilots' gain that has to show that there is a signal."""
_ERRORS = 5
"""So many standard errors below 1 a gain counts as low: few pilots in much noise prove nothing."""


class Agreement(NamedTuple):
    """Of a burst: `misfit` of its payload pilots, their squared error over the noise claimed for them, of all or, where
    that is high, in the median symbol; of the pilots that are not erased the number `left` and the coherent `gain`
    against the estimated response; `header_gain`, of the decoded header against the long training. Both gains are 1
    within their standard errors (`..._error`) for a burst that is what it seems.
    """

    misfit: float
    left: int
    gain: float
    gain_error: float
    header_gain: float
    header_gain_error: float

    @classmethod
    def of(
        cls,
        observed: np.ndarray,
        header_symbols: int,
        received: np.ndarray,
        response: np.ndarray,
        variance: np.ndarray,
        pilots: np.ndarray,
        pilot_index: np.ndarray,
    ) -> "Agreement":
        """From the training's least-squares responses, complex64 [rx, T, K], two of long training and the header's
        first; the payload, with the response and noise variance claimed for it, [rx, M, K]; pilots float32 [M, P] sent.
        """
        return cls(
            *kernels.agreement(observed, header_symbols, received, response, variance, pilots, pilot_index, NU_MAX)
        )

    @property
    def understood(self) -> bool:
        """False for a burst of which nothing is left; whose header or pilots contradict the channel estimate; or whose
        pilots show twice the noise claimed in more than half of it and no clear gain. Noise, however strong, is no
        contradiction while the noise map says so.
        """
        if not self.left or _low(self.gain, self.gain_error) or _low(self.header_gain, self.header_gain_error):
            return False
        if self.misfit < LARGEST_MISFIT + 4 / math.sqrt(self.left):
            return True
        return self.gain > LOWEST_GAIN + 2 * self.gain_error


def _low(gain: float, error: float) -> bool:
    return gain < LOWEST_GAIN and gain + _ERRORS * error < 1
