"""The bound that no separate coding passes: a video codec behind an ideal code at the channel's capacity."""

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np

from gvc import registry
from gvc.coding.concealment import Concealment
from gvc.coding.scheme import Decoded, ReceivedSlot, Slot
from gvc.errors import BudgetError, InputError
from gvc.phy.fec import capacity

QPSK = 1


class Capacity:
    """The codec's pictures at the bytes that an ideal code would carry, always decoded: a bound, not a link.

    These are the sum over the segment's symbols of log2(1 + 1 / noise) / 8 (C. E. Shannon, Bell Syst. Tech. J. 27,
    1948; `gvc.phy.fec.capacity`).

    A simulation tells what the channel will do; the slots hold QPSK that nobody reads, so that energy and bursts are
    those of a link; and `decode` returns what `encode` of the same object kept, in its order. With `outage` 0 the code
    spans the segment: the mean over segments is the ergodic capacity. With `outage` above 0 a code word is one slot, as
    for a link that waits for no other, all are sent at the rate which fails in at most that share of the segment's
    slots, and ideal erasure coding makes up for those.

    Args:
        count: symbols a slot.
        segment_frames: pictures coded together, at most.
        fps: frames a second, for the codec.
        codec: registry name of kind `codec`.
        outage: share of slots in outage, 0 to below 1.
        preset: the codec's; `codec_options` are its own.

    Raises InputError for what these have wrong.
    """

    payload_types = frozenset({QPSK})
    knows_channel = True

    def __init__(
        self,
        count: int,
        segment_frames: int = 8,
        fps: float = 25.0,
        codec: str = "av1",
        outage: float = 0.0,
        preset: str = "random-access",
        codec_options: Mapping[str, Any] | None = None,
    ):
        if not 0 <= outage < 1:
            raise InputError(f"capacity.outage {outage}: use 0 to below 1")
        self.segment_frames = segment_frames
        self._codec = registry.create("codec", codec, codec_options, preset=preset)
        self._count, self._fps, self._outage = count, fps, outage
        self._noise_map: np.ndarray | None = None
        self._on_the_way: deque[tuple[bytes, int]] = deque()
        self._concealment = Concealment()

    @classmethod
    def configured(cls, config: Any, at: str = "") -> dict[str, Any]:
        """Options of section `capacity` of a `gvc.config.LinkConfig`; `at` is the outage, empty for what that says.

        Raises InputError when it is no number.
        """
        bound = config.capacity
        try:
            outage = float(at) if at else bound.outage
        except ValueError as error:
            raise InputError(
                f"capacity@{at}: write the share of segments in outage, for example capacity@0.1"
            ) from error
        return {"codec": bound.codec, "codec_options": bound.options.codec, "outage": outage}

    def tell(self, error: np.ndarray, noise_map: np.ndarray) -> None:
        """What the channel will do to the next segment: complex64 (not needed) and float32, both [n, count]."""
        self._noise_map = noise_map

    def encode(self, pictures: np.ndarray, snr_db: float) -> list[Slot]:
        """See `Scheme.encode`. Raises InputError when nobody has told what comes, as over a real radio."""
        if self._noise_map is None or len(self._noise_map) != len(pictures):
            raise InputError("the arm 'capacity' is a bound for simulations that know the channel: leave it out here")
        budget = self._bits(self._noise_map) // 8
        self._noise_map = None
        try:
            coded = self._codec.encode(pictures, budget, self._fps)
        except BudgetError:
            coded = b""
        self._on_the_way.append((coded, budget))
        symbols = np.full(self._count, (1 + 1j) / 2**0.5, np.complex64)
        return [Slot(symbols, QPSK) for _ in pictures]

    def decode(self, slots: list[ReceivedSlot | None], height: int, width: int) -> Decoded:
        """See `Scheme.decode`; the report has the `bytes` of the codec and the `budget` [bytes] of the ideal code."""
        coded, budget = self._on_the_way.popleft() if self._on_the_way else (b"", 0)
        n = len(slots)
        pictures = self._codec.decode(coded, n, height, width) if coded else [None] * n
        efficiency = 8 * budget / (n * self._count)
        report = {"bytes": float(len(coded)), "budget": float(budget), "efficiency": efficiency}
        return Decoded(*self._concealment.fill(pictures, height, width), report)

    def _bits(self, noise_map: np.ndarray) -> int:
        """That the told slots carry."""
        if self._outage == 0:
            return int(capacity.ergodic(noise_map) * noise_map.size)
        words = len(noise_map) - capacity.in_outage(len(noise_map), self._outage)
        return int(words * self._count * capacity.outage(noise_map, self._outage))
