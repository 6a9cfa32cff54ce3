"""Band-limited interpolation: a Kaiser-windowed sinc.

Every delay that is not a whole number of samples (paths, fractional delay, sampling offset) is applied by this one
kernel. For |f| <= 0.406 of the sampling rate (52 of 64 carriers) the error is below -69 dB at any sampling offset
(`python -m benchmarks.channel` prints it); beyond, the kernel rolls off and images appear (-17 dB at 0.45), so a
waveform must leave that much of the band free.
"""

import numba
import numpy as np

HALF_WIDTH = 12  # samples on each side
BETA = 7.0
_PHASES = 512  # tabulated fractions of a sample; linear interpolation between them is exact to -115 dB


def kernel(t: np.ndarray) -> np.ndarray:
    """Weight float64 of an input sample `t` sample periods from the wanted instant; zero for |t| >= HALF_WIDTH."""
    inside = np.clip(1.0 - (t / HALF_WIDTH) ** 2, 0.0, None)
    return np.where(np.abs(t) < HALF_WIDTH, np.sinc(t) * np.i0(BETA * np.sqrt(inside)) / np.i0(BETA), 0.0)


# [phase, m]: weight at -HALF_WIDTH + phase / _PHASES + m
_TABLE = kernel(np.arange(_PHASES + 1)[:, None] / _PHASES - HALF_WIDTH + np.arange(2 * HALF_WIDTH))


def multipath_responses(gains: np.ndarray, delays: np.ndarray, early: np.ndarray, length: int) -> np.ndarray:
    """Impulse responses of band-limited multipath.

    Input: path gains complex128 [rows, k, paths], path delays float64 [paths] in samples, and for each response the
    time by which all paths come earlier, float64 [k], 0 to about 1 sample. Output: complex128 [rows, k, length],
    tap j = sum_p gain_p kernel(j - HALF_WIDTH + early - delay_p).
    """
    out = np.zeros((*gains.shape[:2], 2, length))
    _add_paths(np.ascontiguousarray(gains), delays, early, _TABLE, out)
    return out[:, :, 0] + 1j * out[:, :, 1]


@numba.njit(cache=True, fastmath={"contract"}, nogil=True)
def _add_paths(gains, delays, early, table, out):
    """out[row, k, 0 or 1] += real or imaginary part of each path's response; apart, so that the compiler vectorises."""
    phases, width = table.shape[0] - 1, table.shape[1]
    weights = np.empty(width)
    for k in range(early.shape[0]):
        for p in range(delays.shape[0]):
            begin = delays[p] - early[k]  # where the kernel's support begins, in taps
            first = int(np.ceil(begin))
            place = (first - begin) * phases
            index = min(int(place), phases - 1)
            fraction = place - index
            before, after = table[index], table[index + 1]
            for m in range(width):
                weights[m] = before[m] * (1.0 - fraction) + after[m] * fraction
            low, high = max(0, -first), min(width, out.shape[3] - first)
            used = weights[low:high]
            for row in range(out.shape[0]):
                for part in range(2):
                    gain = gains[row, k, p].real if part == 0 else gains[row, k, p].imag
                    taps = out[row, k, part, first + low : first + high]
                    for m in range(used.shape[0]):
                        taps[m] += gain * used[m]
