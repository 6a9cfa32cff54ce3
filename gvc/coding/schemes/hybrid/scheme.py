"""The hybrid scheme: a digital base and an analogue refinement of what it leaves, in the same slots."""

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from gvc import registry
from gvc.coding.concealment import Concealment
from gvc.coding.scheme import Decoded, ReceivedSlot, Slot, stacked
from gvc.coding.schemes.digital.scheme import Digital
from gvc.coding.schemes.softcast.whitening import across_slots
from gvc.errors import BudgetError, InputError, ParseError
from gvc.noise_map import NU_MAX
from gvc.phy.fec.mcs import Mcs, named, of_header
from gvc.phy.fec.transport_block import TransportBlock
from gvc.phy.identity import coder_of_name
from gvc.phy.payload import HYBRID

CONTROL_SYMBOLS = 400
"""Of a segment: they say under a strong code which MCS the base has and how long the refinement's metadata is."""

SHAPE = ("n", "height", "width", "symbols")
"""What a refinement is made with."""


class Refinement(Protocol):
    """The socket of kind `refinement`: n residuals of one size in `symbols` complex symbols of mean power 1.

    Made with (n, height, width, symbols) and its own options. A class method `configured(config)`, if there is one,
    says which of these a `gvc.config.LinkConfig` gives; a static method `weights(**options)` lists the files that its
    results depend on.
    """

    def encode(self, residual: np.ndarray, snr_db: float) -> tuple[np.ndarray, int]:
        """float32 [n, height, width, 3] -> symbols complex64 [symbols], and a number 1 to 15 that `decode` is told.

        Raises BudgetError when the symbols are too few for anything.
        """

    def decode(self, symbols: np.ndarray, noise_map: np.ndarray, size: int) -> np.ndarray:
        """Received complex64 and their noise float32 -> residual float32 [n, height, width, 3], zero where in doubt.

        Raises ParseError when nothing can be decoded.
        """


