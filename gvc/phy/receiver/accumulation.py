"""Finding bursts far below the noise: the whole preamble is summed up, coherently where the carrier offset allows."""

import functools
import math

import numpy as np
import scipy.fft
import scipy.optimize
import scipy.special

from gvc.phy.kernels import detection, lags
from gvc.phy.numerology import SHORT_PERIOD, Numerology
from gvc.phy.receiver import periodogram
from gvc.phy.receiver.synchroniser import Acquisition

PADDING = 4
"""Points of a Fourier transform over the periods it sums up."""


class Accumulation:
    """Detection by the short training's correlation at many lags, acquisition by Fourier transforms of its periods and
    by the matched filter of the whole preamble.

    The correlations at lags of 1 to LAGS periods turn by multiples of the same angle, the carrier offset's over one
    period. Their sum, turned back by the best of FREQUENCIES angles, is the periodogram at the period's harmonics
    (Welch, IEEE Trans. Audio Electroacoust. 15(2), 1967, in correlations): coherent over LAGS periods, whatever the
    channel's delays. One lag alone, as in `schmidl-cox`, multiplies noise by noise.

    Sums run over cells of 16 samples that are aligned to the stream: the same for every cut.
    """

    LAGS = 8
    FREQUENCIES = 32
    FALSE_CANDIDATES = 1e-4
    """Bound on the probability that a cell of noise passes at one frequency."""
    FALSE_ACQUISITIONS = 1e-5
    """Probability that noise passes the matched filter at one time and carrier offset."""
    FIRST_PATH = 0.1
    """Power of the earliest path that counts, relative to the strongest."""
    ABOVE_NOISE = 8.0
    """And relative to the noise behind the matched filter."""

    def __init__(self, numerology: Numerology, rx_antennas: int = 1):
        u = self._numerology = numerology
        self._window = u.short_training_repeats - 2
        self._lags = min(self.LAGS, self._window // 2)
        angles = 2 * np.pi / self.FREQUENCIES * np.arange(self.FREQUENCIES) * np.arange(1, self._lags + 1)[:, None]
        self._turns = np.concatenate([np.cos(angles), np.sin(angles)]).astype(np.float32)
        self._threshold = noise_threshold(self._window, self._lags, SHORT_PERIOD * rx_antennas, self.FALSE_CANDIDATES)
        self._margin = SHORT_PERIOD * (2 + u.short_training_repeats // 4)
        self.reach = self._margin + SHORT_PERIOD * 2 * self._window
        self.skip = 3 * self._margin - SHORT_PERIOD
        self._size = u.preamble_samples
        self._long = u.short_samples + 2 * u.cyclic_prefix
        self._length = self.span = scipy.fft.next_fast_len(3 * self._margin + self._size)
        ambiguity = u.fft_size / SHORT_PERIOD
        turns = math.ceil((u.max_cfo_carriers + ambiguity / 2) / ambiguity)
        self._offsets = 2 * np.pi / SHORT_PERIOD * np.arange(-turns, turns + 1)
        self._limit = 2 * np.pi / u.fft_size * u.max_cfo_carriers
        shifted = u.preamble * np.exp(1j * self._offsets[:, None] * np.arange(self._size))
        self._filters = np.conj(scipy.fft.fft(shifted, self._length, axis=1)).astype(np.complex64)
        self._quality = float(scipy.special.gammainccinv(rx_antennas, self.FALSE_ACQUISITIONS)) / self._size

    def detect(self, samples: np.ndarray, start: int, stop: int) -> int:
        # The strongest cell is off by up to `margin`, and the candidate is to lie before the burst. The first that
        # passes bounds it, since the receiver may have come from a burst close before.
        cells = (stop - start - self._margin) // SHORT_PERIOD
        if cells < 2 * self._window:
            return -1
        products, energy = lags.lag_products(samples.view(np.float32), start + self._margin, cells, self._lags)
        back = self._margin // SHORT_PERIOD
        found = lags.first_periodic(products, energy, self._turns, self._window, self._window, back, self._threshold)
        return -1 if found < 0 else start + SHORT_PERIOD * found

    def acquire(self, samples: np.ndarray, candidate: int) -> Acquisition | None:
        u = self._numerology
        starts = range(candidate, candidate + 3 * self._margin, self._margin)
        _, step = max(_fine_step(samples, start, self._window) for start in starts)
        region = detection.derotated(samples, candidate, self._length, step)
        allowed = np.flatnonzero(np.abs(step + self._offsets) <= self._limit)
        if not len(allowed):
            return None
        products = scipy.fft.fft(region, axis=1)[:, None, :] * self._filters[allowed]
        response = scipy.fft.ifft(products, axis=2, overwrite_x=True)[:, :, : 3 * self._margin]
        power = np.sum(response.real**2 + response.imag**2, axis=0)
        turn, peak = (int(i) for i in np.unravel_index(np.argmax(power), power.shape))
        energy = _energy(region[:, peak : peak + self._size])
        quality = float(power[turn, peak]) / (self._size * energy) if energy > 0 else 0.0
        if quality < self._quality:
            return None
        offset = float(self._offsets[allowed[turn]])
        first = candidate + self._first_path(region, peak, offset)
        # Again over the short training alone.
        _, better = _fine_step(samples, candidate + peak, u.short_training_repeats)
        step += offset + (better - step + np.pi / SHORT_PERIOD) % (2 * np.pi / SHORT_PERIOD) - np.pi / SHORT_PERIOD
        window = first + u.preamble_samples - 2 * u.fft_size - u.timing_advance
        return Acquisition(window=window, step=float(step), quality=quality)

    def _first_path(self, region: np.ndarray, peak: int, offset: float) -> int:
        """The earliest path, at most half a cyclic prefix before the strongest at delay `peak`, in the long training
        alone: the short one repeats itself after 16 samples.
        """
        u = self._numerology
        long = u.preamble[self._long :] * np.exp(1j * offset * np.arange(self._size - self._long))
        earliest = max(0, peak - u.cyclic_prefix // 2)
        heard = region[:, earliest + self._long : peak + self._size]
        power = np.sum([np.abs(np.correlate(antenna, long, "valid")) ** 2 for antenna in heard], axis=0)
        noise = _energy(heard[:, peak - earliest :])
        floor = min(power[-1], max(self.FIRST_PATH * power[-1], self.ABOVE_NOISE * noise))
        return earliest + int(np.argmax(power >= floor))


def _fine_step(samples: np.ndarray, start: int, cells: int) -> tuple[float, float]:
    """Power and carrier offset, in radians a sample and up to multiples of a turn in 16 samples, of short training in
    `cells` cells from column `start`: the peak of its periods' Fourier transforms, coherent over all of them.
    """
    periods = samples[:, start : start + SHORT_PERIOD * cells].reshape(len(samples), -1, SHORT_PERIOD)
    spectrum = scipy.fft.fft(periods, scipy.fft.next_fast_len(PADDING * cells), axis=1)
    power = np.sum(spectrum.real**2 + spectrum.imag**2, axis=(0, 2))
    turns = periodogram.peak(power) / len(power)
    return float(power.max()), 2 * math.pi / SHORT_PERIOD * (turns - round(turns))


@functools.lru_cache(maxsize=8)
def noise_threshold(window: int, lags: int, places: int, probability: float) -> float:
    """What noise passes with at most that probability: correlations of `window` cells at `lags` lags over their energy.

    That is x' A x over x' x, summed over `places` independent places in a period; Chernoff's bound of
    P(x' (A - t) x > 0) for complex Gaussian x is the least of prod(1 - s (eigenvalue - t))^-places over s > 0.
    """
    cells = np.arange(window)
    apart = cells[:, None] - cells
    matrix = np.where((apart > 0) & (apart <= lags) & (cells[:, None] >= lags), 0.5, 0.0)
    values = np.linalg.eigvalsh(matrix + matrix.T)
    share = np.linspace(0, 1, 201)[1:-1, None]

    def bound(threshold: float) -> float:
        s = share / (values[-1] - threshold)
        return places * float(np.min(-np.sum(np.log1p(-s * (values - threshold)), axis=1)))

    return float(scipy.optimize.brentq(lambda t: bound(t) - math.log(probability), 0.0, values[-1] * (1 - 1e-9)))


def _energy(samples: np.ndarray) -> float:
    return float(np.sum(samples.real**2 + samples.imag**2))
