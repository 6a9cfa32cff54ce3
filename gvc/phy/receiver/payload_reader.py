"""From a decoded header to the burst's symbols and their noise map."""

import dataclasses
import functools
import math

import numpy as np

from gvc.noise_map import NU_MAX, NU_MIN
from gvc.phy.agreement import Agreement
from gvc.phy.frames import ReceivedBurst
from gvc.phy.kernels import chain
from gvc.phy.kernels import payload as kernels
from gvc.phy.layout import burst_layout
from gvc.phy.numerology import Numerology
from gvc.phy.peak_limiter import PeakLimiter
from gvc.phy.receiver.burst_windows import BurstWindows
from gvc.phy.receiver.channel_estimator import ChannelEstimator, Smoothing
from gvc.phy.receiver.equaliser import Equaliser
from gvc.phy.receiver.genie import Genie
from gvc.phy.receiver.header_reader import Head, header_training
from gvc.phy.receiver.interpolation import TimeInterpolator, TimeWeights
from gvc.phy.receiver.ofdm_windows import SampleBuffer
from gvc.phy.receiver.recovery import Recovered, Recovery, Rows, Training
from gvc.phy.receiver.synchroniser import Acquisition
from gvc.phy.receiver.watch import Watch


@dataclasses.dataclass(frozen=True)
class Tracking:
    """How the receiver follows a burst. center_frequency_hz relates sampling offset and CFO where `one_oscillator`
    holds, else the offset is estimated; the pilots' phase is averaged over `phase_window` payload symbols each side.
    """

    center_frequency_hz: float
    one_oscillator: bool
    phase_window: int


