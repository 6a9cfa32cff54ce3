"""Decoding of quasi-cyclic LDPC codes: layered normalised min-sum."""

import numba
import numpy as np

_LARGEST = np.float32(1e9)


@numba.njit(cache=True, fastmath={"nnan", "ninf", "nsz", "contract", "reassoc"})
def decode(
    beliefs: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    shifts: np.ndarray,
    lifting: int,
    scale: float,
    iterations: int,
) -> int:
    """Decode in place; the number of iterations until every parity check held, or iterations + 1.

    beliefs: float32 [columns * lifting], log P(0) / P(1) of each code bit, 0 where nothing is known.
    rows int32 [R + 1], columns int32 [E], shifts int32 [E]: base graph row r has the entries rows[r] to rows[r + 1];
    check i of a row holds bit (i + shift) mod lifting of each of its columns.
    scale: normalisation of the minimum (Chen and Fossorier, 2002).
    """
    entries = len(columns)
    widest = 0
    for r in range(len(rows) - 1):
        widest = max(widest, rows[r + 1] - rows[r])
    messages = np.zeros((entries, lifting), np.float32)
    inputs = np.empty((widest, lifting), np.float32)
    least = np.empty(lifting, np.float32)
    second = np.empty(lifting, np.float32)
    sign = np.empty(lifting, np.float32)
    factor = np.float32(scale)
    for iteration in range(iterations):
        for r in range(len(rows) - 1):
            first = rows[r]
            degree = rows[r + 1] - first
            least[:] = _LARGEST
            second[:] = _LARGEST
            sign[:] = factor
            for e in range(degree):
                message = messages[first + e]
                value = inputs[e]
                start = columns[first + e] * lifting
                shift = shifts[first + e]
                rest = lifting - shift
                ahead = beliefs[start + shift : start + lifting]
                wrapped = beliefs[start : start + shift]
                for i in range(rest):
                    value[i] = ahead[i] - message[i]
                for i in range(shift):
                    value[rest + i] = wrapped[i] - message[rest + i]
                for i in range(lifting):
                    size = abs(value[i])
                    second[i] = min(second[i], max(least[i], size))
                    least[i] = min(least[i], size)
                    sign[i] = -sign[i] if value[i] < 0 else sign[i]
            for e in range(degree):
                message = messages[first + e]
                value = inputs[e]
                start = columns[first + e] * lifting
                shift = shifts[first + e]
                rest = lifting - shift
                ahead = beliefs[start + shift : start + lifting]
                wrapped = beliefs[start : start + shift]
                for i in range(lifting):
                    smallest = second[i] if abs(value[i]) == least[i] else least[i]
                    new = smallest * sign[i]
                    new = -new if value[i] < 0 else new
                    message[i] = new
                    value[i] += new
                for i in range(rest):
                    ahead[i] = value[i]
                for i in range(shift):
                    wrapped[i] = value[rest + i]
        if _holds(beliefs, rows, columns, shifts, lifting):
            return iteration + 1
    return iterations + 1


@numba.njit(cache=True)
def _holds(beliefs: np.ndarray, rows: np.ndarray, columns: np.ndarray, shifts: np.ndarray, lifting: int) -> bool:
    """Whether the signs of `beliefs` are a codeword."""
    parity = np.empty(lifting, np.uint8)
    bits = (beliefs < 0).view(np.uint8)
    for r in range(len(rows) - 1):
        parity[:] = 0
        for e in range(rows[r], rows[r + 1]):
            start = columns[e] * lifting
            shift = shifts[e]
            rest = lifting - shift
            ahead = bits[start + shift : start + lifting]
            wrapped = bits[start : start + shift]
            for i in range(rest):
                parity[i] ^= ahead[i]
            for i in range(shift):
                parity[rest + i] ^= wrapped[i]
        for i in range(lifting):
            if parity[i]:
                return False
    return True
