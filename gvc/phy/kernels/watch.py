"""What tells a disturbed burst at little cost: guard carriers, pilots, and what smoothing leaves of the training.

Shapes and words as in `payload`; R symbols after the header.
"""

import numba
import numpy as np

from gvc.phy.kernels import agreement
from gvc.phy.kernels.detection import FAST

OWN, TOGETHER, GUARDS, HIGH, LOW, DEVIATIONS, BEYOND, WANDER, DOUBTFUL, CARRIER, CHANGED, HEARD, KEPT, COUNTS, LEAST = (
    range(15)
)
"""Places in an array of limits. For the energy of one symbol's pilots, of these with the guard carriers', of the latter
alone; for all pilots' energy over what is expected, from above and below; for gain and phase, in deviations and beyond;
for the energy of the errors across; for that of a symbol whose claim is raised; for a carrier's residual over noise;
for noise over that of the header; for signal over noise of a midamble that is heard, and what coherence it keeps; for
noise over signal that counts at all; and the least noise map of a symbol.
"""


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def guard_power(spectrum: np.ndarray, bins: np.ndarray, scale: float) -> np.ndarray:
    """Mean power of columns `bins` of spectrum [rx, rows, size] times scale: float32 [rx, rows]."""
    out = np.empty(spectrum.shape[:2], np.float32)
    factor = np.float32(scale * scale / len(bins))
    for a in range(spectrum.shape[0]):
        for r in range(spectrum.shape[1]):
            total = np.float32(0)
            for i in range(len(bins)):
                v = spectrum[a, r, bins[i]]
                total += v.real * v.real + v.imag * v.imag
            out[a, r] = total * factor
    return out


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def quiet_symbols(guards: np.ndarray, count: int, least: np.ndarray) -> np.ndarray:
    """`count` guard carriers' energy in each symbol over the usual, float64 [R]: of guards [rx, R] over their mean,
    or over `least` [rx] where that is larger.
    """
    rx, symbols = guards.shape
    out = np.zeros(symbols)
    for a in range(rx):
        usual = max(np.mean(guards[a]), least[a])
        for r in range(symbols):
            out[r] += count * guards[a, r] / usual
    return out


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def symbols_stand_out(
    received: np.ndarray,
    response: np.ndarray,
    variance: np.ndarray,
    pilots: np.ndarray,
    index: np.ndarray,
    quiet: np.ndarray,
    payload: np.ndarray,
    least: float,
    limits: np.ndarray,
    low: float,
    inherited: float,
    energies: np.ndarray,
    erased: float,
) -> tuple[bool, float, int, float, float]:
    """Whether a payload symbol's pilots, alone or with its guard carriers' energy `quiet`, or all pilots together say
    that the claimed variance is wrong, float32 [rx, M, K] and taken as at least `least` |H|^2.
    A pilot's squared error over that variance has the mean 1; below `low` their mean is too small. inherited: by how
    much the response's own error lowers the gain. Into `energies`, float64 [M], go those of pilots and guard carriers
    of each symbol. With it what `agreement.pilot_agreement` says, if nothing does stand out: all pilots' misfit, the
    number that are not `erased`, their gain and its error.
    """
    rx, symbols, _ = received.shape
    total = along = across = strength = wander = 0.0
    left = 0
    for m in range(symbols):
        energy = own_along = own_across = own = 0.0
        for i in range(len(index)):
            k = index[i]
            expected = 0.0
            for a in range(rx):
                y = received[a, m, k] * pilots[m, i]
                h = response[a, m, k]
                power = h.real * h.real + h.imag * h.imag
                weight = 1 / max(variance[a, m, k], least * power)
                d = y - h
                energy += weight * (d.real * d.real + d.imag * d.imag)
                own_along += weight * (y.real * h.real + y.imag * h.imag)
                own_across += weight * (y.imag * h.real - y.real * h.imag)
                expected += weight * power
            own += expected
            left += expected * erased >= 1
        energies[m] = energy + quiet[payload[m]]
        if energy > limits[OWN] or energies[m] > limits[TOGETHER]:
            return True, 0.0, 0, 0.0, 0.0
        total += energy
        along += own_along
        across += own_across
        strength += own
        wander += own_across * own_across / max(own, 1e-30)
    strength = max(strength, 1e-30)
    ratio = total / (rx * symbols * len(index))
    gain = along / strength
    off = limits[DEVIATIONS] / np.sqrt(strength) + limits[BEYOND] + inherited
    found = np.max(quiet) > limits[GUARDS] or ratio > limits[HIGH] or ratio < low or wander > limits[WANDER]
    found = found or abs(gain - 1) > off or abs(across) > off * strength
    return found, ratio, left, gain, np.sqrt(0.5 / strength)


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def midambles_disagree(observed: np.ndarray, group: int, noise: float, least: float, kept: float) -> bool:
    """Whether a midamble of training [rx, T, K], whose first `group` symbols lie before the payload, has less than
    `kept` of the coherence with the training symbol before it that signals of their power have: |<a, b>|^2 over the
    product of |a|^2 and |b|^2 less the noise, of that variance an element summed over antennas. Symbols in which the
    signal is not `least` times the noise say nothing. A channel fades slowly; samples that went missing change it at
    once.
    """
    rx, symbols, carriers = observed.shape
    last = 0.0
    floor = noise * carriers
    for t in range(group - 1, symbols):
        inner = np.complex64(0)
        own = np.float32(0)
        for a in range(rx):
            for k in range(carriers):
                u = observed[a, t - 1, k]
                v = observed[a, t, k]
                inner += v * np.conj(u)
                own += v.real * v.real + v.imag * v.imag
        signal = float(own) - floor
        if t >= group and min(signal, last) > least * floor:
            if inner.real * inner.real + inner.imag * inner.imag < kept * signal * last:
                return True
        last = signal
    return False


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def carriers_stand_out(observed: np.ndarray, trained: np.ndarray, most: np.ndarray) -> bool:
    """Whether mean |observed - trained|^2 of training [rx, T, K] over time is above `most` [rx] on a carrier."""
    rx, symbols, carriers = observed.shape
    for a in range(rx):
        left = np.zeros(carriers, np.float32)
        for t in range(symbols):
            for k in range(carriers):
                d = observed[a, t, k] - trained[a, t, k]
                left[k] += d.real * d.real + d.imag * d.imag
        if np.max(left) > symbols * most[a]:
            return True
    return False


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def symbol_power(received: np.ndarray, response: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Mean over carriers of the power received in each payload symbol over that of a signal of mean power 1 with the
    claimed noise, so that a carrier which is hit does not outweigh the others: float64 [M].
    received, response [rx, M, K]; variance float32 [rx, M, K].
    """
    rx, symbols, carriers = received.shape
    out = np.empty(symbols)
    for m in range(symbols):
        total = np.float32(0)
        for a in range(rx):
            for k in range(carriers):
                y = received[a, m, k]
                h = response[a, m, k]
                expected = h.real * h.real + h.imag * h.imag + variance[a, m, k] + np.float32(1e-30)
                total += (y.real * y.real + y.imag * y.imag) / expected
        out[m] = total / (rx * carriers)
    return out


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def most_power(power: np.ndarray, spread: float) -> float:
    """What `power`, float64 [M], of symbols whose contents vary as most of these do does not pass: six deviations above
    the median, the deviation that of the middle half, at least `spread`.
    """
    middle = np.median(power)
    return middle + 6 * max(1.4826 * np.median(np.abs(power - middle)), spread)


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def power_stands_out(power: np.ndarray, spread: float) -> bool:
    """Whether a symbol's is above `most_power`, which is looked at only where that may be: medians take time."""
    most = np.max(power)
    return most > 0.7 * np.mean(power) + 6 * spread and most > most_power(power, spread)


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def raise_claims(variance: np.ndarray, energies: np.ndarray, squares: int, most: float) -> None:
    """Multiplies the variance, float32 [rx, M, K], of symbols whose energy, the sum of so many squares of mean 1, is
    above `most` by their mean.
    """
    for m in range(len(energies)):
        if energies[m] > most:
            factor = np.float32(energies[m] / squares)
            for a in range(variance.shape[0]):
                for k in range(variance.shape[2]):
                    variance[a, m, k] *= factor


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def disturbed(
    received: np.ndarray,
    response: np.ndarray,
    variance: np.ndarray,
    pilots: np.ndarray,
    index: np.ndarray,
    guards: np.ndarray,
    payload: np.ndarray,
    observed: np.ndarray,
    trained: np.ndarray,
    noise: np.ndarray,
    signal: np.ndarray,
    rough: np.ndarray,
    inherited: float,
    group: int,
    empty: int,
    nu_min: float,
    nu_max: float,
    limits: np.ndarray,
) -> tuple[bool, tuple[float, int, float, float, float, float]]:
    """All of the above in one call; see `gvc.phy.receiver.watch.Watch`. empty: guard carriers. With it, for a burst
    that is not disturbed, what `agreement.agreement` says of it, from the misfit of all its symbols.
    """
    nothing = (0.0, 0, 0.0, 0.0, 0.0, 0.0)
    total, wanted, early = noise.sum(), signal.sum(), rough.sum()
    counts = total > limits[COUNTS] * wanted
    if counts and total > limits[CHANGED] * early:
        return True, nothing
    if midambles_disagree(observed, group, early, limits[HEARD], limits[KEPT]):
        return True, nothing
    quiet = quiet_symbols(guards, empty, np.float32(limits[LEAST]) * signal)
    energies = np.empty(len(payload))
    found, misfit, left, gain, error = symbols_stand_out(
        received, response, variance, pilots, index, quiet, payload, limits[LEAST], limits,
        limits[LOW] if counts else 0.0, inherited * total / max(wanted, nu_min * total), energies, nu_max,
    )  # fmt: skip
    if found:
        return True, nothing
    if power_stands_out(symbol_power(received, response, variance), observed.shape[2] ** -0.5):
        return True, nothing
    loudest = np.empty(len(noise), np.float32)
    for a in range(len(noise)):
        loudest[a] = max(noise[a], nu_min * signal[a]) * limits[CARRIER]
    if carriers_stand_out(observed, trained, loudest):
        return True, nothing
    raise_claims(variance, energies, len(noise) * (len(index) + empty), limits[DOUBTFUL])
    header, header_error = agreement.header_agreement(observed, group - 2)
    return False, (misfit, left, gain, error, header, header_error)
