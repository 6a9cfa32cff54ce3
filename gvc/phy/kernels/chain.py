"""Whole steps of the receiver in one call each: a call from Python costs microseconds, and a burst takes many.

Shapes and words as in `preamble` and `payload`. `matrix` is a smoother over carriers, complex64 [K, K], transposed;
empty for none.
"""

import numba
import numpy as np

from gvc.phy.kernels import payload, preamble
from gvc.phy.kernels.detection import FAST


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def smooth(observed: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """observed [rows, K] over carriers: [rows, K]."""
    return np.dot(observed, matrix) if matrix.shape[0] else observed


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def soft_header(
    grid: np.ndarray,
    mean: np.ndarray,
    noise: np.ndarray,
    long_matrix: np.ndarray,
    whole_matrix: np.ndarray,
    pilots: np.ndarray,
    pilot_index: np.ndarray,
    data_index: np.ndarray,
    tones: np.ndarray,
    short_known: np.ndarray,
    precision: np.ndarray,
    turns: np.ndarray,
) -> tuple[np.ndarray, int, float]:
    """Soft header symbols complex64 [H D], the row of `turns` that fits the residual CFO, and the pilots' evidence.

    The long training alone gives the residual CFO; then the short training is turned to it and helps.
    """
    short, first = turns.shape[1] - pilots.shape[0], grid.shape[1] - pilots.shape[0]
    rough = smooth(mean, long_matrix)
    chosen = preamble.residual_slope(grid, rough, noise, pilots, pilot_index, tones, short_known, turns)
    early, later = turns[chosen, :short], turns[chosen, short:]
    whole = preamble.whole_preamble(grid, mean, tones, short_known, early, precision, first - short)
    response = smooth(whole, whole_matrix)
    evidence = preamble.pilot_evidence(grid, response, noise, later, pilots, pilot_index, first)
    return preamble.header_soft(grid, response, noise, later, data_index, first), chosen, evidence


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def observe(
    head: np.ndarray,
    skip: int,
    tail: np.ndarray,
    midambles: np.ndarray,
    training: np.ndarray,
    sent: np.ndarray,
    data_index: np.ndarray,
    pilots: np.ndarray,
    pilot_index: np.ndarray,
    carriers: np.ndarray,
    times: np.ndarray,
    slope: float,
    cfo: float,
    drift_per_cfo: float,
) -> tuple[np.ndarray, float, float, np.ndarray, np.ndarray]:
    """Training of a burst, freed of residual CFO and sampling offset: [rx, T, K]; both of these; its mean power and a
    first noise variance [rx].

    cfo: radians a symbol that the windows were already turned by. drift_per_cfo: phase that a sampling offset adds, in
    radians a carrier and symbol, for a CFO of one radian a symbol; NaN to estimate it.
    """
    group = 2 + pilots.shape[0]
    raw = payload.observe_training(head, skip, tail, midambles, training, sent, data_index, pilots, pilot_index)
    slope = payload.refine_slope(raw, times, group, slope)
    if np.isnan(drift_per_cfo):
        drift = payload.estimate_drift(raw, times, group, slope, carriers)
    else:
        drift = drift_per_cfo * (cfo + slope)
    observed = payload.rotate(raw, np.arange(len(times)), times, slope, drift, carriers, np.zeros(len(times)))
    power, rough = payload.training_power(observed, group)
    return observed, slope, drift, power, rough


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def follow(
    observed: np.ndarray,
    power: np.ndarray,
    matrix: np.ndarray,
    at_training: np.ndarray,
    at_payload: np.ndarray,
    share: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    """Smoothed training [rx, T, K] and response at the payload [rx, M, K]; noise variance and channel power [rx], and
    the ratio of their sums. at_training [T, T], at_payload [M, T] are weights over time; `share` of the noise remains
    in observed less smoothed training.
    """
    rx, symbols, carriers = observed.shape
    trained = np.empty_like(observed)
    response = np.empty((rx, at_payload.shape[0], carriers), np.complex64)
    for a in range(rx):
        over_carriers = smooth(observed[a], matrix)
        flat = over_carriers.view(np.float32)
        trained[a] = np.dot(at_training, flat).view(np.complex64)
        response[a] = np.dot(at_payload, flat).view(np.complex64)
    noise, signal, ratio = payload.noise_levels(observed, trained, power, share)
    return trained, response, noise, signal, ratio


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def prepare(
    tail: np.ndarray,
    rows: np.ndarray,
    times: np.ndarray,
    slope: float,
    drift: float,
    carriers: np.ndarray,
    response: np.ndarray,
    pilots: np.ndarray,
    pilot_index: np.ndarray,
    noise: np.ndarray,
    signal: np.ndarray,
    time_gain: np.ndarray,
    time_bias: np.ndarray,
    carrier_gain: np.ndarray,
    carrier_bias: np.ndarray,
    clipping: float,
    window: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Payload, turned by residual CFO, sampling offset and the pilots' phase, and its noise variance: [rx, M, K]."""
    still = np.zeros(len(rows))
    at_pilots = payload.pick(tail, pilot_index)
    at_pilots = payload.rotate(at_pilots, rows, times, slope, drift, carriers[pilot_index], still)
    expected = payload.pick(response, pilot_index)
    phase, variance = payload.track_phase(at_pilots, expected, pilots, noise, window)
    received = payload.rotate(tail, rows, times, slope, drift, carriers, phase)
    element = payload.element_noise(
        response, noise, signal, time_gain, time_bias, carrier_gain, carrier_bias, variance, clipping
    )
    return received, element