@dataclasses.dataclass(frozen=True)
class _Plan:
    """What does not change between bursts of equal length: FFT windows after the header, from the first long training
    symbol's, in samples; the rows of midambles and payload among them, with pilots [M, P]; their times and those of
    the training symbols in symbol periods, and the latter in samples.
    """

    windows: np.ndarray
    midambles: np.ndarray
    payload: np.ndarray
    pilots: np.ndarray
    times: np.ndarray
    training_times: np.ndarray
    training_samples: np.ndarray


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
        self._clip_noise = PeakLimiter(u.clip_backoff_db).distortion * u.occupied_fraction
        self._group = 2 + u.header_symbols
        self._header_pilots = u.pilots[: u.header_symbols]
        # A positive CFO is a fast transmitter clock: symbols come early by cfo / carrier frequency of the time passed.
        share = u.sample_rate_hz / tracking.center_frequency_hz / u.fft_size
        self._drift_per_cfo = share if tracking.one_oscillator else math.nan
        self._watch = Watch(u, self._clip_noise)
        self._recovery = Recovery(u, estimator, self._interpolator, self._clip_noise)
        self._smoothers = functools.lru_cache(maxsize=512)(self._design)
        self._plan = functools.lru_cache(maxsize=128)(self._lay_out)

    def end(self, acquired: Acquisition, head: Head) -> int:
        """The sample of the stream after the burst's last FFT window."""
        return acquired.window + int(self._plan(head.payload_symbols).windows[-1]) + self._numerology.fft_size

    def read(self, buffer: SampleBuffer, acquired: Acquisition, head: Head) -> ReceivedBurst:
        """The burst; the buffer must reach to `end`."""
        u = self._numerology
        plan = self._plan(head.payload_symbols)
        windows = acquired.window + plan.windows
        tail, guards = buffer.grid_and_guards(u, windows, acquired.step, acquired.window, head.scale)
        observed, slope, drift, power, rough = chain.observe(
            head.grid, head.early, tail, plan.midambles, u.training, head.sent, u.data_index, self._header_pilots,
            u.pilot_index, u.carriers, plan.training_times, head.slope, acquired.step * u.symbol_samples,
            self._drift_per_cfo,
        )  # fmt: skip
        cfo_hz = (acquired.step + slope / u.symbol_samples) / (2 * math.pi) * u.sample_rate_hz
        smoothing, weights, share, inherited = self._smoothers_of(observed, head.payload_symbols, _level(power, rough))
        trained, response, noise, signal, snr = chain.follow(
            observed, power, smoothing.matrix, weights.training, weights.payload, share
        )
        agreement, slip = None, 0
        if self._genie is None:
            received, variance = chain.prepare(
                tail, plan.payload, plan.times, slope, drift, u.carriers, response, plan.pilots, u.pilot_index,
                noise, signal, weights.noise_gain, weights.bias, smoothing.noise_gain, smoothing.bias,
                self._clip_noise, self._tracking.phase_window,
            )  # fmt: skip
            agreement = self._watch.calm(
                received, response, variance, plan.pilots, guards, plan.payload, observed, trained, noise, signal,
                rough, share, inherited,
            )  # fmt: skip
            if agreement is None:
                ordinary = received, response, variance
                found = self._recover(buffer, acquired, head, plan, smoothing, observed, slope, drift, ordinary)
                if found is not None:
                    slip = found.shift
                    received, response, variance = found.received, found.response, found.variance
                    trained, noise, snr = found.trained, found.noise, found.snr
        else:
            starts = acquired.window + plan.windows[plan.payload]
            response = self._genie.response(starts, acquired.step, acquired.window) * np.float32(head.scale)
            noise = np.full(len(noise), self._genie.noise_variance * head.scale**2, np.float32)
            received = np.take(tail, plan.payload, axis=1)
            variance = noise[:, None, None] + np.float32(self._clip_noise) * np.abs(response) ** 2
        disturbed = agreement is None and self._genie is None
        if agreement is None:
            agreement = Agreement.of(
                observed, u.header_symbols, received, response, variance, plan.pilots, u.pilot_index
            )
        equalised, claimed = self._equaliser.equalise(received, response, variance)
        symbols, noise_map, pilot_error = kernels.deliver(
            equalised, claimed, u.data_index, plan.pilots, u.pilot_index, NU_MIN, NU_MAX
        )
        unscale = np.float32(1 / head.scale)
        if head.scale != 1:
            trained *= unscale
            noise *= unscale * unscale
        return ReceivedBurst(
            header=head.header,
            shape=head.shape,
            symbols=symbols,
            noise_map=noise_map,
            snr_db=10 * math.log10(snr),
            evm_db=10 * math.log10(pilot_error + 1e-12),
            cfo_hz=cfo_hz,
            start_sample=acquired.window + 2 * u.fft_size - u.preamble_samples + u.timing_advance,
            channel=trained,
            channel_samples=acquired.window + plan.training_samples,
            agreement=agreement,
            disturbed=disturbed,
            slip_samples=slip,
            noise_variance=noise,
            raw=received[:, :, u.data_index] * unscale if self._keep_raw else None,
        )

    def _recover(
        self, buffer: SampleBuffer, acquired: Acquisition, head: Head, plan: _Plan, smoothing: Smoothing,
        observed: np.ndarray, slope: float, drift: float, ordinary: tuple[np.ndarray, np.ndarray, np.ndarray],
    ) -> Recovered | None:  # fmt: skip
        """The burst once more, as one that is disturbed; observed, slope and drift as if it were not."""
        u, group = self._numerology, self._group
        raw = header_training(u, head)
        times = plan.training_times[:group]
        first = kernels.refine_slope(raw, times, group, head.slope)
        own = drift
        if not math.isnan(self._drift_per_cfo):
            own = self._drift_per_cfo * (acquired.step * u.symbol_samples + first)
        early = kernels.rotate(raw, np.arange(group), times, first, own, u.carriers, np.zeros(group))
        _, guards = buffer.grid_and_guards(
            u, acquired.window + plan.training_samples[:group], acquired.step, 0, head.scale
        )
        starts = acquired.window + plan.windows
        moving, still = (
            BurstWindows(buffer, u, acquired.window, starts, acquired.step, residual, shift, plan.times, head.scale)
            for residual, shift in ((first, own), (slope, drift))
        )
        training = Training(early, np.zeros(group), guards, np.zeros(group, bool))
        rows = Rows(plan.midambles, plan.payload, plan.pilots)
        return self._recovery.read(moving, training, still, observed, rows, smoothing, ordinary)

    def _lay_out(self, payload_symbols: int) -> _Plan:
        u = self._numerology
        layout = burst_layout(u, payload_symbols)
        rows = np.arange(u.header_symbols, layout.rows)
        first = 2 * u.fft_size + u.cyclic_prefix
        training_times, _ = self._interpolator.times(payload_symbols)
        return _Plan(
            windows=first + u.symbol_samples * rows,
            midambles=layout.midamble_rows - u.header_symbols,
            payload=layout.payload_rows - u.header_symbols,
            pilots=u.pilots[layout.payload_rows],
            times=first / u.symbol_samples + rows,
            training_times=training_times,
            training_samples=np.rint(training_times * u.symbol_samples).astype(np.int64),
        )

    def _smoothers_of(
        self, observed: np.ndarray, count: int, snr_db: int
    ) -> tuple[Smoothing, TimeWeights, float, float]:
        adapt = getattr(self._estimator, "adapt", None)
        if adapt is None:
            return self._smoothers(count, snr_db)
        return self._design(count, snr_db, adapt(observed, snr_db + 10 * math.log10(self._group)))

    def _design(
        self, count: int, snr_db: int, smoothing: Smoothing | None = None
    ) -> tuple[Smoothing, TimeWeights, float, float]:
        """Smoothers over carriers and over time for training of this SNR, each designed for the noise that the other
        leaves; the share of the noise that stays in observed less smoothed training; and that in the response.
        """
        smoothing = smoothing or self._estimator.smoothing(snr_db + 10 * math.log10(self._group))
        left = float(np.mean(smoothing.noise_gain))
        weights = self._interpolator.weights(count, snr_db - 10 * math.log10(left))
        inherited = left * float(np.mean(weights.noise_gain))
        return smoothing, weights, weights.residual_share(smoothing), inherited


def _level(power: np.ndarray, noise: np.ndarray) -> int:
    """The best antenna's SNR in dB, rounded, from the power of signal and noise together."""
    best = max(p / n for p, n in zip(power.tolist(), noise.tolist(), strict=True))
    return round(10 * math.log10(max(best - 1, 0.1)))
