"""A stream of samples to bursts of symbols with their noise map."""

import functools
from typing import Protocol

import numpy as np
import scipy.fft

from gvc import registry
from gvc.errors import InputError, ParseError
from gvc.noise_map import NU_MAX, NU_MIN
from gvc.phy import header as burst_header
from gvc.phy import kernels
from gvc.phy.channel_estimator import Smoothing, preamble_precision
from gvc.phy.frames import ReceivedBurst
from gvc.phy.header import BurstHeader
from gvc.phy.interpolation import TimeInterpolator, TimeWeights
from gvc.phy.layout import burst_layout, fragment_symbols
from gvc.phy.numerology import SHORT_PERIOD, Numerology
from gvc.phy.payload import SOCKETS, erase
from gvc.phy.peak_limiter import PeakLimiter
from gvc.phy.synchroniser import Acquisition

_BLOCK = 1 << 16


class Genie(Protocol):
    """Perfect channel state, for measuring what estimation costs."""

    noise_variance: float

    def response(self, starts: np.ndarray, step: float, origin: int) -> np.ndarray:
        """Response complex64 [rx, windows, K] in FFT windows that start at the stream's samples `starts`, int64, after
        derotation by `step` radians a sample from sample `origin`.
        """


class BurstReceiver:
    """Detection, synchronisation, channel estimation, equalisation and noise map.

    What it returns depends on the stream alone, not on how the stream is cut into pushes. Samples that are not
    finite count as 0 (`bad_samples`). Work and memory for a push are bounded.

    Args:
        numerology: the transmitter's.
        synchroniser, channel_estimator, equaliser: strategies by registry name or `package.module:Class`.
        rx_antennas: number of antennas, combined.
        center_frequency_hz: carrier frequency, which relates the sampling offset to the CFO.
        one_oscillator: the sampling offset follows from the CFO; otherwise it is estimated.
        phase_window: symbols on each side over which the pilots' phase is averaged.
        keep_raw: keep the resource elements before the equaliser in each burst.
        genie: perfect channel state in place of the estimates.

    Attributes: `samples` pushed so far, `bad_samples`, `candidates` (detections), `bad_headers` (detections whose header
    was not decodable).
    """

    def __init__(
        self,
        numerology: Numerology,
        synchroniser: str = "schmidl-cox",
        channel_estimator: str = "dft-smoothed",
        equaliser: str = "mmse",
        rx_antennas: int = 1,
        center_frequency_hz: float = 2.4e9,
        one_oscillator: bool = True,
        phase_window: int = 8,
        keep_raw: bool = False,
        genie: Genie | None = None,
    ):
        if rx_antennas < 1:
            raise InputError(f"rx_antennas is {rx_antennas}, it must be at least 1")
        u = self.numerology = numerology
        self.rx_antennas = rx_antennas
        self.samples = 0
        self.bad_samples = 0
        self.candidates = 0
        self.bad_headers = 0
        self._synchroniser = registry.create(
            "synchroniser", synchroniser, numerology=numerology, rx_antennas=rx_antennas
        )
        self._estimator = registry.create("channel_estimator", channel_estimator, numerology=numerology)
        self._equaliser = registry.create("equaliser", equaliser)
        self._interpolator = TimeInterpolator(numerology)
        self._center_frequency_hz = center_frequency_hz
        self._one_oscillator = one_oscillator
        self._phase_window = phase_window
        self._keep_raw = keep_raw
        self._genie = genie
        self._clip_noise = PeakLimiter(u.clip_backoff_db).distortion * u.occupied_fraction
        longest = burst_layout(u, u.payload_symbols).samples + self._synchroniser.span + self._synchroniser.reach
        self._buffer = np.zeros((rx_antennas, 2 * longest + 2 * _BLOCK), np.complex64)
        self._origin = 0
        self._filled = 0
        self._scan = 0
        self._needed = 0
        self._candidate: int | None = None
        self._acquired: Acquisition | None = None
        self._head: tuple[BurstHeader, np.ndarray, float] | None = None
        rows = (2 * u.fft_size + u.cyclic_prefix) + u.symbol_samples * np.arange(u.header_symbols)
        self._head_starts = np.concatenate([[0, u.fft_size], rows])
        short = u.short_grid
        self._tones = np.flatnonzero(short)
        self._short_known = short[self._tones].conj()
        self._precision = preamble_precision(u).astype(np.float32)
        self._short_starts = -2 * u.cyclic_prefix - u.fft_size * np.arange(u.short_samples // u.fft_size, 0, -1)
        # Phase is counted from the middle of the long training, in symbol periods.
        self._centre = (self._head_starts[2:] - u.fft_size / 2) / u.symbol_samples
        before = (self._short_starts - u.fft_size / 2) / u.symbol_samples
        self._slopes = np.linspace(-0.4, 0.4, 81)
        self._head_times = np.concatenate([before, self._centre])
        self._slope_grid = np.exp(-1j * self._slopes[:, None] * self._head_times)
        self._carriers = u.carriers.astype(np.float64)

    def push(self, samples: np.ndarray) -> list[ReceivedBurst]:
        """The bursts that are complete with these samples, complex [n] or [rx_antennas, n].

        Raises InputError when the number of antennas differs.
        """
        samples = np.atleast_2d(np.asarray(samples))
        if samples.ndim != 2 or samples.shape[0] != self.rx_antennas:
            raise InputError(f"samples of shape {samples.shape}; this receiver has {self.rx_antennas} antennas")
        bursts: list[ReceivedBurst] = []
        for start in range(0, samples.shape[1], _BLOCK):
            self._append(np.ascontiguousarray(samples[:, start : start + _BLOCK], np.complex64))
            while self._needed <= self.samples:
                burst = self._advance()
                if burst is not None:
                    bursts.append(burst)
        return bursts

    def _append(self, block: np.ndarray) -> None:
        length = block.shape[1]
        if self._filled + length > self._buffer.shape[1]:
            keep = self._scan if self._candidate is None else self._candidate
            drop = keep - self._origin
            self._filled -= drop
            self._buffer[:, : self._filled] = self._buffer[:, drop : drop + self._filled].copy()
            self._origin = keep
        self.bad_samples += kernels.take_finite(block, self._buffer, self._filled)
        self._filled += length
        self.samples += length

    def _advance(self) -> ReceivedBurst | None:
        """One step of the search; afterwards `_needed` says up to which sample the stream must have come for the next."""
        if self._candidate is None:
            self._search()
        elif self._acquired is None:
            self._acquire(self._candidate)
        elif self._head is None:
            self._read_header(self._acquired)
        else:
            return self._read_payload(self._acquired, *self._head)
        return None

    def _search(self) -> None:
        s = self._synchroniser
        start = self._scan - self._origin
        found = s.detect(self._buffer, start, self._filled)
        if found >= 0:
            self.candidates += 1
            self._candidate = self._origin + found
            self._needed = self._candidate + s.span
        else:
            positions = max(0, (self._filled - start - s.reach) // SHORT_PERIOD)
            self._scan += positions * SHORT_PERIOD
            self._needed = max(self.samples + 1, self._scan + s.reach + SHORT_PERIOD)

    def _acquire(self, candidate: int) -> None:
        found = self._synchroniser.acquire(self._buffer, candidate - self._origin)
        if found is None:
            self._resume(candidate + self._synchroniser.skip)
        else:
            self._acquired = Acquisition(found.window + self._origin, found.step, found.quality)
            self._needed = self._acquired.window + int(self._head_starts[-1]) + self.numerology.fft_size

    def _resume(self, position: int) -> None:
        self._candidate = self._acquired = self._head = None
        self._scan = position - position % SHORT_PERIOD
        self._needed = self._scan + self._synchroniser.reach

    def _grid(self, starts: np.ndarray, step: float, origin: int) -> np.ndarray:
        """Occupied carriers of FFT windows at the stream's samples `starts`: complex64 [rx, windows, K]."""
        u = self.numerology
        cut = kernels.windows(self._buffer, starts - self._origin, u.fft_size, step, origin - self._origin)
        spectrum = scipy.fft.fft(cut, axis=2, overwrite_x=True)
        return spectrum[:, :, u.bins] * np.float32(1 / u.amplitude)

    def _read_header(self, acquired: Acquisition) -> None:
        u = self.numerology
        starts = acquired.window + np.concatenate([self._short_starts, self._head_starts])
        short, grid = np.split(self._grid(starts, acquired.step, acquired.window), [len(self._short_starts)], axis=1)
        short = short[:, :, self._tones] * self._short_known
        long = grid[:, :2] * u.training.conj()
        rows = np.ascontiguousarray(grid[:, 2:])
        noise = np.mean(np.abs(long[:, 0] - long[:, 1]) ** 2, axis=1) / 2 + 1e-12
        mean = np.mean(long, axis=1)
        power = np.mean(np.abs(mean) ** 2, axis=1) + 1e-12
        snr_db = 10 * np.log10(max(float(np.max(power / noise)) - 0.5, 0.1))
        # First with the long training alone, for the residual CFO; then with the short training turned to it as well.
        slope = self._residual_slope(rows, short, self._estimator.smoothing(snr_db + 3).apply(mean), noise)
        early = np.exp(-1j * slope * self._head_times[: len(self._short_starts)]).astype(np.complex64)
        mean *= 2
        mean[:, self._tones] += np.einsum("arj,r->aj", short, early)
        response = self._estimator.preamble_smoothing(snr_db).apply(mean / self._precision)
        turn = np.exp(-1j * slope * self._centre)[:, None]
        soft = np.sum(rows * (response.conj() / noise[:, None])[:, None], axis=0) * turn
        try:
            header = burst_header.decode(soft[:, u.data_index].ravel())
            if header.payload_type not in SOCKETS:
                raise ParseError(f"payload type {header.payload_type}")
            fragments = fragment_symbols(u, header.elements)
            if header.fragments != len(fragments):
                raise ParseError(f"{header.fragments} fragments, not {len(fragments)}")
        except ParseError:
            self.bad_headers += 1
            self._resume(self._candidate + self._synchroniser.skip)
            return
        self._head = header, grid, slope
        layout = burst_layout(u, fragments[header.fragment])
        self._needed = acquired.window + int(self._head_starts[2]) + (layout.rows - 1) * u.symbol_samples + u.fft_size

    def _residual_slope(
        self, rows: np.ndarray, short: np.ndarray, response: np.ndarray, noise: np.ndarray
    ) -> float:
        """Residual CFO in radians a symbol that best aligns header pilots and short training to the long training."""
        u = self.numerology
        spread = np.ascontiguousarray(np.broadcast_to(response[:, None], rows.shape))
        pilots = u.pilots(u.header_symbols)
        later, _ = kernels.pilot_products(rows, spread, pilots, u.pilot_index, 1 / noise)
        earlier = np.einsum("arj,aj->r", short, response[:, self._tones].conj() / noise[:, None])
        return float(self._slopes[int(np.argmax((self._slope_grid @ np.concatenate([earlier, later])).real))])

    def _read_payload(
        self, acquired: Acquisition, header: BurstHeader, head: np.ndarray, slope: float
    ) -> ReceivedBurst:
        u = self.numerology
        count = fragment_symbols(u, header.elements)[header.fragment]
        layout = burst_layout(u, count)
        first = acquired.window + int(self._head_starts[2])
        starts = first + u.symbol_samples * np.arange(u.header_symbols, layout.rows)
        tail = self._grid(starts, acquired.step, acquired.window)
        midambles = layout.midamble_rows - u.header_symbols
        payload = layout.payload_rows - u.header_symbols
        known = self._known(header)
        observed = np.concatenate([head, tail[:, midambles]], axis=1)
        observed *= np.concatenate([known, np.broadcast_to(u.training.conj(), (len(midambles), len(u.carriers)))])
        training_times, payload_times = self._interpolator.times(count)
        slope = self._refine_slope(observed, training_times, slope)
        cfo = (acquired.step + slope / u.symbol_samples) / (2 * np.pi) * u.sample_rate_hz
        # A fast transmitter clock (positive CFO) brings symbols early by cfo / carrier frequency of the time passed.
        drift = -2 * np.pi * cfo / self._center_frequency_hz * u.symbol_samples / u.fft_size
        if not self._one_oscillator:
            drift = self._estimate_drift(observed, training_times)
        kernels.rotate(observed, slope * training_times, -drift * training_times, self._carriers)
        received = np.ascontiguousarray(tail[:, payload])
        kernels.rotate(received, slope * payload_times, -drift * payload_times, self._carriers)
        pilots = u.pilots(layout.rows)[layout.payload_rows]
        response, noise, variance, trained = self._estimate(observed, received, pilots, count)
        if self._genie is not None:
            received = np.ascontiguousarray(tail[:, payload])
            response = self._genie.response(starts[payload], acquired.step, acquired.window)
            noise = np.full(len(noise), self._genie.noise_variance, np.float32)
            variance = np.broadcast_to(noise[:, None, None], response.shape).astype(np.float32)
        symbols, noise_map = self._equaliser.equalise(
            np.ascontiguousarray(received[:, :, u.data_index]),
            np.ascontiguousarray(response[:, :, u.data_index]),
            np.ascontiguousarray(variance[:, :, u.data_index]),
        )
        erase(symbols, noise_map, noise_map > NU_MAX)
        noise_map = np.maximum(noise_map, np.float32(NU_MIN))
        power = np.mean(np.abs(trained) ** 2, axis=(1, 2))
        at = u.pilot_index
        pilot_symbols, _ = self._equaliser.equalise(received[:, :, at], response[:, :, at], variance[:, :, at])
        pilot_error = float(np.mean(np.abs(pilot_symbols - pilots) ** 2))
        burst = ReceivedBurst(
            header=header,
            symbols=symbols,
            noise_map=noise_map,
            snr_db=float(10 * np.log10(np.sum(power) / np.sum(noise))),
            evm_db=float(10 * np.log10(pilot_error + 1e-12)),
            cfo_hz=float(cfo),
            start_sample=acquired.window - u.short_samples - 2 * u.cyclic_prefix + u.timing_advance,
            channel=trained,
            channel_samples=acquired.window + np.rint(training_times * u.symbol_samples).astype(np.int64),
            noise_variance=noise,
            raw=received[:, :, u.data_index] if self._keep_raw else None,
        )
        self._resume(int(starts[-1]) + u.fft_size - SHORT_PERIOD)
        return burst

    def _known(self, header: BurstHeader) -> np.ndarray:
        """Conjugate of what long training and header sent: complex64 [2 + header_symbols, K].

        A decoded header is known, so its symbols train the channel estimate as well.
        """
        u = self.numerology
        known = np.empty((2 + u.header_symbols, len(u.carriers)), np.complex64)
        known[:2] = u.training.conj()
        known[2:, u.pilot_index] = u.pilots(u.header_symbols)
        coded = burst_header.encode(header, u.header_symbols * u.data_carriers)
        known[2:, u.data_index] = coded.conj().reshape(u.header_symbols, -1)
        return known

    def _refine_slope(self, observed: np.ndarray, times: np.ndarray, slope: float) -> float:
        """Residual CFO in radians a symbol, from the header's estimate `slope` and ever longer baselines."""
        group = 2 + self.numerology.header_symbols
        turned = observed[:, :group] * np.exp(-1j * slope * times[:group])[:, None].astype(np.complex64)
        mean = np.mean(turned, axis=1)
        phase = np.angle(np.sum(turned * mean.conj()[:, None], axis=(0, 2)))
        centred = times[:group] - np.mean(times[:group])
        slope += float(phase @ centred / (centred @ centred))
        turned = observed[:, :group] * np.exp(-1j * slope * times[:group])[:, None].astype(np.complex64)
        reference = np.mean(turned, axis=1).conj()[:, None]
        products = np.sum(observed[:, group:] * reference, axis=(0, 2))
        for product, later in zip(products, times[group:] - np.mean(times[:group]), strict=True):
            offset = slope * (later + np.mean(times[:group]))
            slope += float(np.angle(product * np.exp(-1j * offset))) / float(later)
        return slope

    def _estimate_drift(self, observed: np.ndarray, times: np.ndarray) -> float:
        """Phase slope in radians a carrier and symbol that a sampling offset makes, from first to last training."""
        group = 2 + self.numerology.header_symbols
        half = observed.shape[2] // 2
        turned = observed[:, -1] * np.mean(observed[:, :group], axis=1).conj()
        apart = self._carriers[half:] - self._carriers[:half]
        angle = float(np.angle(np.sum(turned[:, half:] * turned[:, :half].conj())))
        return angle / float(np.mean(apart)) / float(times[-1] - np.mean(times[:group]))

    def _estimate(
        self, observed: np.ndarray, received: np.ndarray, pilots: np.ndarray, count: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Response, noise variance of a resource element, variance of each, smoothed training.

        `received` is turned by the phase that the pilots show. Shapes [rx, M, K], [rx], [rx, M, K], [rx, T, K].
        """
        u = self.numerology
        total = np.mean(np.abs(observed) ** 2, axis=(1, 2))
        long = 2 + u.header_symbols
        rough = np.mean(np.abs(np.diff(observed[:, :long], axis=1)) ** 2, axis=(1, 2)) / 2 + 1e-12
        ratio_db = 10 * np.log10(max(float(np.max(total / rough)) - 1, 0.1))
        smoothing, weights = self._smoothers(count, ratio_db)
        smooth = smoothing.apply(observed)
        rx, symbols, carriers = observed.shape
        flat = smooth.view(np.float32).reshape(rx, symbols, 2 * carriers)
        trained = np.matmul(weights.training, flat).view(np.complex64)
        response = np.matmul(weights.payload, flat).view(np.complex64)
        share = weights.residual_share(smoothing.noise_gain, smoothing.self_weight)
        noise = (np.mean(np.abs(observed - trained) ** 2, axis=(1, 2)) / share + 1e-12).astype(np.float32)
        power = np.maximum(total - noise, 1e-12).astype(np.float32)
        phase_variance = self._track_phase(received, response, pilots, noise)
        multiplicative = np.float32(self._clip_noise) + phase_variance[:, None]
        estimation = noise[:, None, None] * (1 + weights.noise_gain[:, None] * smoothing.noise_gain)
        ageing = power[:, None, None] * (weights.bias[:, None] + smoothing.bias)
        variance = estimation + ageing + (response.real**2 + response.imag**2) * multiplicative
        return response, noise, variance.astype(np.float32), trained

    @functools.lru_cache(maxsize=512)
    def _smoothers(self, count: int, ratio_db: float) -> tuple[Smoothing, TimeWeights]:
        """Smoothers over carriers and over time for training of this SNR.

        Each is designed for the noise that the other leaves.
        """
        smoothing = self._estimator.smoothing(ratio_db + 10 * np.log10(2 + self.numerology.header_symbols))
        left = float(np.mean(smoothing.noise_gain))
        return smoothing, self._interpolator.weights(count, ratio_db - 10 * np.log10(left))

    def _track_phase(
        self, received: np.ndarray, response: np.ndarray, pilots: np.ndarray, noise: np.ndarray
    ) -> np.ndarray:
        """Turn `received` in place by the pilots' phase against `response`; returns the variance left, float32 [M].

        The phase is averaged over `phase_window` symbols on each side.
        """
        at = self.numerology.pilot_index
        product, strength = kernels.pilot_products(received, response, pilots, at, (1 / noise).astype(np.float64))
        window = np.ones(2 * self._phase_window + 1)
        product = np.convolve(product, window)[self._phase_window : self._phase_window + len(product)]
        strength = np.convolve(strength, window)[self._phase_window : self._phase_window + len(strength)]
        phase = np.angle(product)
        kernels.rotate(received, phase, np.zeros(len(phase)), self._carriers)
        return (0.5 / np.maximum(strength, 1e-3)).clip(max=1.0).astype(np.float32)


