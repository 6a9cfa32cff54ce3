"""What all stream channels share: parameters, noise, oscillator, and the order in which they act.

A channel is the air and the receiver's analogue front end. Of a transmitted stream x it makes, on antenna a,

    y_a[n] = exp(j 2 pi cfo n / fs) * (h_a * x)(n (1 + 1e-6 sro) - delay) + w_a[n]

Output sample n stands for input sample n - delay: there is no hidden shift. A positive `cfo_hz` and a positive
`sro_ppm` both belong to a receiver clock that is slow; with one oscillator sro_ppm = 1e6 cfo_hz / center_frequency_hz.

SNR is the mean Es/N0 per occupied resource element over the channel's ensemble. A burst's payload samples have mean
power 1, spread over `occupied_fraction` of the band, so the noise variance per complex sample is
10^(-snr_db / 10) / occupied_fraction. Noise is everywhere: before, between and after bursts.
"""

from abc import ABC, abstractmethod
from typing import Any, Protocol

import numpy as np

from gvc.channel import parameters
from gvc.channel.noise import NoiseSource
from gvc.channel.oscillator import Oscillator
from gvc.errors import InputError

COMMON_PARAMETERS = ("snr_db", "seed", "rx_antennas", "cfo_hz", "sro_ppm", "delay_samples", "occupied_fraction")
"""What every channel may be given beside the radio's two frequencies."""


class StreamChannel(Protocol):
    """All that a link needs of a channel. `Channel` gives it to subclasses; a class from outside may do without."""

    noise_variance: float

    def process(self, samples: np.ndarray) -> np.ndarray:
        """complex64 [n] -> complex64 [rx_antennas, m], the stream so far; state goes on to the next call."""

    def flush(self) -> np.ndarray:
        """What is still inside at the end of the stream, complex64 [rx_antennas, m]."""


class Channel(ABC):
    """A continuous channel over a stream of any length; the output does not depend on how the stream is cut.

    Args:
        sample_rate_hz: nominal sample rate of both ends.
        center_frequency_hz: carrier, for Doppler and for the sampling offset that belongs to `cfo_hz`.
        snr_db: -30 to 60, or None for no noise.
        seed: root seed of every draw.
        rx_antennas: 1 to 16, with independent noise and (where there is fading) independent fading.
        cfo_hz: carrier frequency offset.
        sro_ppm: sampling offset; None derives it from `cfo_hz` (one oscillator), 0 switches it off.
        delay_samples: >= 0, may be fractional.
        occupied_fraction: occupied carriers / FFT size of the waveform.
        unknown: keys of other channels; accepted only when None.

    Raises:
        ConfigError: a value is out of range or a key unknown; the message names the key and what is valid.
    """

    name = "channel"
    own_parameters: tuple[str, ...] = ()
    layer = 0
    """Of channels around channels: a higher one has lower ones inside."""

    def __init__(
        self,
        *,
        sample_rate_hz: float,
        center_frequency_hz: float,
        snr_db: float | None = None,
        seed: int = 0,
        rx_antennas: int = 1,
        cfo_hz: float = 0.0,
        sro_ppm: float | None = None,
        delay_samples: float = 0.0,
        occupied_fraction: float = 52 / 64,
        **unknown: Any,
    ):
        valid = [*COMMON_PARAMETERS, "sample_rate_hz", "center_frequency_hz", *self.own_parameters]
        parameters.reject_unknown(self.name, unknown, valid)
        self.sample_rate_hz = parameters.number("sample_rate_hz", sample_rate_hz)
        self.center_frequency_hz = parameters.number("center_frequency_hz", center_frequency_hz)
        self.snr_db = None if snr_db is None else parameters.number("snr_db", snr_db)
        self.seed = seed
        self.rx_antennas = parameters.integer("rx_antennas", rx_antennas)
        self.cfo_hz = parameters.number("cfo_hz", cfo_hz, highest=self.sample_rate_hz / 2)
        if sro_ppm is None:
            sro_ppm = parameters.one_oscillator_ppm(self.cfo_hz, self.center_frequency_hz)
        self.sro_ppm = parameters.number("sro_ppm", sro_ppm)
        self.delay_samples = parameters.number("delay_samples", delay_samples)
        self.occupied_fraction = parameters.number("occupied_fraction", occupied_fraction)
        self.noise_variance = 0.0 if self.snr_db is None else 10 ** (-self.snr_db / 10) / self.occupied_fraction
        self._noise = NoiseSource(self.noise_variance, self.rx_antennas, seed)
        self._oscillator = Oscillator(self.cfo_hz / self.sample_rate_hz)

    def process(self, samples: np.ndarray) -> np.ndarray:
        """Pass on the next stretch of the stream.

        Input: `samples` complex [n], n >= 0. Output: complex64 [rx_antennas, m]; m is n less what the interpolation
        filter holds back (at most 12 samples, once) and what the sampling offset adds or takes.
        NaN and infinite samples pass through and reach as far as the channel's response is long.
        """
        samples = np.asarray(samples)
        if samples.ndim != 1:
            raise InputError(f"a channel takes one-dimensional samples [n], got shape {samples.shape}")
        return self._receive(self.propagate(samples.astype(np.complex64, copy=False)))

    def flush(self) -> np.ndarray:
        """What is still inside at the end of the stream, with its noise: complex64 [rx_antennas, m]. Call it once."""
        return self._receive(self.tail())

    @abstractmethod
    def propagate(self, samples: np.ndarray) -> np.ndarray:
        """Delay, path gains and resampling: complex64 [n] -> a fresh complex64 [rx_antennas, m]."""

    @abstractmethod
    def tail(self) -> np.ndarray:
        """What `propagate` held back, complex64 [rx_antennas, m]."""

    @abstractmethod
    def genie_taps(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """True impulse response at output samples; for genie receivers and tests only.

        Input: `samples` int [k]. Output: taps complex64 [rx_antennas, k, L] and lags int64 [k], with
        y[n] = exp(j 2 pi cfo n / fs) sum_j taps[:, i, j] x[n - lags[i] - j] + noise for n = samples[i].
        """

    def _receive(self, received: np.ndarray) -> np.ndarray:
        self._oscillator.rotate(received)
        self._noise.add(received)
        return received
