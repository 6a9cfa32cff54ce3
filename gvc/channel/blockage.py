"""Any other channel behind something that comes between the antennas from time to time."""

from typing import Any

import numpy as np

from gvc import seeds
from gvc.channel import parameters as check
from gvc.channel.wrapper import Wrapper


class Blockage(Wrapper):
    """While the path is blocked, noise alone arrives: the two-state channel of Gilbert (Bell Syst. Tech. J. 39, 1960)
    with a bad state that passes nothing. Lengths of both states are exponential, all antennas are blocked together, and
    borders fall where they fall, into a burst too. SNR is that of the open path.

    Parameters beside those of `gvc.channel.base.Channel`:
        path: registry name of the channel in the open; its own parameters may be given too.
        blocked_share: of the time, 0 to 0.95.
        blocked_s: mean length of a blockage; an open stretch is 1 / blocked_share - 1 times as long.

    >>> channel = Blockage(sample_rate_hz=1e6, center_frequency_hz=2.4e9, blocked_share=0.2, blocked_s=1e-5)
    >>> round(float(channel.is_open(np.arange(40_000)).mean()), 1)
    0.8
    """

    name = "blockage"
    own_parameters = ("path", "blocked_share", "blocked_s")
    layer = 1

    def __init__(self, *, path: str = "awgn", blocked_share: float = 0.1, blocked_s: float = 0.1, **parameters: Any):
        super().__init__(path=path, **parameters)
        self.blocked_share = check.number("blocked_share", blocked_share)
        self.blocked_s = check.number("blocked_s", blocked_s)
        self._random = seeds.stream(self.seed, "channel/blockage")
        self._sample = 0  # of the output
        self._first_is_blocked = bool(self._random.random() < self.blocked_share)
        self._borders: list[int] = [self._length(self._first_is_blocked)]

    def propagate(self, samples: np.ndarray) -> np.ndarray:
        """See `Channel.propagate`."""
        return self._shade(super().propagate(samples))

    def tail(self) -> np.ndarray:
        """See `Channel.tail`."""
        return self._shade(super().tail())

    def genie_taps(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Channel.genie_taps`."""
        taps, lags = self._path.genie_taps(samples)
        return taps * self.is_open(np.asarray(samples))[:, None], lags

    def is_open(self, samples: np.ndarray) -> np.ndarray:
        """Whether the path is open at output samples int [k]: bool [k]."""
        while len(samples) and self._borders[-1] <= samples.max():
            blocked = self._first_is_blocked ^ len(self._borders) % 2
            self._borders.append(self._borders[-1] + self._length(bool(blocked)))
        state = np.searchsorted(self._borders, samples, "right") % 2
        return state == int(self._first_is_blocked)

    def _shade(self, received: np.ndarray) -> np.ndarray:
        start, self._sample = self._sample, self._sample + received.shape[1]
        with np.errstate(invalid="ignore"):  # NaN and infinite samples stay to be seen
            received *= self.is_open(np.arange(start, self._sample))
        return received

    def _length(self, blocked: bool) -> int:
        """Of the next stretch, samples."""
        if self.blocked_share == 0:
            return 1 if blocked else 1 << 62
        mean_s = self.blocked_s if blocked else self.blocked_s * (1 / self.blocked_share - 1)
        return max(1, round(self._random.exponential(mean_s) * self.sample_rate_hz))
