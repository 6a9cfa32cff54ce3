"""The digital scheme: a video codec's bytes, LDPC and QAM in the slots of a segment."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gvc import registry, seeds
from gvc.coding.concealment import Concealment
from gvc.coding.scheme import Decoded, ReceivedSlot, Slot, stacked
from gvc.errors import BudgetError, InputError, ParseError
from gvc.noise_map import NU_MAX
from gvc.phy.fec.capacity import ergodic
from gvc.phy.fec.mcs import TABLE, Mcs, of_header
from gvc.phy.fec.transport_block import TransportBlock, transport_block
from gvc.phy.payload import QAM
from gvc.phy.sequences import interleaver

LENGTH_BYTES = 3
SEED = 0x4469
SPARE_DB = 0.3
"""What a genie keeps in hand: its own symbols are clipped elsewhere than those it was told of (without it, 4 of 32
segments in fading were lost; with it none, for 3 % of the rate).
"""


class Digital:
    """Source and channel coding apart: n slots carry n `count` order rate / 8 bytes, CRCs among them, by LDPC and
    QAM of 2^order points.

    A transport block spans `depth` slots, its symbols interleaved over all of them, so that every code block meets all
    their fades. The codec gets the byte budget that the scheme leaves; its bytes run through the segment's transport
    blocks in order, and what lies behind the first failed code block is lost.

    Args:
        codec: registry name of kind `codec`; `codec_options` are its own.
        count: symbols a slot.
        segment_frames: pictures coded together, at most.
        depth: slots a transport block; None for the whole segment.
        preset: the codec's, `random-access` or `low-delay`.
        fps: frames a second, for the codec.
        adaptation: registry name of kind `adaptation`; `given` it gets, and `adaptation_options` are its own.

    Raises InputError for what these have wrong.
    """

    payload_types = QAM

    def __init__(
        self,
        codec: str,
        count: int,
        segment_frames: int = 8,
        depth: int | None = None,
        preset: str = "random-access",
        fps: float = 25.0,
        adaptation: str = "table",
        codec_options: Mapping[str, Any] | None = None,
        adaptation_options: Mapping[str, Any] | None = None,
        **given: Any,
    ):
        if segment_frames < 1 or not 1 <= (depth or 1) <= segment_frames:
            raise InputError(f"segments of {segment_frames} frames, transport blocks of {depth}: use 1 up to a segment")
        self.codec = registry.create("codec", codec, codec_options, preset=preset)
        self.segment_frames = segment_frames
        self.adaptation = registry.create("adaptation", adaptation, adaptation_options, **given)
        self._count, self._fps, self._depth = count, fps, depth or segment_frames
        self._concealment = Concealment()

    @classmethod
    def configured(cls, config: Any, at: str = "") -> dict[str, Any]:
        """Options of section `digital` of a `gvc.config.LinkConfig`. `at` is the adaptation or an MCS, empty for the
        configuration's.
        """
        digital = config.digital
        chosen, mcs = digital.adaptation, digital.mcs
        if at in TABLE:
            chosen, mcs = "fixed", at
        elif at:
            chosen = at
        own = digital.options.adaptation if chosen == digital.adaptation else {}
        given = {"mcs": mcs, "channel": digital.table, "margin_db": digital.margin_db}
        source = {"preset": digital.preset, "depth": digital.depth}
        return {"adaptation": chosen, "adaptation_options": own, **given, **source}

    @property
    def knows_channel(self) -> bool:
        """Whether the adaptation waits to be told."""
        return hasattr(self.adaptation, "tell")

    def encode(self, pictures: np.ndarray, snr_db: float) -> list[Slot]:
        """See `Scheme.encode`."""
        return self.encode_with(pictures, self.adaptation.choose(snr_db))

    def encode_with(self, pictures: np.ndarray, mcs: Mcs) -> list[Slot]:
        """The same with a scheme that is given."""
        blocks = self.blocks(len(pictures), mcs)
        return self.send(self.compress(pictures, sum(block.payload_bytes for _, block in blocks)), len(pictures), mcs)

    def tell(self, error: np.ndarray, noise_map: np.ndarray) -> None:
        """A simulation says what the channel will do to the next segment: complex64 and float32 [n, count]."""
        tell = getattr(self.adaptation, "tell", None)
        if tell is not None:
            tell(lambda mcs: self._fits(mcs, error, noise_map))

    def compress(self, pictures: np.ndarray, capacity: int) -> bytes:
        """The segment's bytes, at most `capacity`: their length, then the codec's. Too few for anything: no bytes."""
        try:
            coded = self.codec.encode(pictures, min(capacity, 1 << 8 * LENGTH_BYTES) - LENGTH_BYTES, self._fps)
        except BudgetError:
            coded = b""
        return len(coded).to_bytes(LENGTH_BYTES, "big") + coded

    def send(self, data: bytes, n: int, mcs: Mcs) -> list[Slot]:
        """The n slots of a segment's bytes."""
        symbols = []
        for slots, block in self.blocks(n, mcs):
            part, data = data[: block.payload_bytes], data[block.payload_bytes :]
            sent = np.empty(block.symbols, np.complex64)
            sent[interleaver(SEED, block.symbols)] = block.encode(part)
            symbols += list(sent.reshape(slots, self._count))
        return [Slot(part, mcs.payload_type, mcs.rate_index) for part in symbols]

    def decode(self, slots: list[ReceivedSlot | None], height: int, width: int) -> Decoded:
        """See `Scheme.decode`; the report counts `blocks`, `block_errors` and the `bytes` in order."""
        data, report = self.receive(slots)
        pictures, reason = self.decompress(data, len(slots), height, width)
        return Decoded(*self._concealment.fill(pictures, height, width), report, reason)

    def receive(self, slots: list[ReceivedSlot | None]) -> tuple[bytes, dict[str, float]]:
        """The bytes before the first failed code block, and the report."""
        mcs = next((_scheme(slot) for slot in slots if slot is not None), None)
        report = {"blocks": 0.0, "block_errors": 0.0, "bytes": 0.0, "efficiency": mcs.efficiency if mcs else 0.0}
        data, whole, start = b"", True, 0
        for number, block in self._stated_blocks(len(slots), mcs):
            order = interleaver(SEED, block.symbols)
            symbols, noise_map = stacked(slots[start : start + number], self._count)
            received = block.decode(symbols.ravel()[order], noise_map.ravel()[order])
            start += number
            report["blocks"] += len(received.blocks_ok)
            report["block_errors"] += int((~received.blocks_ok).sum())
            if whole:
                data += received.data[: received.sound_bytes]
                whole = bool(received.blocks_ok.all())
        report["bytes"] = float(len(data))
        return data, report

    def decompress(self, data: bytes, n: int, height: int, width: int) -> tuple[list[np.ndarray | None], str]:
        """n pictures from the first bytes of a segment, None for each that they do not reach; why the codec could not
        read bytes that came whole, else empty.
        """
        length = int.from_bytes(data[:LENGTH_BYTES], "big")
        coded = data[LENGTH_BYTES : LENGTH_BYTES + length]
        pictures: list[np.ndarray | None] = []
        reason = ""
        if coded:
            try:
                pictures = self.codec.decode(coded, n, height, width)
            except ParseError as error:
                # What the channel cut off need be no stream.
                reason = str(error) if len(coded) == length else ""
        return pictures + [None] * (n - len(pictures)), reason

    def blocks(self, n: int, mcs: Mcs) -> list[tuple[int, TransportBlock]]:
        """The transport blocks of a segment of n slots: (slots, block)."""
        sizes = [min(self._depth, n - start) for start in range(0, n, self._depth)]
        return [(size, transport_block(mcs, size * self._count)) for size in sizes]

    def _stated_blocks(self, n: int, mcs: Mcs | None) -> list[tuple[int, TransportBlock]]:
        """The blocks of a received header; none where it states a scheme that has no byte in so few symbols."""
        try:
            return self.blocks(n, mcs) if mcs else []
        except InputError:
            return []

    def _fits(self, mcs: Mcs, error: np.ndarray, noise_map: np.ndarray) -> bool:
        """Whether every code block would be decoded with SPARE_DB more noise."""
        spare = np.float32(10 ** (SPARE_DB / 10))
        error, noise_map = error * np.sqrt(spare), np.where(noise_map < NU_MAX, spare * noise_map, noise_map)
        if mcs.efficiency > ergodic(noise_map):
            return False
        start = 0
        for number, block in self.blocks(len(error), mcs):
            order = interleaver(SEED, block.symbols)
            noise = noise_map[start : start + number].reshape(-1)[order]
            content = seeds.stream(SEED, "genie").bytes(block.payload_bytes)
            received = block.encode(content) + error[start : start + number].reshape(-1)[order]
            if not block.decode(np.where(noise < NU_MAX, received, 0), noise).blocks_ok.all():
                return False
            start += number
        return True


def _scheme(slot: ReceivedSlot) -> Mcs | None:
    try:
        return of_header(slot.payload_type, slot.mode)
    except ParseError:
        return None
