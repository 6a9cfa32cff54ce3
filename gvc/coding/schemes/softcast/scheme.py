"""The analogue scheme without learning."""

import functools

import numpy as np

from gvc.coding.concealment import Concealment
from gvc.coding.scheme import Decoded, ReceivedSlot, Slot, stacked
from gvc.coding.schemes.softcast.analogue import AnalogueBlock
from gvc.coding.schemes.softcast.whitening import across_slots
from gvc.errors import BudgetError, ParseError
from gvc.phy.payload import SOFTCAST


class Softcast:
    """3D-DCT of a segment, power by chunk, linear least-squares reception; no codec, no code but for the metadata
    (S. Jakubczak and D. Katabi, "A cross-layer design for scalable mobile video", MobiCom 2011).

    A chunk of variance v has the gain g ~ v^(-1/4); a coefficient is estimated as g v y / (g^2 v + noise).
    Every symbol is spread over the segment's slots: a lost one costs every picture a little.

    Args:
        count: symbols a slot.
        segment_frames: pictures coded together, at most.
        fps: not used; every scheme gets it.
    """

    payload_types = frozenset({SOFTCAST})

    def __init__(self, count: int, segment_frames: int = 8, fps: float = 25.0):
        self.segment_frames = segment_frames
        self._count = count
        self._block = functools.lru_cache(maxsize=8)(AnalogueBlock)
        self._concealment = Concealment()

    def encode(self, pictures: np.ndarray, snr_db: float) -> list[Slot]:
        """See `Scheme.encode`. Slots too small for anything hold QPSK that nobody reads, and pictures are concealed."""
        n, height, width = pictures.shape[:3]
        block = self._block(n, height, width, n * self._count)
        try:
            symbols, size = block.encode(pictures.astype(np.float32), snr_db)
        except BudgetError:
            symbols, size = np.full(n * self._count, (1 + 1j) / 2**0.5, np.complex64), 0
        return [Slot(part, SOFTCAST, size) for part in across_slots(symbols, n)]

    def decode(self, slots: list[ReceivedSlot | None], height: int, width: int) -> Decoded:
        """See `Scheme.decode`; without metadata the whole segment is concealed."""
        n = len(slots)
        symbols, noise_map = stacked(slots, self._count, (SOFTCAST,))
        size = next((slot.mode for slot in reversed(slots) if slot and slot.payload_type == SOFTCAST), 0)
        try:
            block = self._block(n, height, width, n * self._count)
            shown = block.decode(symbols.T.ravel(), noise_map.T.ravel(), size)
            pictures = list(np.clip(np.rint(shown), 0, 255).astype(np.uint8))
        except ParseError:
            pictures = [None] * n
        return Decoded(*self._concealment.fill(pictures, height, width), {"metadata_lost": float(pictures[0] is None)})
