"""From outside the repository: a scheme that a test can check by hand, failing when told, a decoder and a codec."""

import dataclasses

import numpy as np

from gvc.coding.concealment import Concealment
from gvc.coding.scheme import Decoded, Estimate, ReceivedSlot, Slot
from gvc.errors import InputError, LinkError, ParseError, WeightsError

PAYLOAD_TYPE = 9
FEWEST = 16
"""Symbols of the smallest slot: there is no scheme for less."""
NOTHING = 15
"""A mode that no picture can be decoded from."""


class Grey:
    """The mean grey of each picture as the phase of all its symbols; the mode says what the transmitter knew, in dB.
    It has segments, and a first stage of reception.

    sends: the payload type of what it encodes. fails: `encode`, or the mode of a slot that `decode` fails at.
    """

    payload_types = frozenset({PAYLOAD_TYPE})
    denoises = True

    def __init__(self, count: int, segment_frames: int, fps: float, sends: int = PAYLOAD_TYPE, fails: str = ""):
        if count < FEWEST:
            raise InputError(f"{count} symbols are too few for grey: use {FEWEST}")
        self.count, self.segment_frames, self.sends, self.fails = count, segment_frames, sends, fails
        self._concealment = Concealment()

    def encode(self, pictures: np.ndarray, snr_db: float) -> list[Slot]:
        if self.fails == "encode":
            raise LinkError("this encoder fails")
        phases = np.exp(2j * pictures.mean((1, 2, 3)) / 255)
        return [Slot(np.full(self.count, phase, np.complex64), self.sends, round(snr_db)) for phase in phases]

    def denoise(self, slot: ReceivedSlot, height: int, width: int) -> ReceivedSlot:
        estimate = Estimate(np.full_like(slot.symbols, slot.symbols.mean()))
        return dataclasses.replace(slot, estimate=estimate)

    def decode(self, slots: list[ReceivedSlot | None], height: int, width: int) -> Decoded:
        pictures: list[np.ndarray | None] = []
        for slot in slots:
            if slot is not None and str(slot.mode) == self.fails:
                raise LinkError("this decoder fails")
            if slot is None or slot.mode == NOTHING:
                pictures.append(None)
                continue
            symbols = slot.symbols if slot.estimate is None else slot.estimate.symbols
            level = round(255 * np.angle(symbols.mean()) / 2)
            pictures.append(np.full((height, width, 3), level, np.uint8))
        unreadable = any(slot is not None and slot.mode == NOTHING for slot in slots)
        shown, concealed = self._concealment.fill(pictures, height, width)
        report = {"lost": float(slots.count(None))}
        return Decoded(shown, concealed, report, f"mode {NOTHING} is no picture" if unreadable else "")


class Unweighted:
    """A decoder of symbols whose weights are missing."""

    def __init__(self, **options: object):
        self.options = options

    def decode(self, symbols: np.ndarray, noise_map: np.ndarray, height: int, width: int, latents: int) -> np.ndarray:
        raise WeightsError("no weights: train them")


class Unreadable:
    """A codec that takes all the bytes that it is allowed, and reads none."""

    def __init__(self, preset: str):
        self.preset = preset

    def encode(self, pictures: np.ndarray, most_bytes: int, fps: float) -> bytes:
        return bytes(most_bytes)

    def decode(self, data: bytes, n: int, height: int, width: int) -> list[np.ndarray | None]:
        raise ParseError("this codec reads nothing")
