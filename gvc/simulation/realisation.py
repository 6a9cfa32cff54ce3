"""One realisation of channel and receiver, the same for everything that is sent through it."""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from gvc import seeds
from gvc.decibel import mean_db
from gvc.noise_map import NU_MAX
from gvc.phy.frames import ReceivedFrame, SymbolFrame
from gvc.phy.numerology import Numerology
from gvc.phy.shape import PictureShape
from gvc.simulation.offline import channel_of, receiver_of, send

WARM_UP = 16
"""Slots sent before the first one that counts, unless told otherwise: what the receiver can have fed back by then."""


@dataclass(frozen=True)
class Probe:
    """What known symbols showed of each slot: error complex64 and noise_map float32 [slots, count] (0 and NU_MAX where
    lost), and the received Es/N0 snr_db float [warm-up + slots], NaN where lost, warm-up slots first.
    """

    error: np.ndarray
    noise_map: np.ndarray
    snr_db: np.ndarray

    def feedback_db(self, slot: int, delay: int, window: int = 16) -> float:
        """Mean Es/N0 [dB] over the `window` slots that were received `delay` slots before `slot` and earlier.

        -30 where all of these were lost. A slot that is sent knows nothing of itself: a delay of 0 is one of 1.
        """
        end = max(1, len(self.snr_db) - len(self.error) + slot + 1 - max(1, delay))
        known = self.snr_db[max(0, end - window) : end]
        mean = mean_db(known[np.isfinite(known)])
        return -30.0 if mean is None else mean


class Realisation:
    """Slots of a frame's worth of symbols, `interval_s` apart, over one draw of a simulated radio's channel.

    Bursts of equal length take equal samples, so the channel's state and noise are the same whatever the slots hold.

    Args:
        config: a `gvc.config.LinkConfig`.
        snr_db: mean Es/N0.
        seed: of the draw.
        height, width, latents: shape of a slot.
        interval_s: from the start of a slot to that of the next.
        warm_up: slots sent before the first one that counts.
    """

    def __init__(
        self,
        config: Any,
        snr_db: float,
        seed: int,
        height: int,
        width: int,
        latents: int,
        interval_s: float,
        warm_up: int = WARM_UP,
    ):
        self.height, self.width, self.latents = height, width, latents
        self._shape = PictureShape(height, width, latents)
        self.count = self._shape.elements
        self._warm_up = warm_up
        self._config, self._snr_db, self._seed = config, snr_db, seed
        self._interval_s = interval_s
        self._numerology = Numerology.load(config.phy.numerology)
        self.probe = functools.lru_cache(maxsize=2)(self._probe)

    def send(self, slots: list[tuple[np.ndarray, int, int]]) -> list[ReceivedFrame | None]:
        """(symbols complex64 [count], payload_type, mode) of each slot -> what came of each, None where nothing did."""
        sent = [(symbols, 0, 0) for symbols in self._known(self._warm_up, "warm-up")] + slots
        received = self._pass([SymbolFrame(i, s, self._shape, mode, kind, i == len(sent) - 1)
                               for i, (s, kind, mode) in enumerate(sent)])  # fmt: skip
        return received[self._warm_up :]

    def _probe(self, slots: int) -> Probe:
        """What the channel does to `slots` slots, learned from known QPSK symbols."""
        known = self._known(self._warm_up, "warm-up") + self._known(slots, "probe")
        frames = [SymbolFrame(i, s, self._shape, last=i == len(known) - 1)
                  for i, s in enumerate(known)]  # fmt: skip
        error = np.zeros((slots, self.count), np.complex64)
        noise_map = np.full((slots, self.count), NU_MAX, np.float32)
        snr_db = np.full(len(known), np.nan)
        for number, frame in enumerate(self._pass(frames)):
            if frame is None:
                continue
            snr_db[number] = frame.snr_db
            if number >= self._warm_up:
                row = number - self._warm_up
                noise_map[row] = frame.noise_map
                error[row] = np.where(frame.noise_map < NU_MAX, frame.symbols - known[number], 0)
        return Probe(error, noise_map, snr_db)

    def _pass(self, frames: list[SymbolFrame]) -> list[ReceivedFrame | None]:
        channel = channel_of(self._config, self._snr_db, self._seed)
        result: list[ReceivedFrame | None] = [None] * len(frames)
        for frame in send(self._numerology, frames, channel, receiver_of(self._config), self._interval_s):
            if frame.frame_id < len(frames):
                result[frame.frame_id] = frame
        return result

    def _known(self, slots: int, name: str) -> list[np.ndarray]:
        bits = seeds.stream(self._seed, f"realisation/{name}").integers(0, 2, (slots, 2 * self.count))
        return list(((1 - 2 * bits) * np.float32(0.5**0.5)).astype(np.float32).view(np.complex64))
