"""A stream through a linear, slowly time-varying, multipath channel that is sampled by a drifting clock.

One finite impulse response does it all, path gains, path delays, fractional delay and sampling offset:

    y[n] = sum_k x[k] sum_p a_p(n) g(n (1 + e) - d - tau_p - k)

with the band-limited kernel g of `gvc.channel.interpolation`, path gains a_p, path delays tau_p and delay d in samples,
and sampling offset e. The response is computed at the borders of segments of a fixed length, on absolute sample
numbers, and runs linearly between them. The segment is short enough for an error below -60 dB (tests measure it).
"""

from collections.abc import Callable

import numba
import numpy as np

from gvc.channel.delay import IntegerDelay
from gvc.channel.interpolation import HALF_WIDTH, multipath_responses

_BATCH = 64  # segments whose responses are computed at once
_CELL = 256  # outputs that stay in the first-level cache while all taps are added

# gains(indices int64 [k]) -> complex128 [rows, k, paths] at output samples indices * segment_length
Gains = Callable[[np.ndarray], np.ndarray]


def segment_length(sample_rate_hz: float, doppler_hz: float, offset: float) -> int:
    """Samples between two computed responses: a power of two, at most 1024.

    At least 64 responses a Doppler period and at most 0.02 samples of clock drift a segment. Against responses at every
    sample either leaves a linear interpolation error below -65 dB.
    """
    longest = min(1024.0, sample_rate_hz / (64 * max(doppler_hz, 1e-9)), 0.02 / max(abs(offset), 1e-12))
    return 2 ** max(0, int(np.floor(np.log2(max(longest, 1.0)))))


