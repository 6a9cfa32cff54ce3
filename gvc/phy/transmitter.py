"""Frames of symbols to bursts of samples."""

import dataclasses

import numpy as np

from gvc.errors import InputError
from gvc.phy import header as burst_header
from gvc.phy.frames import SymbolFrame
from gvc.phy.header import BurstHeader
from gvc.phy.layout import burst_layout, fragment_symbols
from gvc.phy.numerology import Numerology
from gvc.phy.payload import create_payload, socket
from gvc.phy.peak_limiter import PeakLimiter


class BurstTransmitter:
    """Framing, scrambling, interleaving, OFDM modulation and peak limiting.

    Samples of a burst have mean power 1 and every occupied resource element has mean power 1: with noise of variance
    10^(-snr_db / 10) / numerology.occupied_fraction per sample, the mean Es/N0 of a resource element is snr_db.

    Args:
        numerology: the waveform.
        sequence: number of the first burst.
        stream: identity of this transmission, 0 to 65535; another one for each.
        coder: what makes the symbols, 0 to 4095; see `gvc.phy.identity`.
    """

    signal_power = 1.0

    def __init__(self, numerology: Numerology, sequence: int = 0, stream: int = 0, coder: int = 0):
        self.numerology = numerology
        self.limiter = PeakLimiter(numerology.clip_backoff_db)
        self.bursts_sent = 0
        self.stream, self.coder = stream, coder
        self._sequence = sequence

    @property
    def occupied_fraction(self) -> float:
        """Occupied carriers over FFT size."""
        return self.numerology.occupied_fraction

    def bursts(self, frame: SymbolFrame) -> list[np.ndarray]:
        """The bursts of a frame, complex64 [samples] each, its trailing gap included.

        Raises InputError when symbols and shape contradict, are not finite, or do not fit the header.
        """
        u = self.numerology
        header = self._header(frame)
        fragments = fragment_symbols(u, len(frame.symbols))
        payload = create_payload(frame.payload_type, u.scramble_seed)
        elements = payload.spread(frame.symbols, sum(fragments) * u.data_carriers).reshape(-1, u.data_carriers)
        ends = np.cumsum(fragments)
        result = []
        for fragment, (symbols, end) in enumerate(zip(fragments, ends, strict=True)):
            numbered = dataclasses.replace(header, sequence=self._sequence, fragment=fragment)
            result.append(self._burst(numbered, elements[end - symbols : end]))
            self._sequence = (self._sequence + 1) & 0xFFFFFFFF
        self.bursts_sent += len(result)
        return result

    def flush_samples(self) -> np.ndarray:
        """Zeros that push the last burst out of a channel's and a receiver's delays: complex64 [n]."""
        return np.zeros(8 * self.numerology.symbol_samples, np.complex64)

    def _header(self, frame: SymbolFrame) -> BurstHeader:
        """The header of a frame's first burst."""
        if len(frame.symbols) != frame.shape.elements:
            raise InputError(
                f"frame {frame.frame_id}: {len(frame.symbols)} symbols, but {frame.shape} makes {frame.shape.elements}"
            )
        if not isinstance(frame.shape, socket(frame.payload_type).shape):
            raise InputError(f"frame {frame.frame_id}: payload type {frame.payload_type} has no {frame.shape}")
        if not np.all(np.isfinite(frame.symbols.view(np.float32))):
            raise InputError(f"frame {frame.frame_id}: symbols must be finite")
        return BurstHeader(
            sequence=self._sequence,
            frame=frame.frame_id & 0x7FFFFFF,
            fragment=0,
            payload_type=frame.payload_type,
            mode=frame.mode,
            shape=frame.shape.pack(),
            last=frame.last,
            slot=frame.slot,
            slots=frame.slots,
            stream=self.stream,
            coder=self.coder,
        )

    def _burst(self, header: BurstHeader, elements: np.ndarray) -> np.ndarray:
        u = self.numerology
        layout = burst_layout(u, len(elements))
        pilots = u.pilots[: layout.rows]
        grid = np.empty((layout.rows, len(u.carriers)), np.complex64)
        grid[:, u.pilot_index] = pilots
        coded = burst_header.encode(header.pack(), u.header_symbols * u.data_carriers, u.header_code)
        grid[: u.header_symbols, u.data_index] = coded.reshape(u.header_symbols, -1)
        grid[np.ix_(layout.payload_rows, u.data_index)] = elements
        grid[layout.midamble_rows] = u.training
        periods = u.modulate(grid)
        # Training symbols have low peaks and stay as the receiver expects them.
        limited = np.setdiff1d(np.arange(layout.rows), layout.midamble_rows)
        periods[limited] = self.limiter.apply(periods[limited])
        gap = np.zeros(u.gap_symbols * u.symbol_samples, np.complex64)
        symbols = np.concatenate([periods[:, -u.cyclic_prefix :], periods], axis=1)
        return np.concatenate([u.preamble, symbols.ravel(), gap], dtype=np.complex64)
