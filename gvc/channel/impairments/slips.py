"""Samples that a converter or a bus loses, or delivers twice."""

import numpy as np

from gvc.channel import parameters as check
from gvc.channel.impairments.events import Events
from gvc.channel.impairments.impairment import Impairment, Place, Setting
from gvc.errors import ConfigError

MOST = 10**6


class Slips(Impairment):
    """At each event `missing` samples are left out, or the last `doubled` samples come again; on all antennas at once.

    Give one of the two. The very last sample of a stream is never left out. Samples after the first event count as
    hit. at, every_s, period_s: see `Events`.

    >>> bus = Slips(Setting(1e6, 1, 0, "slips"), missing=2, at=[3])
    >>> stretch = np.arange(8).astype(np.complex64)[None]
    >>> np.concatenate([bus.apply(stretch, 0), bus.finish(stretch[:, :0])], axis=1).real.tolist()
    [[0.0, 1.0, 2.0, 5.0, 6.0, 7.0]]
    """

    place = Place.CONVERTER

    def __init__(
        self,
        setting: Setting,
        *,
        missing: int | None = None,
        doubled: int | None = None,
        at: list[int] | None = None,
        every_s: float | None = None,
        period_s: float | None = None,
    ):
        if (missing is None) == (doubled is None):
            raise ConfigError("give either missing or doubled, a number of samples")
        key, value = ("missing", missing) if doubled is None else ("doubled", doubled)
        count = check.whole(key, value, 1, MOST, "samples")
        self._jump = count if doubled is None else -count
        self._events = Events(setting, at=at, every_s=every_s, period_s=period_s)
        if self._events.closest < count:
            raise ConfigError(
                f"{key} = {count} samples, but they come {self._events.closest:g} samples apart: give fewer"
            )
        # From sample _out[k] of what comes out on, samples come from _in[k] of what goes in.
        self._out, self._in, self._done = [0], [0], 0
        self._sent = self._arrived = 0
        self._history = np.zeros((setting.rx_antennas, 0), np.complex64)

    def apply(self, stretch: np.ndarray, first: int) -> np.ndarray:
        self._history = np.concatenate([self._history, stretch], axis=1)
        self._arrived = first + stretch.shape[1]
        # The newest sample waits: it might be the last one.
        return self._send(self._outputs(max(self._arrived - 1, 0)))

    def finish(self, stretch: np.ndarray) -> np.ndarray:
        if not self._arrived:
            return stretch
        rest = self._send(self._outputs(self._arrived))
        is_left_out = self._in[-1] >= self._arrived
        return np.concatenate([rest, self._history[:, -1:]], axis=1) if is_left_out else rest

    def hit(self, samples: np.ndarray) -> np.ndarray:
        self.source(samples)
        return np.searchsorted(self._out, samples, "right") > 1

    def source(self, samples: np.ndarray) -> np.ndarray:
        latest = int(samples.max(initial=-1))
        while self._until(self._in[-1] + latest - self._out[-1] + 1):
            pass
        piece = np.searchsorted(self._out, samples, "right") - 1
        return np.array(self._in)[piece] + samples - np.array(self._out)[piece]

    def _until(self, stop: int) -> bool:
        """Take in the next event if it comes before input sample `stop`; whether it does."""
        positions = self._events.before(stop)
        if self._done >= len(positions) or positions[self._done] >= stop:
            return False
        place = max(int(positions[self._done]), self._in[-1])
        self._done += 1
        self._out.append(self._out[-1] + place - self._in[-1])
        self._in.append(max(place + self._jump, 0))
        return True

    def _outputs(self, stop: int) -> int:
        """How many samples have come out when those before `stop` have gone in."""
        while self._until(stop):
            pass
        return self._out[-1] + max(0, stop - self._in[-1])

    def _send(self, stop: int) -> np.ndarray:
        wanted = self.source(np.arange(self._sent, stop))
        self._sent = max(self._sent, stop)
        oldest = self._arrived - self._history.shape[1]
        sent = self._history[:, wanted - oldest]
        keep = 1 + max(0, -self._jump)
        self._history = self._history[:, max(0, self._history.shape[1] - keep) :].copy()
        return sent
