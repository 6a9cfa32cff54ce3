"""A stream of samples to bursts of symbols with their noise map."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gvc import registry
from gvc.errors import InputError, ParseError
from gvc.phy.frames import ReceivedBurst
from gvc.phy.header import UnknownBurst
from gvc.phy.kernels import prediction
from gvc.phy.layout import burst_layout
from gvc.phy.numerology import SHORT_PERIOD, Numerology
from gvc.phy.receiver.genie import Genie
from gvc.phy.receiver.header_reader import Head, HeaderReader
from gvc.phy.receiver.ofdm_windows import SampleBuffer
from gvc.phy.receiver.payload_reader import PayloadReader, Tracking
from gvc.phy.receiver.rivals import STRETCH, Heard, Rivals
from gvc.phy.receiver.synchroniser import Acquisition
from gvc.phy.receiver.whitening import Whitening

_BLOCK = 1 << 13
_LATE = 96
"""Samples that a candidate may come after a burst's first FFT window."""
_FAINT_DB = 0.0
"""Below, something stronger may lie over a burst from its first symbol on, which then looks even."""


class BurstReceiver:
    """Detection, synchronisation, channel estimation, equalisation and noise map.

    What it returns depends on the stream alone, not on how the stream is cut into pushes, nor on its scale, from 1e-15
    to 1e14. Samples that are not finite, or above 1e15, count as 0 (`bad_samples`). Work and memory for a push are
    bounded.

    Args:
        numerology: the transmitter's.
        synchroniser, channel_estimator, equaliser: strategies by registry name or `package.module:Class`; an empty
            synchroniser is the numerology's.
        rx_antennas: number of antennas, combined.
        center_frequency_hz: carrier frequency, which relates the sampling offset to the CFO.
        one_oscillator: the sampling offset follows from the CFO; otherwise it is estimated.
        phase_window: payload symbols on each side over which the pilots' phase is averaged.
        keep_raw: keep the resource elements before the equaliser in each burst.
        genie: perfect channel state in place of the estimates.
        options: by strategy (synchroniser, channel_estimator, equaliser) the further arguments of its constructor.

    Attributes: `bad_samples`, `candidates` (detections), `headers_read`, `bad_headers` (of candidates that could be
    synchronised), `unknown_bursts` (read, and of another version or a payload type that is not known),
    `disturbed_bursts` (see `ReceivedBurst`), `not_understood` (read, and contradicted by what was received; see
    `gvc.phy.agreement`). A burst that was not understood does not come out: what its header says may be as wrong as the
    rest, so its number is not trusted, and the numbers of the bursts around it show that it is lost.

    Where a burst looks disturbed, a stronger one is looked for that begins within it; that one is then followed, and
    the weaker one ends there.
    """

    def __init__(
        self,
        numerology: Numerology,
        synchroniser: str = "",
        channel_estimator: str = "dft-smoothed",
        equaliser: str = "mmse",
        rx_antennas: int = 1,
        center_frequency_hz: float = 2.4e9,
        one_oscillator: bool = True,
        phase_window: int = 8,
        keep_raw: bool = False,
        genie: Genie | None = None,
        options: Mapping[str, Mapping[str, Any]] | None = None,
    ):
        if rx_antennas < 1:
            raise InputError(f"rx_antennas is {rx_antennas}, it must be at least 1")
        u = self.numerology = numerology
        self.rx_antennas = rx_antennas
        self.bad_samples = 0
        self.candidates = 0
        self.bad_headers = 0
        self.unknown_bursts = 0
        self.headers_read = 0
        self.not_understood = 0
        self.disturbed_bursts = 0
        own: Mapping[str, Mapping[str, Any]] = options or {}
        sync = registry.create(
            "synchroniser",
            synchroniser or u.synchroniser,
            own.get("synchroniser"),
            numerology=u,
            rx_antennas=rx_antennas,
        )
        self._synchroniser = sync
        estimator = registry.create("channel_estimator", channel_estimator, own.get("channel_estimator"), numerology=u)
        self._headers = HeaderReader(u, estimator)
        tracking = Tracking(center_frequency_hz, one_oscillator, phase_window)
        combiner = registry.create("equaliser", equaliser, own.get("equaliser"))
        self._payloads = PayloadReader(u, estimator, combiner, tracking, keep_raw, genie)
        self._rivals = Rivals(u, sync, self._headers, self._payloads)
        longest = burst_layout(u, u.payload_symbols).samples + sync.span + sync.reach
        self._buffer = SampleBuffer(rx_antennas, 2 * longest + 2 * _BLOCK)
        self._scan = 0
        self._needed = 0
        self._candidate: int | None = None
        self._acquired: Acquisition | None = None
        self._whitening: Whitening | None = None
        self._head: Head | None = None

    @property
    def samples(self) -> int:
        """Samples pushed so far, on each antenna."""
        return self._buffer.end

    def push(self, samples: np.ndarray) -> list[ReceivedBurst]:
        """The bursts that are complete with these samples, complex [n] or [rx_antennas, n].

        Raises InputError when the number of antennas differs.
        """
        samples = np.asarray(samples)
        if samples.ndim == 1:
            samples = samples[None]
        if samples.ndim != 2 or samples.shape[0] != self.rx_antennas:
            raise InputError(f"samples of shape {samples.shape}; this receiver has {self.rx_antennas} antennas")
        bursts: list[ReceivedBurst] = []
        for start in range(0, samples.shape[1], _BLOCK):
            block = np.ascontiguousarray(samples[:, start : start + _BLOCK], np.complex64)
            keep = self._scan if self._candidate is None else self._candidate
            self.bad_samples += self._buffer.append(block, self._before(keep))
            while self._needed <= self._buffer.end:
                burst = self._advance()
                if burst is not None:
                    bursts.append(burst)
        return bursts

    def _advance(self) -> ReceivedBurst | None:
        """One step of the search; afterwards the next one needs the stream up to sample `_needed`."""
        if self._candidate is None:
            self._search()
        elif self._acquired is None:
            self._acquire(self._candidate)
        elif self._head is None:
            self._read_header(self._candidate, self._acquired)
        else:
            burst = self._read_payload(Heard(self._candidate, self._acquired, self._head))
            if burst.agreement.understood:
                return burst
            self.not_understood += 1
        return None

    def _search(self) -> None:
        buffer, reach = self._buffer, self._synchroniser.reach
        start = self._scan - buffer.origin
        end = min(buffer.end, self._scan + reach + STRETCH)
        found = self._synchroniser.detect(buffer.columns, start, end - buffer.origin)
        if found >= 0:
            self.candidates += 1
            self._candidate = buffer.origin + found
            self._needed = self._candidate + self._synchroniser.span
        else:
            self._scan += max(0, (end - self._scan - reach) // SHORT_PERIOD) * SHORT_PERIOD
            self._needed = self._scan + reach + SHORT_PERIOD

    def _acquire(self, candidate: int) -> None:
        origin = self._buffer.origin
        found = self._synchroniser.acquire(self._buffer.columns, candidate - origin)
        if found is not None:
            self._follow(found, origin)
        elif not self._whiten(candidate):
            self._resume(candidate + self._synchroniser.skip)

    def _whiten(self, candidate: int) -> bool:
        """Acquire once more, without what lies over a small part of the band; whether that found a burst."""
        buffer = self._buffer
        start, stop = self._before(candidate), candidate + self._synchroniser.span
        self._whitening = Whitening.of(buffer, start, stop)
        left = None if self._whitening is None else self._whitening.applied(buffer, stop).columns
        if left is None or not prediction.periodic(left):
            return False
        found = self._synchroniser.acquire(left, candidate - start)
        if found is not None:
            self._follow(found, start)
        return found is not None

    def _follow(self, found: Acquisition, origin: int) -> None:
        self._acquired = Acquisition(found.window + origin, found.step, found.quality)
        self._needed = self._acquired.window + self._headers.length

    def _before(self, position: int) -> int:
        """First sample that a burst's windows may need where `position` is searched or a candidate."""
        return max(0, position - _LATE - self.numerology.timing_advance)

    def _read_header(self, candidate: int, acquired: Acquisition) -> None:
        try:
            self._head = self._headers.read(self._buffer, acquired, self._whitening)
        except UnknownBurst:
            self.headers_read += 1
            self.unknown_bursts += 1
        except ParseError:
            if self._whitening is None and self._whiten(candidate):
                return
            self.bad_headers += 1
        else:
            self.headers_read += 1
            self._needed = self._payloads.end(acquired, self._head)
            return
        self._resume(candidate + self._synchroniser.skip)

    def _read_payload(self, present: Heard) -> ReceivedBurst:
        burst = self._payloads.read(self._buffer, present.acquired, present.head)
        self.disturbed_bursts += burst.disturbed
        # What samples are missing brings the next burst closer.
        end = self._needed + min(0, burst.slip_samples)
        if not burst.disturbed and burst.snr_db > _FAINT_DB:
            self._resume(end - SHORT_PERIOD)
            return burst
        later = self._rivals.stronger(self._buffer, present)
        if later is None:
            # What begins behind the last position looked at is still found, and the present burst not a second time.
            again = max(self._rivals.last_position(present), present.acquired.window)
            self._resume(min(again, end - SHORT_PERIOD))
            begins = self._rivals.beginning(self._buffer, present) if burst.disturbed else None
            return burst if begins is None else self._rivals.cut(self._buffer, present, burst, begins)
        self.candidates += 1
        self.headers_read += 1
        self._candidate, self._acquired, self._head = later
        self._needed = self._payloads.end(later.acquired, later.head)
        return self._rivals.cut(self._buffer, present, burst, later.acquired)

    def _resume(self, position: int) -> None:
        self._candidate = self._acquired = self._whitening = self._head = None
        self._scan = position - position % SHORT_PERIOD
        self._needed = self._scan + self._synchroniser.reach + SHORT_PERIOD
