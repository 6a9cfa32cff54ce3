"""From a decoded header to the burst's symbols and their noise map."""

import dataclasses
import functools
import math

import numpy as np

from gvc.noise_map import NU_MAX, NU_MIN
from gvc.phy import header as burst_header
from gvc.phy.channel_estimator import ChannelEstimator, Smoothing
from gvc.phy.equaliser import Equaliser
from gvc.phy.frames import ReceivedBurst
from gvc.phy.genie import Genie
from gvc.phy.header import BurstHeader
from gvc.phy.header_reader import Head
from gvc.phy.interpolation import TimeInterpolator, TimeWeights
from gvc.phy.kernels import payload as kernels
from gvc.phy.layout import burst_layout
from gvc.phy.numerology import Numerology
from gvc.phy.ofdm_windows import SampleBuffer
from gvc.phy.payload import erase
from gvc.phy.peak_limiter import PeakLimiter
from gvc.phy.synchroniser import Acquisition


@dataclasses.dataclass(frozen=True)
class Tracking:
    """How the receiver follows a burst. center_frequency_hz relates sampling offset and CFO where `one_oscillator`
    holds, else the offset is estimated; the pilots' phase is averaged over `phase_window` payload symbols each side.
    """

    center_frequency_hz: float
    one_oscillator: bool
    phase_window: int


