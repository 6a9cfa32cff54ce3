"""The header's codes: convolutional, terminated, with a soft Viterbi decoder."""

import numba
import numpy as np


class ConvolutionalCode:
    """A code of rate 1 / len(generators).

    generators: octal, most significant bit on the newest input; the first and the last bit of each are set.
    """

    def __init__(self, generators: tuple[int, ...]):
        self.generators = generators
        self.memory = generators[0].bit_length() - 1
        outputs = [[(register & g).bit_count() & 1 for register in range(2 << self.memory)] for g in generators]
        table = 1 - 2 * np.array(outputs, np.float32)
        self._branches = np.ascontiguousarray(table)
        # With input 0 out of the even states; the others have these signs or all of them turned.
        self._even = np.ascontiguousarray(table[:, : 1 << self.memory : 2])

    def coded_bits(self, bits: int) -> int:
        """Code bits of `bits` information bits."""
        return len(self.generators) * (bits + self.memory)

    def encode(self, bits: np.ndarray) -> np.ndarray:
        """Code bits uint8 [coded_bits(n)] of `bits` uint8 [n]; zero bits bring the encoder back to its first state."""
        return _encode(bits, self._branches, self.memory)

    def decode(self, soft: np.ndarray) -> np.ndarray:
        """The most likely bits uint8 [n] of soft code bits float32 [coded_bits(n)], positive for 0, of any scale."""
        levels = np.ascontiguousarray(soft, np.float32).reshape(-1, len(self.generators))
        return _viterbi(levels, self._even, self.memory)


CODES = {
    # 3GPP TS 36.212, 5.1.3.1: free distance 15.
    "k7": ConvolutionalCode((0o133, 0o171, 0o165)),
    # Of the Cassini and Mars Pathfinder spacecraft (Divsalar et al., TDA Progress Report 42-121, JPL 1995).
    "k15": ConvolutionalCode((0o46321, 0o51271, 0o63667, 0o70535, 0o73277, 0o76513)),
}
"""By the name that a numerology gives; k is the constraint length."""


@numba.njit(cache=True)
def _encode(bits: np.ndarray, branches: np.ndarray, memory: int) -> np.ndarray:
    outputs = branches.shape[0]
    coded = np.empty(outputs * (len(bits) + memory), np.uint8)
    state = 0
    for step in range(len(bits) + memory):
        bit = int(bits[step]) if step < len(bits) else 0
        register = bit << memory | state
        for output in range(outputs):
            coded[outputs * step + output] = branches[output, register] < 0
        state = register >> 1
    return coded


@numba.njit(cache=True)
def _viterbi(soft: np.ndarray, branches: np.ndarray, memory: int) -> np.ndarray:
    steps, outputs = soft.shape
    half = branches.shape[1]
    metric = np.full(2 * half, np.float32(-1e30))
    metric[0] = 0.0
    fresh = np.empty(2 * half, np.float32)
    gain = np.empty(half, np.float32)
    odd_won = np.empty((steps, 2 * half), np.uint8)
    for step in range(steps):
        for low in range(half):
            gain[low] = soft[step, 0] * branches[0, low]
        for output in range(1, outputs):
            level = soft[step, output]
            signs = branches[output]
            for low in range(half):
                gain[low] += level * signs[low]
        lower, upper = odd_won[step, :half], odd_won[step, half:]
        for low in range(half):
            # States 2 low and 2 low + 1 lead to states low (input 0) and half + low (input 1). Every generator has its
            # first and last bit set, so that three of these four branches are the first or its complement.
            even, odd, g = metric[2 * low], metric[2 * low + 1], gain[low]
            one, two = even + g, odd - g
            fresh[low] = two if two > one else one
            lower[low] = two > one
            one, two = even - g, odd + g
            fresh[half + low] = two if two > one else one
            upper[low] = two > one
        metric, fresh = fresh, metric
    bits = np.empty(steps, np.uint8)
    state = 0
    for step in range(steps - 1, -1, -1):
        bits[step] = state // half
        state = 2 * (state % half) + odd_won[step, state]
    return bits[: steps - memory]
