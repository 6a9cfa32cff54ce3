"""From stream to FFT windows. Arrays are C-contiguous complex64 unless said; rx counts antennas."""

import numba
import numpy as np

CELL = 16
FAST = {"reassoc", "contract", "nsz"}
"""Reordering only: sums keep their treatment of NaN and infinity."""
_SANE = np.float32(1e15)
"""Larger samples are no signal: sums of their squares would not fit float32."""


@numba.njit(cache=True, error_model="numpy")
def take_finite(source: np.ndarray, target: np.ndarray, at: int) -> int:
    """Copy `source` [rx, 2 n] into `target` [rx, ...] from column 2 `at`, both float32 (I and Q); samples that are not
    finite, or above 1e15, become 0. Returns how many did.
    """
    bad = 0
    for a in range(source.shape[0]):
        row = source[a]
        place = target[a, 2 * at : 2 * at + len(row)]
        strange = 0
        for i in range(len(row)):
            v = row[i]
            strange += not (-_SANE < v < _SANE)
            place[i] = v
        if strange:
            for i in range(0, len(row), 2):
                if not (-_SANE < row[i] < _SANE and -_SANE < row[i + 1] < _SANE):
                    place[i] = 0
                    place[i + 1] = 0
                    bad += 1
    return bad


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def cell_sums(samples: np.ndarray, start: int, cells: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of cells of 16 samples from column `start` of float32 [rx, 2 n] (I and Q): correlation at lag 16, energy, and
    correlation at lag 1 over every second sample.

    Returns complex64 [cells], float32 [cells + 1] and complex64 [cells], summed over antennas.
    """
    product = np.zeros(cells, np.complex64)
    energy = np.zeros(cells + 1, np.float32)
    neighbours = np.zeros(cells, np.complex64)
    for a in range(samples.shape[0]):
        x = samples[a]
        for cell in range(cells + 1):
            base = 2 * (start + cell * CELL)
            now = x[base : base + 2 * CELL]
            e = np.float32(0)
            for k in range(2 * CELL):
                e += now[k] * now[k]
            energy[cell] += e
            if cell < cells:
                then = x[base + 2 * CELL : base + 4 * CELL]
                re = np.float32(0)
                im = np.float32(0)
                for k in range(CELL):
                    re += then[2 * k] * now[2 * k] + then[2 * k + 1] * now[2 * k + 1]
                    im += then[2 * k + 1] * now[2 * k] - then[2 * k] * now[2 * k + 1]
                product[cell] += complex(re, im)
                re = np.float32(0)
                im = np.float32(0)
                for k in range(0, 2 * CELL, 4):
                    re += now[k + 2] * now[k] + now[k + 3] * now[k + 1]
                    im += now[k + 3] * now[k] - now[k + 2] * now[k + 1]
                neighbours[cell] += complex(re, im)
    return product, energy, neighbours


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def lag_product(samples: np.ndarray, start: int, stop: int, lag: int) -> complex:
    """Sum of x[i + lag] conj(x[i]) over the antennas and i from start to stop - 1."""
    re = np.float32(0)
    im = np.float32(0)
    for a in range(samples.shape[0]):
        for i in range(start, stop):
            u = samples[a, i]
            v = samples[a, i + lag]
            re += v.real * u.real + v.imag * u.imag
            im += v.imag * u.real - v.real * u.imag
    return complex(re, im)


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def refine_step(samples: np.ndarray, start: int, stop: int, lag: int, step: float) -> float:
    """Frequency in radians a sample of columns start to stop - 1, which repeat every `lag`: near `step`."""
    product = lag_product(samples, start, max(start, stop - lag), lag)
    return step + np.angle(product * np.exp(-1j * step * lag)) / lag


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def refine_step_jointly(
    samples: np.ndarray, start: int, stop: int, start_2: int, stop_2: int, lag: int, step: float
) -> float:
    """The same from two stretches that repeat every `lag`."""
    product = lag_product(samples, start, max(start, stop - lag), lag)
    product += lag_product(samples, start_2, max(start_2, stop_2 - lag), lag)
    return step + np.angle(product * np.exp(-1j * step * lag)) / lag


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def derotated(samples: np.ndarray, start: int, length: int, step: float) -> np.ndarray:
    """Columns from `start`, turned by -step radians a sample: [rx, length]."""
    out = np.empty((samples.shape[0], length), np.complex64)
    turn = np.complex64(np.exp(-1j * step))
    factor = np.complex64(1)
    for i in range(length):
        if i % 64 == 0:
            factor = np.complex64(np.exp(-1j * step * i))
        for a in range(samples.shape[0]):
            out[a, i] = samples[a, start + i] * factor
        factor *= turn
    return out


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def first_path(
    response: np.ndarray, region: np.ndarray, lags: int, size: int, reach: int, share: float
) -> tuple[int, int, np.float32]:
    """Where a sequence of `size` samples starts that is sent twice in a row.

    response [rx, hypotheses, ...] is its matched filter on `region` [rx, ...]. Returns the hypothesis, the earliest
    path at most `reach` before the strongest with `share` of its power and above the noise, and the share of the
    energy that the strongest path explains.
    """
    best = np.float32(-1)
    turn = peak = 0
    power = np.zeros((response.shape[1], lags), np.float32)
    for h in range(response.shape[1]):
        for i in range(lags):
            for a in range(response.shape[0]):
                u = response[a, h, i]
                v = response[a, h, i + size]
                power[h, i] += u.real * u.real + u.imag * u.imag + v.real * v.real + v.imag * v.imag
            if power[h, i] > best:
                best, turn, peak = power[h, i], h, i
    energy = np.float32(0)
    for a in range(region.shape[0]):
        for i in range(peak, peak + 2 * size):
            u = region[a, i]
            energy += u.real * u.real + u.imag * u.imag
    floor = min(best, max(np.float32(share) * best, 3 * energy))
    first = max(0, peak - reach)
    while power[turn, first] < floor:
        first += 1
    return turn, first, best / (size * energy) if energy > 0 else np.float32(0)


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def mean_power(samples: np.ndarray, start: int, stop: int) -> float:
    """Of columns start to stop - 1, over all antennas."""
    total = np.float32(0)
    for a in range(samples.shape[0]):
        for i in range(start, stop):
            u = samples[a, i]
            total += u.real * u.real + u.imag * u.imag
    return float(total / (samples.shape[0] * (stop - start)))


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def select_carriers(spectrum: np.ndarray, bins: np.ndarray, scale: float) -> np.ndarray:
    """Columns `bins` of spectrum [rx, windows, size] times scale: [rx, windows, len(bins)]."""
    out = np.empty((spectrum.shape[0], spectrum.shape[1], len(bins)), np.complex64)
    factor = np.float32(scale)
    for a in range(spectrum.shape[0]):
        for r in range(spectrum.shape[1]):
            for k in range(len(bins)):
                out[a, r, k] = spectrum[a, r, bins[k]] * factor
    return out


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def windows(samples: np.ndarray, starts: np.ndarray, size: int, step: float, origin: int) -> np.ndarray:
    """FFT windows of `size` samples, derotated by `step` radians a sample from `origin`: [rx, windows, size]."""
    out = np.empty((samples.shape[0], len(starts), size), np.complex64)
    inner = np.empty(size, np.complex64)
    # Turned on and on: exponentials of each sample and window would take as long as all the rest.
    turn, value = np.exp(-1j * step), complex(1)
    for i in range(size):
        inner[i] = value
        value *= turn
    apart = 0
    for r in range(len(starts)):
        s = starts[r]
        if r == 0:
            value = np.exp(-1j * step * (s - origin))
        else:
            if s - starts[r - 1] != apart:
                apart = s - starts[r - 1]
                turn = np.exp(-1j * step * apart)
            value *= turn
        outer = np.complex64(value)
        for a in range(samples.shape[0]):
            for i in range(size):
                out[a, r, i] = samples[a, s + i] * (inner[i] * outer)
    return out
