"""The LDPC codes of 5G NR (3GPP TS 38.212, 5.3.2 and 5.4.2): Sionna's construction and encoder, a fast decoder."""

import functools
from fractions import Fraction

import numpy as np

from gvc.errors import InputError
from gvc.phy.kernels import ldpc as kernels

MOST_BITS, MOST_BITS_OF_SMALL_GRAPH = 8448, 3840
LEAST_RATE, LEAST_RATE_OF_LARGE_GRAPH = Fraction(1, 5), Fraction(1, 3)
CERTAIN = np.float32(1000.0)
ITERATIONS = 30


class LdpcCode:
    """One code with rate matching (redundancy version 0) and the bit interleaver of a QAM order.

    Args:
        k: information bits, 12 to 8448.
        n: code bits, a multiple of `order`; k / n from 1/5 to 0.95.
        order: bits a QAM symbol, for the interleaver of TS 38.212, 5.4.2.2.
        scale: normalisation of the min-sum decoder; None for the one measured best at this rate.

    Raises InputError for sizes that 5G has no code for.
    """

    def __init__(self, k: int, n: int, order: int = 1, scale: float | None = None):
        # Sionna takes seconds to import: only who codes waits for it.
        from sionna.phy.fec.ldpc import LDPC5GEncoder

        if not 12 <= k <= MOST_BITS or n % order or not LEAST_RATE <= Fraction(k, n) <= Fraction(95, 100):
            raise InputError(
                f"no LDPC code of {k} information and {n} code bits: k goes from 12 to {MOST_BITS}, "
                f"k / n from 1/5 to 0.95, and n is a multiple of the {order} bits of a symbol"
            )
        self.k, self.n, self.order = k, n, order
        self.scale = best_scale(k / n, order) if scale is None else scale
        self._encoder = LDPC5GEncoder(k, n, num_bits_per_symbol=order, device="cpu", check_input=False)
        self.lifting = z = self._encoder.z
        self._filler = self._encoder.k_filler
        # The four checks of the core share their parity bits, so all are of use even where one of these is never sent.
        sent = max(-(-(n + self._filler + 2 * z) // z), (k + self._filler) // z + 4)
        self.columns_used = sent
        # The first check of every lifted row gives the base graph: column and shift of each entry.
        checks = self._encoder.pcm.tocsr()
        graph = [np.sort(checks[row].indices) for row in range(0, checks.shape[0], z)]
        graph = [row for row in graph if row[-1] < sent * z]
        self._rows = np.cumsum([0] + [len(row) for row in graph]).astype(np.int32)
        entries = np.concatenate(graph)
        self._columns, self._shifts = (part.astype(np.int32) for part in divmod(entries, z))

    def encode(self, bits: np.ndarray) -> np.ndarray:
        """Information bits uint8 [B, k] -> code bits uint8 [B, n], in the order of transmission."""
        import torch

        with torch.inference_mode():
            coded = self._encoder(torch.from_numpy(np.ascontiguousarray(bits, np.float32)))
        return coded.numpy().astype(np.uint8)

    def decode(self, llr: np.ndarray, iterations: int = ITERATIONS) -> tuple[np.ndarray, np.ndarray]:
        """log P(0) / P(1) float32 [B, n] -> bits uint8 [B, k] and iterations int [B]; more than `iterations` of them
        where the parity checks do not hold.
        """
        blocks = len(llr)
        ordered = llr.reshape(blocks, self.n // self.order, self.order).transpose(0, 2, 1).reshape(blocks, self.n)
        z, k, filler = self.lifting, self.k, self._filler
        bits = np.empty((blocks, k), np.uint8)
        used = np.empty(blocks, np.int64)
        beliefs = np.empty(self.columns_used * z, np.float32)
        systematic = k - 2 * z
        for block in range(blocks):
            # The first 2 z bits are never sent; fillers are known to be 0.
            beliefs[: 2 * z] = 0
            beliefs[2 * z : k] = ordered[block, :systematic]
            beliefs[k : k + filler] = CERTAIN
            end = k + filler + self.n - systematic
            beliefs[k + filler : end] = ordered[block, systematic:]
            beliefs[end:] = 0
            used[block] = kernels.decode(beliefs, self._rows, self._columns, self._shifts, z, self.scale, iterations)
            bits[block] = beliefs[:k] < 0
        return bits, used


@functools.lru_cache(maxsize=64)
def code(k: int, n: int, order: int) -> LdpcCode:
    """The code of these sizes, made once."""
    return LdpcCode(k, n, order)


def best_scale(rate: float, order: int) -> float:
    """Normalisation of the min-sum decoder by code rate and bits a symbol (`python -m benchmarks.ldpc --scales`).

    Low rates need more of it; with QAM, whose bits differ in reliability, less.
    """
    if order == 2:
        return float(np.interp(rate, (0.2, 1 / 3, 0.5, 2 / 3), (0.65, 0.67, 0.72, 0.75)))
    return float(np.interp(rate, (0.2, 1 / 3), (0.7, 0.77)))
