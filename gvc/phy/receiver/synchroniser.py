"""Finding bursts in a stream of samples: detection, timing, carrier frequency offset."""

import dataclasses
import math
from typing import Protocol

import numpy as np
import scipy.fft

from gvc.phy.kernels import detection, plateau
from gvc.phy.numerology import SHORT_PERIOD, Numerology


@dataclasses.dataclass(frozen=True)
class Acquisition:
    """`window` is the column where the FFT window of the first long training symbol starts; `step` the carrier
    frequency offset in radians a sample; `quality` from 0 to 1, the share of energy that is long training.
    """

    window: int
    step: float
    quality: float


class Synchroniser(Protocol):
    """Strategy of kind `synchroniser`, made with (numerology, rx_antennas).

    Its answers may depend only on the samples that it asks for, never on how the stream was cut. `samples` is
    complex64 [rx_antennas, columns], C-contiguous.
    """

    reach: int
    """Columns that `detect` looks ahead of a position."""
    span: int
    """Columns from a candidate that `acquire` looks at."""
    skip: int
    """Columns to go on after a candidate that was none; a multiple of 16."""

    def detect(self, samples: np.ndarray, start: int, stop: int) -> int:
        """Column of the first candidate among positions start, start + 16, ... < stop - reach, or -1."""

    def acquire(self, samples: np.ndarray, candidate: int) -> Acquisition | None:
        """Timing and CFO of the burst near the column `candidate`, None when there is none."""


class SchmidlCox:
    """Autocorrelation of the periodic short training (Schmidl and Cox, IEEE Trans. Commun. 45(12), 1997), then the
    matched filter of the long training under every integer carrier offset that the short training leaves open.

    Sums run over cells of 16 samples that are aligned to the stream: cheap, and the same for every cut. A tone alone is
    no candidate (`kernels.plateau`).

    >>> u = Numerology.load("ofdm64")
    >>> samples = 0.05 * np.random.default_rng(0).standard_normal((8192, 2)) @ [1, 1j]
    >>> samples[1000 : 1000 + u.preamble_samples] += u.preamble
    >>> turned = (samples * np.exp(0.01j * np.arange(8192)))[None].astype(np.complex64)  # a CFO of 0.01 a sample
    >>> synchroniser = SchmidlCox(u)
    >>> found = synchroniser.acquire(turned, synchroniser.detect(turned, 0, 8192))
    >>> found.window == 1000 + u.short_samples + 2 * u.cyclic_prefix - u.timing_advance, round(found.step, 4)
    (True, 0.01)
    """

    FALSE_CANDIDATES = 1e-5
    """Probability that a cell of noise is a candidate; nearly all fail the matched filter, the rest the header CRC."""
    QUALITY = 0.1
    FIRST_PATH = 0.1
    """Power of the earliest path that counts, relative to the strongest."""
    MARGIN = 80

    def __init__(self, numerology: Numerology, rx_antennas: int = 1):
        u = self._numerology = numerology
        self._cells = u.short_training_repeats - 2
        self._threshold = math.sqrt(-math.log(self.FALSE_CANDIDATES) / (SHORT_PERIOD * self._cells * rx_antennas))
        self.reach = SHORT_PERIOD * (2 * self._cells + 2)
        self.skip = SHORT_PERIOD * (self._cells // 2)
        self._search = u.short_samples + 2 * u.cyclic_prefix - SHORT_PERIOD // 2 - self.MARGIN
        self._lags = 2 * self.MARGIN
        shortest = self._lags + 2 * u.fft_size
        self._length = min(m << p for m in (1, 3, 5) for p in range(20) if m << p >= shortest)
        self.span = self._search + self._length
        ambiguity = u.fft_size / SHORT_PERIOD
        turns = math.ceil((u.max_cfo_carriers + ambiguity / 2) / ambiguity)
        offsets = 2 * np.pi / SHORT_PERIOD * np.arange(-turns, turns + 1)
        self._offsets = offsets.tolist()
        self._limit = 2 * np.pi / u.fft_size * u.max_cfo_carriers
        long = u.modulate(u.training)
        shifted = long * np.exp(1j * offsets[:, None] * np.arange(u.fft_size))
        self._filters = np.conj(scipy.fft.fft(shifted, self._length, axis=1)).astype(np.complex64)

    def detect(self, samples: np.ndarray, start: int, stop: int) -> int:
        cells = (stop - start) // SHORT_PERIOD - 1
        if cells < 2 * self._cells:
            return -1
        sums = detection.cell_sums(samples.view(np.float32), start, cells)
        found = plateau.first_plateau(samples, start, *sums, self._cells, self._cells, self._threshold)
        return -1 if found < 0 else start + SHORT_PERIOD * found

    def acquire(self, samples: np.ndarray, candidate: int) -> Acquisition | None:
        u = self._numerology
        n = u.fft_size
        start, stop = candidate + SHORT_PERIOD // 2, candidate + u.short_samples - 2 * SHORT_PERIOD
        step = detection.refine_step(samples, start, stop, SHORT_PERIOD, 0.0)
        step = detection.refine_step(samples, start, stop, min(n, 4 * SHORT_PERIOD), step)
        begin = candidate + self._search
        region = detection.derotated(samples, begin, self._length, step)
        allowed = [i for i, offset in enumerate(self._offsets) if abs(step + offset) <= self._limit]
        if not allowed:
            return None
        filters = self._filters[allowed[0] : allowed[-1] + 1]
        products = scipy.fft.fft(region, axis=1)[:, None, :] * filters
        response = scipy.fft.ifft(products, axis=2, overwrite_x=True)
        turn, first, quality = detection.first_path(
            response, region, self._lags, n, u.cyclic_prefix // 2, self.FIRST_PATH
        )
        if quality < self.QUALITY:
            return None
        window = begin + first - u.timing_advance
        step += self._offsets[allowed[turn]]
        # The long training repeats after n samples, and so does the short one.
        step = detection.refine_step_jointly(
            samples, window - u.cyclic_prefix // 2, window + 2 * n, start, stop, n, step
        )
        return Acquisition(window=window, step=float(step), quality=float(quality))
