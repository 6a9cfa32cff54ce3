"""Two bursts at once: the stronger is taken."""

import dataclasses
from typing import NamedTuple

import numpy as np

from gvc.errors import ParseError
from gvc.noise_map import NU_MAX
from gvc.phy.frames import ReceivedBurst
from gvc.phy.layout import burst_layout
from gvc.phy.numerology import SHORT_PERIOD, Numerology
from gvc.phy.receiver.header_reader import Head, HeaderReader, header_training
from gvc.phy.receiver.ofdm_windows import SampleBuffer
from gvc.phy.receiver.payload_reader import PayloadReader
from gvc.phy.receiver.synchroniser import Acquisition, Synchroniser

STRETCH = 1 << 11
"""Positions searched at a time: bursts often follow closely, and what lies behind the next is not looked at."""


class Heard(NamedTuple):
    """A burst whose header was read: stream position of its candidate, timing, header."""

    candidate: int
    acquired: Acquisition
    head: Head


class Rivals:
    """Looks for a stronger burst that begins within another one's span, and cuts the weaker one there.

    Only samples up to the present burst's end are looked at: the result does not depend on what has come since, and no
    burst waits for what may never come. A rival whose header ends later is known by its preamble alone, which is enough
    to cut there; it is found itself when the search goes on at `last_position`.
    """

    CLEARLY = 1.5
    """Times as strong a rival without a header has to be: its long training alone says less than a header too."""

    def __init__(
        self, numerology: Numerology, synchroniser: Synchroniser, headers: HeaderReader, payloads: PayloadReader
    ):
        self._numerology = numerology
        self._synchroniser = synchroniser
        self._headers = headers
        self._payloads = payloads
        self._reach = synchroniser.span + headers.length
        u = numerology
        starts = [0, u.fft_size, *(headers.first_symbol + u.symbol_samples * np.arange(u.header_symbols))]
        self._times = np.array(starts) / u.symbol_samples

    def last_position(self, present: Heard) -> int:
        """Up to which position of the stream a later burst shows its header before the present one ends."""
        return self._payloads.end(present.acquired, present.head) - self._reach

    def stronger(self, buffer: SampleBuffer, present: Heard) -> Heard | None:
        """The first burst with a readable header behind the present one's preamble that is stronger."""
        last = self.last_position(present)
        position = present.candidate + self._synchroniser.skip
        while (candidate := self._detect(buffer, position, last)) is not None:
            found = self._read(buffer, candidate, present)
            # The same header is an echo of the present burst.
            if found and found.head.header != present.head.header:
                if self._strength(found.head) > self._strength(present.head):
                    return found
            position = candidate + self._synchroniser.skip
        return None

    def beginning(self, buffer: SampleBuffer, present: Heard) -> Acquisition | None:
        """The preamble of a clearly stronger burst in the last part of the present one."""
        u = self._numerology
        span = self._synchroniser.span
        last = self._payloads.end(present.acquired, present.head) - span
        position = max(self.last_position(present), present.candidate + self._synchroniser.skip)
        while (candidate := self._detect(buffer, position, last)) is not None:
            found = self._acquire(buffer, candidate, present)
            if found and found.window + 2 * u.fft_size <= last + span:
                starts = found.window + np.array([0, u.fft_size])
                one, two = np.moveaxis(buffer.grid(u, starts, found.step, found.window, 1.0), 1, 0)
                power = (np.linalg.norm(one + two) ** 2 - np.linalg.norm(one - two) ** 2) / (4 * one.shape[1])
                if power > self.CLEARLY * self._strength(present.head):
                    return found
            position = candidate + self._synchroniser.skip
        return None

    def cut(self, buffer: SampleBuffer, present: Heard, burst: ReceivedBurst, later: Acquisition) -> ReceivedBurst:
        """`burst`, read of `present`, as it is known without what lies under `later`: all after the last training
        symbol that ends before is erased, and the rest is read again as the shorter burst that it then is.
        """
        u = self._numerology
        count = present.head.payload_symbols
        begins = later.window + 2 * u.fft_size - u.preamble_samples
        rows = burst_layout(u, count).midamble_rows
        windows = present.acquired.window + self._headers.first_symbol + u.symbol_samples * rows
        kept = min(count, u.midamble_period * int(np.sum(windows + u.fft_size <= begins)))
        if kept == count:
            return burst
        if kept:
            head = dataclasses.replace(present.head, payload_symbols=kept)
            burst = self._payloads.read(buffer, present.acquired, head)
        agreement = burst.agreement if kept else burst.agreement._replace(left=0)
        symbols = np.zeros((count, u.data_carriers), np.complex64)
        noise_map = np.full(symbols.shape, NU_MAX, np.float32)
        symbols[:kept], noise_map[:kept] = burst.symbols[:kept], burst.noise_map[:kept]
        raw = None
        if burst.raw is not None:
            raw = np.zeros((len(burst.raw), *symbols.shape), np.complex64)
            raw[:, :kept] = burst.raw[:, :kept]
        return dataclasses.replace(burst, symbols=symbols, noise_map=noise_map, raw=raw, agreement=agreement)

    def _strength(self, head: Head) -> float:
        """Power of a burst in the stream's own scale, summed over antennas: what long training and header have in
        common over what was sent, from products of different symbols alone, in which whatever lies over them averages
        out. (Over long training alone it would not: short training of another burst, and cyclic prefixes, repeat too.)
        """
        rows = header_training(self._numerology, head)
        rows *= np.exp(-1j * head.slope * self._times).astype(np.complex64)[:, None]
        count = rows.shape[1]
        products = np.linalg.norm(rows.sum(axis=1)) ** 2 - np.linalg.norm(rows) ** 2
        return float(products) / (count * (count - 1) * rows.shape[2] * head.scale**2)

    def _detect(self, buffer: SampleBuffer, position: int, last: int) -> int | None:
        reach = self._synchroniser.reach
        while position < last:
            stop = min(position + STRETCH, last)
            found = self._synchroniser.detect(buffer.columns, position - buffer.origin, stop + reach - buffer.origin)
            if found >= 0:
                return found + buffer.origin if found + buffer.origin <= last else None
            position += max(1, (stop - position) // SHORT_PERIOD) * SHORT_PERIOD
        return None

    def _acquire(self, buffer: SampleBuffer, candidate: int, present: Heard) -> Acquisition | None:
        """Timing and CFO of a burst near the candidate, other than the present one."""
        found = self._synchroniser.acquire(buffer.columns, candidate - buffer.origin)
        if found is None:
            return None
        found = dataclasses.replace(found, window=found.window + buffer.origin)
        return found if abs(found.window - present.acquired.window) > self._numerology.cyclic_prefix else None

    def _read(self, buffer: SampleBuffer, candidate: int, present: Heard) -> Heard | None:
        acquired = self._acquire(buffer, candidate, present)
        if acquired is None:
            return None
        try:
            return Heard(candidate, acquired, self._headers.read(buffer, acquired))
        except ParseError:
            return None
