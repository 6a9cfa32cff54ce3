"""From the FFT windows of a burst to what the equaliser needs. rx antennas, T training and M payload symbols, K
occupied and D data carriers, P pilots. Arrays are C-contiguous, grids complex64.
"""

import numba
import numpy as np

from gvc.phy.kernels.detection import FAST


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def observe_training(
    head: np.ndarray, skip: int, tail: np.ndarray, midambles: np.ndarray, header: np.ndarray, training: np.ndarray
) -> np.ndarray:
    """Least-squares response at the training symbols: [rx, T, K].

    Of `head` [rx, skip + 2 + H, K] the long training and the header, of `tail` the rows `midambles`; over what was
    sent: `header` [H, K] and `training` [K], both of unit modulus.
    """
    rx, _, carriers = head.shape
    symbols = header.shape[0]
    out = np.empty((rx, 2 + symbols + len(midambles), carriers), np.complex64)
    for a in range(rx):
        for k in range(carriers):
            known = np.conj(training[k])
            out[a, 0, k] = head[a, skip, k] * known
            out[a, 1, k] = head[a, skip + 1, k] * known
            for r in range(symbols):
                out[a, 2 + r, k] = head[a, skip + 2 + r, k] * np.conj(header[r, k])
            for r in range(len(midambles)):
                out[a, 2 + symbols + r, k] = tail[a, midambles[r], k] * known
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
def rotate(grid: np.ndarray, phase: np.ndarray, slope: np.ndarray, carriers: np.ndarray) -> None:
    """Multiply grid [rx, rows, K] in place by exp(-j (phase[row] + slope[row] carrier)); carriers ascend by 1 or 2."""
    for r in range(grid.shape[1]):
        turn = np.complex64(np.exp(-1j * slope[r]))
        first = np.complex64(np.exp(-1j * (phase[r] + slope[r] * carriers[0])))
        for a in range(grid.shape[0]):
            factor = first
            for k in range(grid.shape[2]):
                grid[a, r, k] *= factor
                factor *= turn
                if k + 1 < grid.shape[2] and carriers[k + 1] == carriers[k] + 2:
                    factor *= turn


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
def distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Mean |one - other|^2 of each antenna's grid: float64 [rx]."""
    out = np.zeros(one.shape[0])
    for a in range(one.shape[0]):
        for t in range(one.shape[1]):
            total = np.float32(0)
            for k in range(one.shape[2]):
                d = one[a, t, k] - other[a, t, k]
                total += d.real * d.real + d.imag * d.imag
            out[a] += total
        out[a] /= one.shape[1] * one.shape[2]
    return out


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def track_phase(
    received: np.ndarray,
    response: np.ndarray,
    pilots: np.ndarray,
    pilot_index: np.ndarray,
    noise: np.ndarray,
    window: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Phase of the pilots against the response, averaged over `window` payload symbols on each side, and the variance
    of that average: float64 [M] each. received, response [rx, M, K]; pilots float32 [M, P].
    """
    rx, symbols, _ = received.shape
    product = np.zeros(symbols, np.complex128)
    strength = np.zeros(symbols)
    for m in range(symbols):
        for a in range(rx):
            weight = 1 / noise[a]
            for i in range(len(pilot_index)):
                y = received[a, m, pilot_index[i]]
                h = response[a, m, pilot_index[i]]
                product[m] += weight * pilots[m, i] * y * np.conj(h)
                strength[m] += weight * (h.real * h.real + h.imag * h.imag)
    phase = np.empty(symbols)
    variance = np.empty(symbols)
    for m in range(symbols):
        total = 0j
        energy = 1e-3
        for j in range(max(0, m - window), min(symbols, m + window + 1)):
            total += product[j]
            energy += strength[j]
        phase[m] = np.angle(total)
        variance[m] = min(1.0, 0.5 / energy)
    return phase, variance


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def equaliser_input(
    received: np.ndarray,
    response: np.ndarray,
    index: np.ndarray,
    phase: np.ndarray,
    additive: np.ndarray,
    ageing: np.ndarray,
    time_gain: np.ndarray,
    time_bias: np.ndarray,
    carrier_gain: np.ndarray,
    carrier_bias: np.ndarray,
    multiplicative: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Carriers `index` of received (turned by -phase) and response, both [rx, M, K], and their noise variance: three
    arrays [rx, M, D].

    The variance is additive (1 + time_gain carrier_gain) + ageing (time_bias + carrier_bias) + |H|^2 multiplicative:
    noise and its share in the estimate, what the smoothers miss of a channel of power `ageing`, and what grows with
    the signal. additive, ageing float32 [rx]; time_* and multiplicative [M]; carrier_* [K].
    """
    rx, symbols, _ = received.shape
    data = len(index)
    y = np.empty((rx, symbols, data), np.complex64)
    h = np.empty((rx, symbols, data), np.complex64)
    v = np.empty((rx, symbols, data), np.float32)
    for m in range(symbols):
        turn = np.complex64(np.exp(-1j * phase[m]))
        for a in range(rx):
            for i in range(data):
                k = index[i]
                g = response[a, m, k]
                y[a, m, i] = received[a, m, k] * turn
                h[a, m, i] = g
                v[a, m, i] = (
                    additive[a] * (np.float32(1) + time_gain[m] * carrier_gain[k])
                    + ageing[a] * (time_bias[m] + carrier_bias[k])
                    + multiplicative[m] * (g.real * g.real + g.imag * g.imag)
                )
    return y, h, v
