"""Bytes to QAM symbols and back: code blocks with a CRC each, LDPC, rate matching to an exact number of symbols."""

import functools
import math
import zlib
from dataclasses import dataclass

import numpy as np

from gvc.errors import InputError
from gvc.phy.fec import ldpc, qam
from gvc.phy.fec.mcs import Mcs
from gvc.phy.sequences import pseudo_random_bits

CRC_BYTES = 4
SCRAMBLE_SEED = 0x5472426C


@dataclass(frozen=True)
class Received:
    """`data` bytes [payload_bytes], zeros where a code block failed its CRC; `blocks_ok` bool [C], `block_bytes` int
    [C], the payload bytes of each block in order. bit_errors and iterations of the decoder are means over blocks.
    """

    data: bytes
    blocks_ok: np.ndarray
    block_bytes: np.ndarray
    iterations: float

    @property
    def sound_bytes(self) -> int:
        """Bytes before the first failed block."""
        failed = np.flatnonzero(~self.blocks_ok)
        return int(self.block_bytes[: failed[0]].sum()) if len(failed) else len(self.data)


class TransportBlock:
    """A transport block of exactly `symbols` QAM symbols.

    It is cut into as few code blocks as 5G allows (k up to 8448), as even as possible; each ends with a CRC-32. Code
    bits are scrambled, so that any data has the same statistics on the air.

    Args:
        mcs: modulation and code rate.
        symbols: complex channel uses.

    Raises InputError when the symbols are too few for one code block.

    >>> block = TransportBlock(Mcs(order=2, rate_index=2), symbols=200)  # QPSK at rate 1/2
    >>> block.payload_bytes, 200 * 2 // 2 // 8 - CRC_BYTES
    (21, 21)
    >>> noise = np.random.default_rng(0).standard_normal((200, 2)) @ [1, 1j] / 2  # at 3 dB
    >>> received = block.decode((block.encode(b"hello") + noise).astype(np.complex64), np.full(200, 0.5, np.float32))
    >>> received.data[:5], received.sound_bytes
    (b'hello', 21)
    """

    def __init__(self, mcs: Mcs, symbols: int):
        self.mcs, self.symbols = mcs, symbols
        # Below rate 1/3 there is the small base graph alone.
        most = ldpc.MOST_BITS if mcs.rate >= ldpc.LEAST_RATE_OF_LARGE_GRAPH else ldpc.MOST_BITS_OF_SMALL_GRAPH
        blocks = max(1, -(-math.ceil(symbols * mcs.order * mcs.rate) // (most - 8)))
        share, more = divmod(symbols, blocks)
        sizes = [share + (block < more) for block in range(blocks)]
        self._spans = np.cumsum([0, *sizes])
        # rounded up: a hair below 1/5 or 1/3 there is no code
        self._bytes = [math.ceil(size * mcs.order * mcs.rate / 8) for size in sizes]
        if min(self._bytes) <= CRC_BYTES:
            raise InputError(f"{symbols} symbols of {mcs.name} hold no byte beside the CRC: use a larger frame or CBR")
        self._codes = [ldpc.code(8 * b, s * mcs.order, mcs.order) for b, s in zip(self._bytes, sizes, strict=True)]
        self.block_bytes = np.array(self._bytes) - CRC_BYTES
        self.payload_bytes = int(self.block_bytes.sum())
        self._flips = pseudo_random_bits(SCRAMBLE_SEED, symbols * mcs.order)
        self._signs = 1 - 2 * self._flips.astype(np.float32)

    def encode(self, data: bytes) -> np.ndarray:
        """At most `payload_bytes` bytes -> complex64 [symbols]; the rest is filled with zeros.

        Raises InputError for more.
        """
        if len(data) > self.payload_bytes:
            raise InputError(f"{len(data)} bytes do not fit a transport block of {self.payload_bytes}")
        padded = data + bytes(self.payload_bytes - len(data))
        coded = []
        start = 0
        for code, size in zip(self._codes, self.block_bytes.tolist(), strict=True):
            content = padded[start : start + size]
            start += size
            content += zlib.crc32(content).to_bytes(CRC_BYTES, "big")
            coded.append(code.encode(np.unpackbits(np.frombuffer(content, np.uint8))[None])[0])
        return qam.modulate(np.concatenate(coded) ^ self._flips, self.mcs.order)

    def decode(self, symbols: np.ndarray, noise_map: np.ndarray) -> Received:
        """Received complex64 [symbols] with noise variances float32 [symbols] -> what passed its CRC."""
        order = self.mcs.order
        llr = qam.demodulate(symbols, noise_map, order) * self._signs
        parts, sound, iterations = [], [], []
        for block, code in enumerate(self._codes):
            span = slice(order * self._spans[block], order * self._spans[block + 1])
            bits, used = code.decode(llr[None, span])
            content = np.packbits(bits[0]).tobytes()
            ok = zlib.crc32(content[:-CRC_BYTES]).to_bytes(CRC_BYTES, "big") == content[-CRC_BYTES:]
            parts.append(content[:-CRC_BYTES] if ok else bytes(len(content) - CRC_BYTES))
            sound.append(ok)
            iterations.append(min(int(used[0]), ldpc.ITERATIONS))
        return Received(b"".join(parts), np.array(sound), self.block_bytes, float(np.mean(iterations)))


@functools.lru_cache(maxsize=128)
def transport_block(mcs: Mcs, symbols: int) -> TransportBlock:
    """A `TransportBlock` that is built once and kept."""
    return TransportBlock(mcs, symbols)