class PayloadReader:
    """Follows the channel through a burst and equalises its payload.

    A decoded header is known, so long training, header and midambles all train the channel estimate. The noise map adds
    up noise (with inter-carrier interference and whatever else the training symbols show), its share in the channel
    estimate, what the estimate's smoothers miss (ageing), the phase left by the pilots, and the transmitter's clipping.
    """

    def __init__(
        self,
        numerology: Numerology,
        estimator: ChannelEstimator,
        equaliser: Equaliser,
        tracking: Tracking,
        keep_raw: bool = False,
        genie: Genie | None = None,
    ):
        u = self._numerology = numerology
        self._estimator = estimator
        self._equaliser = equaliser
        self._interpolator = TimeInterpolator(numerology)
        self._tracking = tracking
        self._keep_raw = keep_raw
        self._genie = genie
        self._first = 2 * u.fft_size + u.cyclic_prefix
        self._clip_noise = np.float32(PeakLimiter(u.clip_backoff_db).distortion * u.occupied_fraction)
        self._group = 2 + u.header_symbols
        self._smoothers = functools.lru_cache(maxsize=512)(self._design)

    def end(self, acquired: Acquisition, head: Head) -> int:
        """The sample of the stream after the burst's last FFT window."""
        u = self._numerology
        rows = burst_layout(u, head.payload_symbols).rows
        return acquired.window + self._first + (rows - 1) * u.symbol_samples + u.fft_size

    def read(self, buffer: SampleBuffer, acquired: Acquisition, head: Head) -> ReceivedBurst:
        """The burst; the buffer must reach to `end`."""
        u = self._numerology
        count = head.payload_symbols
        layout = burst_layout(u, count)
        starts = acquired.window + self._first + u.symbol_samples * np.arange(u.header_symbols, layout.rows)
        tail = buffer.grid(u, starts, acquired.step, acquired.window)
        midambles, payload_rows = layout.midamble_rows - u.header_symbols, layout.payload_rows - u.header_symbols
        sent = self._sent(head.header)
        observed = kernels.observe_training(head.grid, head.short, tail, midambles, sent, u.training)
        training_times, payload_times = self._interpolator.times(count)
        slope = kernels.refine_slope(observed, training_times, self._group, head.slope)
        cfo_hz = (acquired.step + slope / u.symbol_samples) / (2 * math.pi) * u.sample_rate_hz
        drift = self._drift(observed, training_times, cfo_hz)
        kernels.rotate(observed, slope * training_times, drift * training_times, u.carriers)
        received = np.take(tail, payload_rows, axis=1)
        power, rough = kernels.training_power(observed, self._group)
        smoothing, weights, share = self._smoothers(count, _level(power, rough))
        trained, response = self._smooth(observed, smoothing, weights)
        noise = kernels.distance(observed, trained) / share + 1e-12
        pilots = u.pilots[layout.payload_rows]
        if self._genie is None:
            kernels.rotate(received, slope * payload_times, drift * payload_times, u.carriers)
            phase, phase_variance = kernels.track_phase(
                received, response, pilots, u.pilot_index, noise, self._tracking.phase_window
            )
        else:
            response = self._genie.response(starts[payload_rows], acquired.step, acquired.window)
            noise = np.full(len(noise), self._genie.noise_variance)
            phase = phase_variance = np.zeros(count)
            weights, smoothing = weights.perfect(), smoothing.perfect()

        def equaliser_input(index: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            return kernels.equaliser_input(
                received, response, index, phase,
                noise.astype(np.float32), np.maximum(power - noise, 0).astype(np.float32),
                weights.noise_gain, weights.bias, smoothing.noise_gain, smoothing.bias,
                self._clip_noise + phase_variance.astype(np.float32),
            )  # fmt: skip

        data = equaliser_input(u.data_index)
        symbols, noise_map = self._equaliser.equalise(*data)
        erase(symbols, noise_map, noise_map > NU_MAX)
        np.maximum(noise_map, np.float32(NU_MIN), out=noise_map)
        at_pilots, _ = self._equaliser.equalise(*equaliser_input(u.pilot_index))
        pilot_error = at_pilots - pilots
        return ReceivedBurst(
            header=head.header,
            symbols=symbols,
            noise_map=noise_map,
            snr_db=10 * math.log10(float(np.sum(np.maximum(power - noise, 1e-3 * noise))) / float(np.sum(noise))),
            evm_db=10 * math.log10(np.vdot(pilot_error, pilot_error).real / pilot_error.size + 1e-12),
            cfo_hz=cfo_hz,
            start_sample=acquired.window - u.short_samples - 2 * u.cyclic_prefix + u.timing_advance,
            channel=trained,
            channel_samples=acquired.window + np.rint(training_times * u.symbol_samples).astype(np.int64),
            noise_variance=noise.astype(np.float32),
            raw=data[0] if self._keep_raw else None,
        )

    def _sent(self, header: BurstHeader) -> np.ndarray:
        """What the header's symbols sent: complex64 [H, K]."""
        u = self._numerology
        sent = np.empty((u.header_symbols, len(u.carriers)), np.complex64)
        sent[:, u.pilot_index] = u.pilots[: u.header_symbols]
        coded = burst_header.encode(header, u.header_symbols * u.data_carriers)
        sent[:, u.data_index] = coded.reshape(u.header_symbols, -1)
        return sent

    def _drift(self, observed: np.ndarray, times: np.ndarray, cfo_hz: float) -> float:
        """Phase that a sampling offset adds, radians a carrier and symbol."""
        u = self._numerology
        if self._tracking.one_oscillator:
            # A positive CFO is a fast transmitter clock: symbols come early by cfo / carrier frequency of the time.
            return 2 * math.pi * cfo_hz / self._tracking.center_frequency_hz * u.symbol_samples / u.fft_size
        half = observed.shape[2] // 2
        turned = observed[:, -1] * np.mean(observed[:, : self._group], axis=1).conj()
        apart = float(np.mean(u.carriers[half:] - u.carriers[:half]))
        angle = float(np.angle(np.sum(turned[:, half:] * turned[:, :half].conj())))
        return angle / apart / float(times[-1] - np.mean(times[: self._group]))

    def _design(self, count: int, snr_db: int) -> tuple[Smoothing, TimeWeights, float]:
        """Smoothers over carriers and over time for training of this SNR, each designed for the noise that the other
        leaves, and the share of the noise that stays in observed less smoothed training.
        """
        smoothing = self._estimator.smoothing(snr_db + 10 * math.log10(self._group))
        left = float(np.mean(smoothing.noise_gain))
        weights = self._interpolator.weights(count, snr_db - 10 * math.log10(left))
        return smoothing, weights, weights.residual_share(smoothing)

    def _smooth(
        self, observed: np.ndarray, smoothing: Smoothing, weights: TimeWeights
    ) -> tuple[np.ndarray, np.ndarray]:
        """Response at the training symbols complex64 [rx, T, K] and at the payload symbols [rx, M, K]."""
        smooth = smoothing.apply(observed)
        rx, symbols, carriers = observed.shape
        flat = smooth.view(np.float32).reshape(rx, symbols, 2 * carriers)
        return np.matmul(weights.training, flat).view(np.complex64), np.matmul(weights.payload, flat).view(np.complex64)


def _level(power: np.ndarray, noise: np.ndarray) -> int:
    """The best antenna's SNR in dB, rounded, from the power of signal and noise together."""
    return round(10 * math.log10(max(float(np.max(power / noise)) - 1, 0.1)))
