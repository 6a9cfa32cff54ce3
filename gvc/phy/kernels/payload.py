"""Around the equaliser: from a burst's FFT windows to what it needs, and from what it returns to what is delivered.

rx antennas, T training and M payload symbols, K occupied and D data carriers, P pilots. Arrays are C-contiguous, grids
complex64.
"""

import numba
import numpy as np

from gvc.phy.kernels.detection import FAST


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def observe_training(
    head: np.ndarray,
    skip: int,
    tail: np.ndarray,
    midambles: np.ndarray,
    training: np.ndarray,
    sent: np.ndarray,
    data_index: np.ndarray,
    pilots: np.ndarray,
    pilot_index: np.ndarray,
) -> np.ndarray:
    """Least-squares response at the training symbols: [rx, T, K].

    Of `head` [rx, skip + 2 + H, K] the long training and the header, of `tail` the rows `midambles`; over what was
    sent, all of unit modulus: `training` [K]; in the header `sent` [H D] on data carriers and `pilots` [H, P].
    """
    rx, _, carriers = head.shape
    symbols = pilots.shape[0]
    out = np.empty((rx, 2 + symbols + len(midambles), carriers), np.complex64)
    for a in range(rx):
        for k in range(carriers):
            known = np.conj(training[k])
            out[a, 0, k] = head[a, skip, k] * known
            out[a, 1, k] = head[a, skip + 1, k] * known
            for r in range(len(midambles)):
                out[a, 2 + symbols + r, k] = tail[a, midambles[r], k] * known
        for r in range(symbols):
            for i in range(len(data_index)):
                k = data_index[i]
                out[a, 2 + r, k] = head[a, skip + 2 + r, k] * np.conj(sent[r * len(data_index) + i])
            for i in range(len(pilot_index)):
                k = pilot_index[i]
                out[a, 2 + r, k] = head[a, skip + 2 + r, k] * pilots[r, i]
    return out


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def refine_slope(observed: np.ndarray, times: np.ndarray, group: int, slope: float) -> float:
    """Residual CFO in radians a symbol, from a first value `slope` and ever longer baselines: within the first `group`
    training symbols, then from these to each midamble.
    """
    rx, symbols, carriers = observed.shape
    centre = 0.0
    for t in range(group):
        centre += times[t] / group
    for _ in range(2):
        mean = np.zeros((rx, carriers), np.complex128)
        for t in range(group):
            turn = np.exp(-1j * slope * times[t])
            for a in range(rx):
                for k in range(carriers):
                    mean[a, k] += observed[a, t, k] * turn
        above = 0.0
        below = 0.0
        for t in range(group):
            angle = np.angle(_product(observed, t, mean) * np.exp(-1j * slope * times[t]))
            above += angle * (times[t] - centre)
            below += (times[t] - centre) ** 2
        slope += above / below
    for t in range(group, symbols):
        angle = np.angle(_product(observed, t, mean) * np.exp(-1j * slope * times[t]))
        slope += angle / (times[t] - centre)
    return slope


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def _product(observed: np.ndarray, t: int, mean: np.ndarray) -> complex:
    total = 0j
    for a in range(observed.shape[0]):
        for k in range(observed.shape[2]):
            total += observed[a, t, k] * np.conj(mean[a, k])
    return total


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def estimate_drift(observed: np.ndarray, times: np.ndarray, group: int, slope: float, carriers: np.ndarray) -> float:
    """Phase that a sampling offset adds, radians a carrier and symbol: from the first `group` training symbols to the
    last, by comparing the lower half of the carriers with the upper.
    """
    rx, symbols, count = observed.shape
    half = count // 2
    mean = np.zeros((rx, count), np.complex128)
    centre = 0.0
    for t in range(group):
        centre += times[t] / group
        turn = np.exp(-1j * slope * times[t])
        for a in range(rx):
            for k in range(count):
                mean[a, k] += observed[a, t, k] * turn
    total = 0j
    apart = 0.0
    for k in range(half):
        apart += (carriers[half + k] - carriers[k]) / half
        for a in range(rx):
            upper = observed[a, symbols - 1, half + k] * np.conj(mean[a, half + k])
            lower = observed[a, symbols - 1, k] * np.conj(mean[a, k])
            total += upper * np.conj(lower)
    return np.angle(total) / apart / (times[symbols - 1] - centre)


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def pick(grid: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Carriers `index` of grid [rx, rows, K]: [rx, rows, len(index)]."""
    out = np.empty((grid.shape[0], grid.shape[1], len(index)), np.complex64)
    for a in range(grid.shape[0]):
        for r in range(grid.shape[1]):
            for i in range(len(index)):
                out[a, r, i] = grid[a, r, index[i]]
    return out


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def rotate(
    grid: np.ndarray,
    rows: np.ndarray,
    times: np.ndarray,
    slope: float,
    drift: float,
    carriers: np.ndarray,
    phase: np.ndarray,
) -> np.ndarray:
    """`rows` of grid [rx, ..., K] times exp(-j (times[row] (slope + drift carrier) + phase[row])): [rx, rows, K].

    Where times go up by 1 from row to row, each carrier's factor follows from the last by one multiplication.
    """
    rx, _, count = grid.shape
    out = np.empty((rx, len(rows), count), np.complex64)
    factor = np.empty(count, np.complex64)
    rate = np.empty(count, np.complex64)
    for k in range(count):
        rate[k] = np.exp(-1j * (slope + drift * carriers[k]))
    for m in range(len(rows)):
        time = times[rows[m]]
        if m % 16 and abs(time - times[rows[m - 1]] - 1) < 1e-9:
            for k in range(count):
                factor[k] *= rate[k]
        else:
            for k in range(count):
                factor[k] = np.exp(-1j * time * (slope + drift * carriers[k]))
        turn = np.complex64(np.exp(-1j * phase[m]))
        for a in range(rx):
            source = grid[a, rows[m]]
            target = out[a, m]
            for k in range(count):
                target[k] = source[k] * (factor[k] * turn)
    return out


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def training_power(observed: np.ndarray, group: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean power of the observations and a first noise variance from neighbouring ones: float64 [rx] each."""
    rx, symbols, carriers = observed.shape
    power = np.zeros(rx)
    noise = np.zeros(rx)
    for a in range(rx):
        for t in range(symbols):
            total = np.float32(0)
            apart = np.float32(0)
            for k in range(carriers):
                v = observed[a, t, k]
                total += v.real * v.real + v.imag * v.imag
                if 0 < t < group:
                    d = v - observed[a, t - 1, k]
                    apart += d.real * d.real + d.imag * d.imag
            power[a] += total
            noise[a] += apart
        power[a] /= symbols * carriers
        noise[a] = noise[a] / (2 * (group - 1) * carriers) + 1e-12
    return power, noise


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def noise_levels(
    observed: np.ndarray, trained: np.ndarray, power: np.ndarray, share: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """Noise variance of a resource element from observed less smoothed training [rx, T, K], of which `share` is in that
    difference; the channel's power in `power`, the observations'; both float32 [rx]; and the ratio of their sums.
    """
    rx, symbols, carriers = observed.shape
    noise = np.empty(rx, np.float32)
    signal = np.empty(rx, np.float32)
    for a in range(rx):
        total = np.float64(0)
        for t in range(symbols):
            apart = np.float32(0)
            for k in range(carriers):
                d = observed[a, t, k] - trained[a, t, k]
                apart += d.real * d.real + d.imag * d.imag
            total += apart
        noise[a] = total / (symbols * carriers * share) + 1e-12
        signal[a] = max(power[a] - noise[a], 0.0)
    return noise, signal, max(signal.sum() / noise.sum(), 1e-3)


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def track_phase(
    received: np.ndarray,
    response: np.ndarray,
    pilots: np.ndarray,
    noise: np.ndarray,
    window: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Phase of the received pilots against the response, both [rx, M, P], averaged over `window` payload symbols on
    each side, and the variance of that average: float64 [M] each. pilots float32 [M, P].
    """
    rx, symbols, _ = response.shape
    product = np.zeros(symbols, np.complex128)
    strength = np.zeros(symbols)
    for a in range(rx):
        weight = 1 / noise[a]
        for m in range(symbols):
            re = np.float32(0)
            im = np.float32(0)
            energy = np.float32(0)
            for i in range(pilots.shape[1]):
                y = received[a, m, i]
                h = response[a, m, i]
                re += pilots[m, i] * (y.real * h.real + y.imag * h.imag)
                im += pilots[m, i] * (y.imag * h.real - y.real * h.imag)
                energy += h.real * h.real + h.imag * h.imag
            product[m] += weight * complex(re, im)
            strength[m] += weight * energy
    phase = np.empty(symbols)
    variance = np.empty(symbols)
    for m in range(symbols):
        total = 0j
        energy_near = 1e-3
        for j in range(max(0, m - window), min(symbols, m + window + 1)):
            total += product[j]
            energy_near += strength[j]
        phase[m] = np.angle(total)
        variance[m] = min(1.0, 0.5 / energy_near)
    return phase, variance


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def element_noise(
    response: np.ndarray,
    additive: np.ndarray,
    ageing: np.ndarray,
    time_gain: np.ndarray,
    time_bias: np.ndarray,
    carrier_gain: np.ndarray,
    carrier_bias: np.ndarray,
    phase_variance: np.ndarray,
    clipping: float,
) -> np.ndarray:
    """Noise variance of each received element: float32 [rx, M, K].

    It is additive (1 + time_gain carrier_gain) + ageing (time_bias + carrier_bias) + |H|^2 (phase_variance + clipping):
    noise and its share in the estimate, what the smoothers miss of a channel of power `ageing`, and what grows with
    the signal. response [rx, M, K]; additive, ageing float32 [rx]; time_* and phase_variance [M]; carrier_* [K].
    """
    rx, symbols, carriers = response.shape
    out = np.empty((rx, symbols, carriers), np.float32)
    for m in range(symbols):
        share = np.float32(phase_variance[m] + clipping)
        for a in range(rx):
            base = additive[a] + ageing[a] * time_bias[m]
            gain = additive[a] * time_gain[m]
            for k in range(carriers):
                h = response[a, m, k]
                own = ageing[a] * carrier_bias[k] + gain * carrier_gain[k]
                out[a, m, k] = base + own + share * (h.real * h.real + h.imag * h.imag)
    return out


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def deliver(
    symbols: np.ndarray,
    noise: np.ndarray,
    data_index: np.ndarray,
    pilots: np.ndarray,
    pilot_index: np.ndarray,
    lowest: float,
    highest: float,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Data carriers of equalised symbols and noise [M, K], noise within its limits and symbols 0 where it is above: two
    arrays [M, D]; and the mean square error of the pilots, float32 [M, P].
    """
    rows, data = symbols.shape[0], len(data_index)
    out = np.empty((rows, data), np.complex64)
    noise_map = np.empty((rows, data), np.float32)
    low, high = np.float32(lowest), np.float32(highest)
    error = 0.0
    for m in range(rows):
        for i in range(data):
            v = noise[m, data_index[i]]
            out[m, i] = symbols[m, data_index[i]] if v <= high else 0
            noise_map[m, i] = min(max(v, low), high)
        for i in range(len(pilot_index)):
            d = symbols[m, pilot_index[i]] - pilots[m, i]
            error += d.real * d.real + d.imag * d.imag
    return out, noise_map, error / (rows * len(pilot_index))
