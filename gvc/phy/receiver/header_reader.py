"""From an acquired burst to its decoded header."""

import dataclasses
import math

import numpy as np

from gvc.errors import ParseError
from gvc.phy import header as burst_header
from gvc.phy.fec.convolutional import CODES
from gvc.phy.header import BurstHeader
from gvc.phy.kernels import chain, preamble
from gvc.phy.kernels.payload import observe_training
from gvc.phy.layout import fragment_symbols
from gvc.phy.numerology import Numerology
from gvc.phy.payload import SOCKETS
from gvc.phy.receiver.channel_estimator import ChannelEstimator, preamble_precision
from gvc.phy.receiver.ofdm_windows import SampleBuffer
from gvc.phy.receiver.synchroniser import Acquisition
from gvc.phy.receiver.whitening import Whitening
from gvc.phy.shape import Shape
from gvc.phy.shape import parse as parse_shape

_MAX_SLOPE = 0.4
"""Residual CFO that is searched, radians a symbol: five standard deviations of the acquisition's at 0 dB."""

_EVIDENCE = 2.0
"""Standard deviations. A header that can be read shows twice as much and more."""


@dataclasses.dataclass(frozen=True)
class Head:
    """A decoded header, the shape of its frame, the symbols complex64 [H D] that sent it, the number of payload symbols
    that follow, the grid complex64 [rx, early + 2 + H, K] of the FFT windows so far, of which the first `early` come
    before the last two of long training, and the residual CFO `slope` in radians a symbol. The grid is the stream's
    times `scale`, a power of two that makes its long training close to unit power, whatever the receiver's gain: all
    that follows works there.
    """

    header: BurstHeader
    shape: Shape
    sent: np.ndarray
    payload_symbols: int
    grid: np.ndarray
    early: int
    slope: float
    scale: float


def header_training(numerology: Numerology, head: Head) -> np.ndarray:
    """Least-squares response in the last two symbols of long training and in the header, which is known once decoded:
    complex64 [rx, 2 + H, K], with the CFO's phase.
    """
    u = numerology
    pilots = u.pilots[: u.header_symbols]
    no_midambles = np.zeros(0, np.int64)
    return observe_training(
        head.grid, head.early, head.grid, no_midambles, u.training, head.sent, u.data_index, pilots, u.pilot_index
    )


class HeaderReader:
    """Estimates the channel from the preamble and decodes the header.

    `first_symbol` is where the FFT window of the first header symbol starts, `length` where that of the last one ends,
    in samples after that of the last but one long training symbol.
    """

    def __init__(self, numerology: Numerology, estimator: ChannelEstimator):
        u = self._numerology = numerology
        self._estimator = estimator
        self.first_symbol = 2 * u.fft_size + u.cyclic_prefix
        rows = self.first_symbol + u.symbol_samples * np.arange(u.header_symbols)
        self.length = int(rows[-1]) + u.fft_size
        self._short = u.short_windows
        self._long = u.long_training_repeats
        long = u.fft_size * np.arange(2 - self._long, 2)
        early = long[0] - 2 * u.cyclic_prefix - u.fft_size * np.arange(self._short, 0, -1)
        self._starts = np.concatenate([early, long, rows])
        self._known = u.training.conj()
        self._pilots = u.pilots[: u.header_symbols]
        self._tones = np.flatnonzero(u.short_grid)
        self._short_known = u.short_grid[self._tones].conj()
        self._precision = preamble_precision(u).astype(np.float32)
        # Phase is counted from the middle of the long training, in symbol periods.
        times = (np.concatenate([early, rows]) - np.mean(long)) / u.symbol_samples
        self._slopes = np.linspace(-_MAX_SLOPE, _MAX_SLOPE, 81)
        # A code that takes milliseconds to decode is not for every tone or stretch of noise that looks like a preamble.
        self._least_evidence = _EVIDENCE if CODES[u.header_code].memory > 10 else -math.inf
        self._turns = np.exp(-1j * self._slopes[:, None] * times)

    def read(self, buffer: SampleBuffer, acquired: Acquisition, whitening: Whitening | None = None) -> Head:
        """What is decoded may be whitened first; the head's grid is not.

        Raises ParseError when the header cannot be decoded or makes no sense, UnknownBurst for another version.
        """
        if whitening is not None:
            head = self.read(whitening.applied(buffer, acquired.window + self.length), acquired)
            grid, scale = self._grid(buffer, acquired)
            return dataclasses.replace(head, grid=grid, scale=scale)
        u = self._numerology
        grid, scale = self._grid(buffer, acquired)
        mean, noise, snr = preamble.long_training(grid, self._known, self._short, self._long)
        snr_db = 10 * math.log10(snr)
        soft, chosen, evidence = chain.soft_header(
            grid, mean, noise,
            self._estimator.smoothing(snr_db + 10 * math.log10(self._long)).matrix,
            self._estimator.preamble_smoothing(snr_db).matrix,
            self._pilots, u.pilot_index, u.data_index, self._tones, self._short_known, self._precision, self._turns,
        )  # fmt: skip
        if evidence < self._least_evidence:
            raise ParseError("no pilots where a header's would be")
        packed = burst_header.decode(soft, u.header_code)
        header = BurstHeader.parse(packed)
        shape = parse_shape(SOCKETS[header.payload_type].shape, header.shape)
        fragments = fragment_symbols(u, shape.elements)
        if header.fragment >= len(fragments):
            raise ParseError(f"fragment {header.fragment}, where the frame takes {len(fragments)}")
        sent = burst_header.encode(packed, u.header_symbols * u.data_carriers, u.header_code)
        slope = float(self._slopes[chosen])
        early = self._short + self._long - 2
        return Head(header, shape, sent, fragments[header.fragment], grid, early, slope, scale)

    def _grid(self, buffer: SampleBuffer, acquired: Acquisition) -> tuple[np.ndarray, float]:
        """A head's `grid` and `scale`."""
        u = self._numerology
        scale = buffer.unit_scale(acquired.window, acquired.window + 2 * u.fft_size)
        return buffer.grid(u, acquired.window + self._starts, acquired.step, acquired.window, scale), scale
