"""Bursts to frames, with every loss counted."""

import dataclasses

import numpy as np

from gvc.decibel import mean_of_some_db
from gvc.noise_map import NU_MAX
from gvc.phy.frames import ReceivedBurst, ReceivedFrame
from gvc.phy.layout import fragment_symbols
from gvc.phy.numerology import Numerology
from gvc.phy.payload import create_payload

_WRAP = 1 << 16
_RECENT = 64
"""A burst that is at most so many behind is a duplicate; one further behind comes from a transmitter that restarted."""


@dataclasses.dataclass
class Counters:
    """Bursts and frames so far. Lost ones are those that header numbers show to have been sent, from number 0 on:
    sent = received + lost for everything before the last burst received. A transmitter that starts again from 0 counts
    as a restart, not as loss.
    """

    bursts_received: int = 0
    bursts_lost: int = 0
    bursts_duplicate: int = 0
    restarts: int = 0
    frames_complete: int = 0
    frames_partial: int = 0
    frames_lost: int = 0

    def as_dict(self) -> dict[str, int]:
        return dataclasses.asdict(self)


class FrameAssembler:
    """Undoes the interleaving and scrambling of a frame over its bursts, for symbols and noise map.

    A frame leaves when it is complete, when a burst of a later frame shows that it will not be, or at `flush`.

    Args:
        numerology: the transmitter's.
        first_frame, first_sequence: numbers of the stream's first frame and burst, for counting losses at the start.
    """

    def __init__(self, numerology: Numerology, first_frame: int = 0, first_sequence: int = 0):
        self._numerology = numerology
        self.counters = Counters()
        self._next_sequence = first_sequence
        self._next_frame = first_frame
        self._open: dict[int, ReceivedBurst] = {}
        self._open_frame = -1

    def push(self, burst: ReceivedBurst) -> list[ReceivedFrame]:
        """The frames that this burst completes or closes, in order."""
        header = burst.header
        frames = []
        ahead = (header.sequence - self._next_sequence) % _WRAP
        if ahead >= _WRAP - _RECENT:
            self.counters.bursts_duplicate += 1
            return []
        if ahead >= _WRAP // 2:
            frames += self.flush()
            self.counters.restarts += 1
            ahead = 0
            self._next_frame = header.frame
        frame = self._next_frame + (header.frame - self._next_frame) % _WRAP
        self._next_sequence = (header.sequence + 1) % _WRAP
        self.counters.bursts_lost += ahead
        self.counters.bursts_received += 1
        if self._open and (frame != self._open_frame or not self._belongs(burst)):
            frames.append(self._close())
        self.counters.frames_lost += max(0, frame - self._next_frame)
        self._next_frame = max(self._next_frame, frame)
        self._open_frame = frame
        self._open[header.fragment] = burst
        if len(self._open) == header.fragments:
            frames.append(self._close())
        return frames

    def flush(self) -> list[ReceivedFrame]:
        """The frame that is still open, at the end of the stream."""
        return [self._close()] if self._open else []

    def _belongs(self, burst: ReceivedBurst) -> bool:
        other = next(iter(self._open.values())).header
        same = ("fragments", "payload_type", "mode", "height", "width", "latent_pairs", "last")
        return all(getattr(other, name) == getattr(burst.header, name) for name in same)

    def _close(self) -> ReceivedFrame:
        u = self._numerology
        bursts = [self._open[fragment] for fragment in sorted(self._open)]
        header = bursts[0].header
        elements, noise_map, arrived = self._in_place(bursts)
        payload = create_payload(header.payload_type, u.scramble_seed)
        symbols, noise = payload.collect(elements.ravel(), noise_map.ravel(), header.elements)
        erased = np.zeros(header.elements, bool)
        if arrived is not None:
            erased = payload.collect(elements.ravel(), arrived.ravel(), header.elements)[1] == 0
        complete = len(bursts) == header.fragments
        self.counters.frames_complete += complete
        self.counters.frames_partial += not complete
        frame_id = self._open_frame
        self._open = {}
        self._next_frame = frame_id + 1
        return ReceivedFrame(
            frame_id=frame_id,
            symbols=symbols,
            noise_map=noise,
            erased=erased,
            height=header.height,
            width=header.width,
            latents=2 * header.latent_pairs,
            mode=header.mode,
            payload_type=header.payload_type,
            last=header.last,
            bursts_expected=header.fragments,
            bursts_received=len(bursts),
            snr_db=mean_of_some_db([burst.snr_db for burst in bursts]),
            evm_db=mean_of_some_db([burst.evm_db for burst in bursts]),
            bursts=bursts,
        )

    def _in_place(self, bursts: list[ReceivedBurst]) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Elements, noise map and, unless all bursts are there, which elements arrived (float32, 1 or 0): [rows, D]."""
        header = bursts[0].header
        if len(bursts) == header.fragments:
            if len(bursts) == 1:
                return bursts[0].symbols, bursts[0].noise_map, None
            return np.concatenate([b.symbols for b in bursts]), np.concatenate([b.noise_map for b in bursts]), None
        u = self._numerology
        fragments = fragment_symbols(u, header.elements)
        ends = np.cumsum(fragments)
        places = (int(ends[-1]), u.data_carriers)
        elements, arrived = np.zeros(places, np.complex64), np.zeros(places, np.float32)
        noise_map = np.full(places, NU_MAX, np.float32)
        for burst in bursts:
            fragment = burst.header.fragment
            rows = slice(ends[fragment] - fragments[fragment], ends[fragment])
            elements[rows], noise_map[rows], arrived[rows] = burst.symbols, burst.noise_map, 1
        return elements, noise_map, arrived