class TimeVaryingFilter:
    """Stream in, stream out; the output does not depend on how the input is cut.

    Args:
        gains: path gains at segment borders, see `Gains`.
        rows: number of outputs (receive antennas).
        path_delays: [paths], in samples.
        delay: >= 0, in samples.
        offset: sampling offset e (1e-6 times ppm).
        segment: samples between responses, see `segment_length`.
    """

    def __init__(self, gains: Gains, rows: int, path_delays: np.ndarray, delay: float, offset: float, segment: int):
        self._gains = gains
        self._rows = rows
        self._path_delays = np.asarray(path_delays, np.float64)
        self._whole = int(np.floor(delay))
        self._fraction = delay - self._whole
        self._offset = offset
        self._segment = segment
        self._length = 2 * HALF_WIDTH + int(np.ceil(self._path_delays.max())) + 1
        self._queue = IntegerDelay(self._whole)
        self._real = np.zeros(self._length, np.float32)  # history, so that every tap finds a sample
        self._imag = np.zeros(self._length, np.float32)
        self._start = -self._length  # input number of the first history sample
        self._arrived = 0
        self._sent = 0
        self._batch_first = 0
        self._shifts = np.zeros(0, np.int64)
        self._response = self._slope = np.zeros((rows, 0, self._length), np.complex64)

    def push(self, samples: np.ndarray) -> np.ndarray:
        """complex64 [n] -> complex64 [rows, m]: all outputs that the input so far decides."""
        return self._push(self._queue.push(samples), self._arrived + len(samples))

    def tail(self) -> np.ndarray:
        """The end of the stream, until the last input sample has left by the longest path: complex64 [rows, m]."""
        held = self._queue.tail()
        end = self._arrived + len(held) + self._path_delays.max() + self._fraction + HALF_WIDTH
        zeros = np.zeros(self._length + 2, np.complex64)
        return self._push(np.concatenate([held, zeros]), int(np.ceil(end)))

    def taps(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Response at output samples: complex64 [rows, k, L], and the lag of the first tap, int64 [k]."""
        samples = np.asarray(samples, np.int64)
        segments, place = np.divmod(samples, self._segment)
        shifts, response, slope = self._responses(segments)
        taps = response + slope * (place / self._segment)[:, None].astype(np.float32)
        return taps, self._whole - shifts - HALF_WIDTH

    def _push(self, samples: np.ndarray, horizon: int) -> np.ndarray:
        """Filter `samples`; outputs end where the input runs out or at the instant of input number `horizon`."""
        self._real = np.concatenate([self._real, samples.real])
        self._imag = np.concatenate([self._imag, samples.imag])
        self._arrived += len(samples)
        end = int(min(self._arrived - HALF_WIDTH + self._fraction + 2, horizon) / (1 + self._offset))
        while end > self._sent and self._newest_input(end - 1) >= self._arrived:
            end -= 1
        end = max(end, self._sent)
        pieces = []
        while self._sent < end:
            self._prepare(self._sent // self._segment)
            stop = min(end, (self._batch_first + _BATCH) * self._segment)
            pieces.append(self._convolve(self._sent, stop))
            self._sent = stop
        self._forget()
        return np.concatenate(pieces, axis=1) if pieces else np.zeros((self._rows, 0), np.complex64)

    def _convolve(self, first: int, stop: int) -> np.ndarray:
        out = np.empty((self._rows, stop - first), np.complex64)
        oldest_tap = HALF_WIDTH - self._start - self._length + 1
        _convolve(
            self._real, self._imag, self._shifts + oldest_tap, self._response, self._slope,
            self._segment, self._batch_first, first, out,
        )  # fmt: skip
        return out

    def _newest_input(self, output: int) -> int:
        """Number of the last input sample that output sample `output` needs."""
        return output + int(self._shift(np.array([output // self._segment]))[0][0]) + HALF_WIDTH

    def _shift(self, segments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Instant of a segment's first output, less its number: whole samples int64 [k] and the rest in [0, 1)."""
        drift = self._segment * self._offset * segments - self._fraction
        whole = np.floor(drift)
        return whole.astype(np.int64), drift - whole

    def _prepare(self, segment: int) -> None:
        if segment >= self._batch_first + len(self._shifts) or not len(self._shifts):
            self._batch_first = segment
            self._shifts, self._response, self._slope = self._responses(segment + np.arange(_BATCH))

    def _responses(self, segments: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Shift int64 [k], response at the start and its change over the segment, complex64 [rows, k, L]."""
        shifts, rest = self._shift(segments)
        if len(segments) and np.all(np.diff(segments) == 1):
            gains = self._gains(np.append(segments, segments[-1] + 1))
            start_gains, stop_gains = gains[:, :-1], gains[:, 1:]
        else:
            start_gains, stop_gains = self._gains(segments), self._gains(segments + 1)
        delays, length = self._path_delays, self._length
        start = multipath_responses(start_gains, delays, rest, length)
        stop = multipath_responses(stop_gains, delays, rest + self._segment * self._offset, length)
        return shifts, start.astype(np.complex64), (stop - start).astype(np.complex64)

    def _forget(self) -> None:
        oldest = self._sent + int(self._shift(np.array([self._sent // self._segment]))[0][0]) - self._length - 2
        drop = max(0, min(oldest - self._start, len(self._real)))
        self._real, self._imag, self._start = self._real[drop:], self._imag[drop:], self._start + drop


@numba.njit(cache=True, fastmath={"contract"}, nogil=True)
def _convolve(real, imag, shifts, response, slope, segment, batch_first, first, out):  # pragma: no cover - compiled
    """out[row, i] = sum_j taps_j(n) x[n + shift - j], n = first + i; real and imaginary parts apart, to vectorise."""
    rows, _, length = response.shape
    total = out.shape[1]
    sum_real, sum_imag, place = np.empty(_CELL, np.float32), np.empty(_CELL, np.float32), np.empty(_CELL, np.float32)
    done = 0
    while done < total:
        n = first + done
        index = n // segment - batch_first
        inside = n % segment
        count = min(_CELL, segment - inside, total - done)
        for i in range(count):
            place[i] = np.float32(inside + i) / np.float32(segment)
        for row in range(rows):
            a, b, f = sum_real[:count], sum_imag[:count], place[:count]
            a[:] = 0
            b[:] = 0
            for j in range(length):
                tap, change = response[row, index, j], slope[row, index, j]
                from_input = n + shifts[index] + length - 1 - j
                u, v = real[from_input : from_input + count], imag[from_input : from_input + count]
                for i in range(count):
                    tap_real = tap.real + change.real * f[i]
                    tap_imag = tap.imag + change.imag * f[i]
                    a[i] += u[i] * tap_real - v[i] * tap_imag
                    b[i] += u[i] * tap_imag + v[i] * tap_real
            for i in range(count):
                out[row, done + i] = complex(a[i], b[i])
        done += count
