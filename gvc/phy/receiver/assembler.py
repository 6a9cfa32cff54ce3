"""Bursts to frames, with every loss counted."""

import collections

import numpy as np

from gvc.decibel import mean_of_some_db
from gvc.noise_map import NU_MAX
from gvc.phy.frames import ReceivedBurst, ReceivedFrame
from gvc.phy.identity import Expected
from gvc.phy.layout import fragment_symbols
from gvc.phy.numerology import Numerology
from gvc.phy.payload import create_payload
from gvc.phy.receiver.streams import Counters, Pass, Position, Track

MAX_STREAMS = 16
"""Streams that are followed at once; the one not heard for longest makes room for another."""
MAX_HELD = 250
"""Places that an outage takes in what the viewer sees: ten seconds of a still picture at 25 frames a second."""
_KEPT = 64
"""Passes and kinds of foreign bursts that are described one by one."""


class FrameAssembler:
    """Undoes the interleaving and scrambling of a frame over its bursts, for symbols and noise map.

    A frame leaves when it is complete, when a later burst of its stream shows that it will not be, or at `flush`.
    Streams are told apart by their identity, and each is followed from the first frame heard.

    Args:
        numerology: the transmitter's.
        expected: what the decoder takes; other bursts are counted as foreign. None for everything.

    Attributes: `places`, how many places the frames so far, and those lost between them, take for a viewer. `foreign`:
    of foreign bursts, how many by (reason, payload type, coder, width, height).
    """

    def __init__(self, numerology: Numerology, expected: Expected | None = None):
        self._numerology = numerology
        self._expected = expected
        self.places = 0
        self.foreign: collections.Counter[tuple[str, int, int, int, int]] = collections.Counter()
        self._closed = Counters()
        self._passes: collections.deque[Pass] = collections.deque(maxlen=_KEPT)
        self._tracks: collections.OrderedDict[int, Track] = collections.OrderedDict()
        self._open: dict[int, tuple[Position, int, dict[int, ReceivedBurst]]] = {}
        self._segment_places: dict[int, int] = {}

    @property
    def counters(self) -> Counters:
        """Counts over all streams."""
        total = Counters()
        total.add(self._closed)
        for passed in self._live():
            total.add(passed.counters)
        return total

    @property
    def streams(self) -> list[dict[str, object]]:
        """The last passes of all streams, see `gvc.phy.receiver.streams.Pass.as_dict`."""
        return [passed.as_dict() for passed in [*self._passes, *self._live()]][-_KEPT:]

    def push(self, burst: ReceivedBurst) -> list[ReceivedFrame]:
        """The frames that this burst completes or closes, in order."""
        header = burst.header
        reason = self._expected.refuses(header, burst.shape) if self._expected else ""
        if reason:
            self._closed.bursts_foreign += 1
            height, width, _ = burst.shape.picture
            kind = reason, header.payload_type, header.coder, width, height
            if kind in self.foreign or len(self.foreign) < _KEPT:
                self.foreign[kind] += 1
            return []
        frames = self._make_room(header.stream)
        track = self._tracks.setdefault(header.stream, Track(header.stream))
        self._tracks.move_to_end(header.stream)
        before = track.current
        fragments = len(fragment_symbols(self._numerology, burst.shape.elements))
        for taken, position in track.place(burst, fragments, self._closed):
            if before is not None and before is not track.current:
                frames += self._end_pass(before)
                before = None
            frames += self._take(track, taken, position)
        return frames

    def flush(self) -> list[ReceivedFrame]:
        """The frames that are still open, at the end of the samples."""
        frames = []
        for track in self._tracks.values():
            frames += self._close(track)
            track.forget(self._closed)
        return frames

    def _live(self) -> list[Pass]:
        return [track.current for track in self._tracks.values() if track.current is not None]

    def _make_room(self, stream: int) -> list[ReceivedFrame]:
        if stream in self._tracks or len(self._tracks) < MAX_STREAMS:
            return []
        _, track = self._tracks.popitem(last=False)
        track.forget(self._closed)
        frames = self._close(track)
        return frames + (self._end_pass(track.current) if track.current else [])

    def _end_pass(self, passed: Pass) -> list[ReceivedFrame]:
        """Keep the counts of a pass that nothing is added to any more; the frame that was open."""
        opened = self._open.pop(passed.stream, None)
        frames = [self._frame(passed, *opened)] if opened else []
        self._segment_places.pop(passed.stream, None)
        self._closed.add(passed.counters)
        self._passes.append(passed)
        return frames

    def _take(self, track: Track, burst: ReceivedBurst, position: Position) -> list[ReceivedFrame]:
        passed = track.current
        assert passed is not None
        frames = []
        opened = self._open.get(track.stream)
        if opened is not None and opened[0].frame != position.frame:
            frames += self._close(track)
            opened = None
        if opened is None:
            opened = self._open[track.stream] = position, self._place(passed, position), {}
        passed.take(burst, position)
        opened[2][position.fragment] = burst
        if len(opened[2]) == position.fragments:
            frames += self._close(track)
        return frames

    def _place(self, passed: Pass, position: Position) -> int:
        """Where a frame belongs for the viewer: behind all that came before, its stream's lost frames between."""
        stream = passed.stream
        if stream not in self._segment_places:
            self._segment_places[stream] = self.places
            self.places += position.slots
        elif position.segment != passed.newest.segment:
            lost = position.segment - passed.newest.segment - passed.newest.slots
            self._segment_places[stream] = self.places + min(lost, MAX_HELD)
            self.places = self._segment_places[stream] + position.slots
        return self._segment_places[stream] + position.frame - position.segment

    def _close(self, track: Track) -> list[ReceivedFrame]:
        opened = self._open.pop(track.stream, None)
        return [self._frame(track.current, *opened)] if opened and track.current else []

    def _frame(self, passed: Pass, position: Position, place: int, heard: dict[int, ReceivedBurst]) -> ReceivedFrame:
        bursts = [heard[fragment] for fragment in sorted(heard)]
        header, shape = bursts[0].header, bursts[0].shape
        elements, noise_map, arrived = self._in_place(bursts, position.fragments)
        payload = create_payload(header.payload_type, self._numerology.scramble_seed)
        symbols, noise = payload.collect(elements.ravel(), noise_map.ravel(), shape.elements)
        erased = np.zeros(shape.elements, bool)
        if arrived is not None:
            erased = payload.collect(elements.ravel(), arrived.ravel(), shape.elements)[1] == 0
        passed.frame_over(complete=len(bursts) == position.fragments)
        return ReceivedFrame(
            frame_id=position.frame,
            place=place,
            symbols=symbols,
            noise_map=noise,
            erased=erased,
            shape=shape,
            mode=header.mode,
            payload_type=header.payload_type,
            last=header.last,
            stream=passed.stream,
            restarts=passed.restarts,
            slot=header.slot,
            slots=header.slots,
            bursts_expected=position.fragments,
            bursts_received=len(bursts),
            snr_db=mean_of_some_db([burst.snr_db for burst in bursts]),
            evm_db=float(np.median([burst.evm_db for burst in bursts])),
            bursts=bursts,
        )

    def _in_place(self, bursts: list[ReceivedBurst], expected: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Elements, noise map and, unless all bursts are there, which elements arrived (float32, 1 or 0): [rows, D]."""
        if len(bursts) == expected:
            if len(bursts) == 1:
                return bursts[0].symbols, bursts[0].noise_map, None
            return np.concatenate([b.symbols for b in bursts]), np.concatenate([b.noise_map for b in bursts]), None
        u = self._numerology
        fragments = fragment_symbols(u, bursts[0].shape.elements)
        ends = np.cumsum(fragments)
        places = (int(ends[-1]), u.data_carriers)
        elements, arrived = np.zeros(places, np.complex64), np.zeros(places, np.float32)
        noise_map = np.full(places, NU_MAX, np.float32)
        for burst in bursts:
            fragment = burst.header.fragment
            rows = slice(ends[fragment] - fragments[fragment], ends[fragment])
            elements[rows], noise_map[rows], arrived[rows] = burst.symbols, burst.noise_map, 1
        return elements, noise_map, arrived