class Hybrid:
    """Each slot holds `bandwidth` of its symbols for the base, with `power` of the energy, and the refinement.

    The base is what `Digital` sends in so many symbols. The refinement is the residual in analogue symbols; its
    estimate shrinks with the noise, so that it helps on average at any; where the base was lost it is of no use.

    Args:
        count, segment_frames, fps: as of every scheme.
        bandwidth, power: shares of the base, 0 to 1.
        refinement: registry name of kind `refinement`; `refinement_options` are its own.
        codec, others: as of `Digital`.

    Raises InputError when a share leaves either part without symbols.
    """

    payload_types = frozenset({HYBRID})

    def __init__(
        self,
        count: int,
        bandwidth: float = 0.5,
        power: float = 0.5,
        refinement: str = "softcast",
        segment_frames: int = 8,
        refinement_options: Mapping[str, Any] | None = None,
        **digital: Any,
    ):
        self._base_count = round(count * bandwidth)
        self._rest_count = count - self._base_count
        if min(self._base_count, self._rest_count - CONTROL_SYMBOLS) < 16:
            raise InputError(f"hybrid.bandwidth {bandwidth:g} of {count} symbols leaves a part without any")
        self.segment_frames = segment_frames
        self._base = Digital(count=self._base_count, segment_frames=segment_frames, **digital)
        self._power = power
        registry.check_call("refinement", refinement, refinement_options or {}, dict.fromkeys(SHAPE))

        @functools.lru_cache(maxsize=8)
        def analogue(*shape: int) -> Refinement:
            return registry.create("refinement", refinement, refinement_options, **dict(zip(SHAPE, shape, strict=True)))

        self._analogue = analogue
        weights = getattr(registry.resolve("refinement", refinement), "weights", None)
        self._weights = functools.partial(weights, **(refinement_options or {})) if weights else list
        self._parts = f"{digital.get('codec')}/{refinement}"
        self._control = TransportBlock(named("qpsk-1_5"), CONTROL_SYMBOLS)
        self._concealment = Concealment()

    @classmethod
    def configured(cls, config: Any, at: str = "") -> dict[str, Any]:
        """Options of sections `hybrid` and `digital` of a `gvc.config.LinkConfig`; `at` as of `Digital.configured`."""
        hybrid = config.hybrid
        refinement = registry.resolve("refinement", hybrid.refinement)
        given = refinement.configured(config) if hasattr(refinement, "configured") else {}
        own = {
            "codec_options": hybrid.options.codec,
            "refinement_options": {**given, **hybrid.options.refinement},
        }
        return {**Digital.configured(config, at), **hybrid.model_dump(exclude={"options"}), **own}

    @property
    def coder(self) -> int:
        """Of the names of its parts and, where the refinement has weights, of their files' content."""
        digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in self.weights() if path.exists()]
        return coder_of_name("/".join(["hybrid", self._parts, *digests]))

    @property
    def knows_channel(self) -> bool:
        """As its base."""
        return self._base.knows_channel

    def weights(self) -> list[Path]:
        """Of the refinement."""
        return self._weights()

    def tell(self, error: np.ndarray, noise_map: np.ndarray) -> None:
        """See `Digital.tell`."""
        loud, _ = self._amplitudes(len(error))
        part = np.s_[:, : self._base_count]
        self._base.tell(error[part] / loud, _noise(noise_map[part], loud))

    def encode(self, pictures: np.ndarray, snr_db: float) -> list[Slot]:
        """See `Scheme.encode`."""
        n, height, width = pictures.shape[:3]
        loud, soft = self._amplitudes(n)
        mcs = self._base.adaptation.choose(snr_db + 20 * float(np.log10(loud)))
        data = self._base.compress(pictures, sum(block.payload_bytes for _, block in self._base.blocks(n, mcs)))
        coded, _ = self._base.decompress(data, n, height, width)
        shown, _ = Concealment().fill(coded, height, width)
        residual = pictures.astype(np.float32) - shown
        symbols = n * self._rest_count - CONTROL_SYMBOLS
        block = self._analogue(n, height, width, symbols)
        try:
            refined, size = block.encode(residual, snr_db + 20 * float(np.log10(soft)))
        except BudgetError:
            refined, size = np.zeros(symbols, np.complex64), 0
        control = self._control.encode(bytes([mcs.payload_type, mcs.rate_index, size]))
        rest = np.concatenate([loud * control, soft * refined])
        parts = zip(self._base.send(data, n, mcs), across_slots(rest, n), strict=True)
        return [Slot(np.concatenate([loud * b.symbols, r]), HYBRID) for b, r in parts]

    def decode(self, slots: list[ReceivedSlot | None], height: int, width: int) -> Decoded:
        """See `Scheme.decode`; the report is the base's, with `refined` 1 where the refinement was added."""
        n = len(slots)
        loud, soft = self._amplitudes(n)
        symbols, noise_map = self._gather(slots)
        try:
            mcs, size = self._read_control(_unit(symbols[:CONTROL_SYMBOLS], noise_map[:CONTROL_SYMBOLS], loud))
        except ParseError:
            shown, concealed = self._concealment.fill([None] * n, height, width)
            return Decoded(shown, concealed, {"control_lost": 1.0})
        base = [self._base_slot(slot, mcs, loud) for slot in slots]
        data, report = self._base.receive(base)
        pictures, reason = self._base.decompress(data, n, height, width)
        report["refined"] = 0.0
        if size and any(picture is not None for picture in pictures):
            block = self._analogue(n, height, width, len(symbols) - CONTROL_SYMBOLS)
            try:
                residual = block.decode(*_unit(symbols[CONTROL_SYMBOLS:], noise_map[CONTROL_SYMBOLS:], soft), size)
                report["refined"] = 1.0
                pictures = [
                    None if picture is None else np.clip(np.rint(picture + added), 0, 255).astype(np.uint8)
                    for picture, added in zip(pictures, residual, strict=True)
                ]
            except ParseError:
                # The base alone.
                pass
        return Decoded(*self._concealment.fill(pictures, height, width), report, reason)

    def _amplitudes(self, n: int) -> tuple[np.float32, np.float32]:
        """Of the base in a segment of n slots, and of the refinement.

        The control block is as loud as the base: wherever the base is received, so is that.
        """
        total = n * (self._base_count + self._rest_count)
        loud = np.sqrt(self._power * total / (n * self._base_count + CONTROL_SYMBOLS))
        soft = np.sqrt((1 - self._power) * total / (n * self._rest_count - CONTROL_SYMBOLS))
        return np.float32(loud), np.float32(soft)

    def _gather(self, slots: list[ReceivedSlot | None]) -> tuple[np.ndarray, np.ndarray]:
        """Control block and refinement of the segment in order, as received, with their noise."""
        symbols, noise_map = stacked(slots, self._base_count + self._rest_count, (HYBRID,))
        rest = np.s_[:, self._base_count :]
        return symbols[rest].T.ravel(), noise_map[rest].T.ravel()

    def _base_slot(self, slot: ReceivedSlot | None, mcs: Mcs, loud: np.float32) -> ReceivedSlot | None:
        if slot is None or slot.payload_type != HYBRID:
            return None
        symbols, noise = _unit(slot.symbols[: self._base_count], slot.noise_map[: self._base_count], loud)
        return ReceivedSlot(symbols, noise, mcs.payload_type, mcs.rate_index, slot.snr_db)

    def _read_control(self, received: tuple[np.ndarray, np.ndarray]) -> tuple[Mcs, int]:
        found = self._control.decode(*received)
        if not found.blocks_ok.all():
            raise ParseError("the hybrid's control block fails its CRC")
        return of_header(found.data[0], found.data[1]), found.data[2]


def _unit(symbols: np.ndarray, noise_map: np.ndarray, amplitude: np.float32) -> tuple[np.ndarray, np.ndarray]:
    """Symbols that were sent with this amplitude at unit power, with their noise."""
    return symbols / amplitude, _noise(noise_map, amplitude)


def _noise(noise_map: np.ndarray, amplitude: np.float32) -> np.ndarray:
    """The noise map float32 at unit power; what was erased stays erased, however loud it was."""
    return np.where(noise_map < NU_MAX, noise_map / amplitude**2, NU_MAX).astype(np.float32)
