"""A block of real-valued pictures in a given number of symbols: metadata under a strong code, coefficients analogue."""

import functools

import numpy as np

from gvc.coding.softcast import metadata
from gvc.coding.softcast.allocation import chunks_worth_sending, estimate, gains
from gvc.coding.softcast.transform import Chunks
from gvc.coding.softcast.whitening import gather, spread
from gvc.errors import BudgetError, ParseError
from gvc.phy.mcs import named
from gvc.phy.sequences import interleaver
from gvc.phy.transport_block import TransportBlock

SEED = 0x536F
MCS = named("qpsk-1_5")
SHARES = 15
SHARE = 0.02
"""Metadata takes a multiple of this share of the symbols; the multiple, 1 to SHARES, goes into the burst header."""
LEAST_SYMBOLS = 400


class AnalogueBlock:
    """n pictures of one size in `symbols` complex symbols of mean power 1.

    Every coefficient is one real part of a symbol. Chunk variances are sent, quantised; both ends compute the gains.
    """

    def __init__(self, n: int, height: int, width: int, symbols: int):
        self.chunks = Chunks(n, height, width)
        self.symbols = symbols

    def encode(self, pictures: np.ndarray, snr_db: float) -> tuple[np.ndarray, int]:
        """float32 [n, height, width, 3] -> symbols complex64 [symbols], and the multiple of SHARE for the metadata.

        Chunks are chosen for a mean Es/N0 of snr_db. Raises BudgetError when not even one chunk fits.
        """
        means = pictures.mean((0, 1, 2)).astype(np.float16).astype(np.float32)
        coefficients, sizes = self.chunks.split(pictures - means), self.chunks.sizes
        levels = metadata.quantise(np.sqrt(np.add.reduceat(coefficients**2, self.chunks.starts) / sizes))
        strongest = np.argsort(-levels.astype(int), kind="stable")
        variances = metadata.deviations(levels[strongest]) ** 2
        for multiple in range(1, SHARES + 1):
            block = self._metadata(multiple)
            room = self.symbols - block.symbols
            worth = chunks_worth_sending(variances, sizes[strongest], 2 * room, room, 10 ** (-snr_db / 10) / 2)
            # With all the metadata that there may be, fewer chunks are described.
            for limit in (worth, worth // 2, worth // 4, worth // 8)[: 4 if multiple == SHARES else 1]:
                sent = np.zeros_like(levels)
                sent[strongest[:limit]] = levels[strongest[:limit]]
                if limit:
                    analogue, scale = self._modulate(coefficients, sent, room)
                    packed = metadata.pack(means, scale, sent)
                    if len(packed) <= block.payload_bytes:
                        return np.concatenate([block.encode(packed), analogue]), multiple
        raise BudgetError(f"{self.symbols} symbols are too few for softcast: use a larger frame, segment or CBR")

    def decode(self, symbols: np.ndarray, noise_map: np.ndarray, multiple: int) -> np.ndarray:
        """Received symbols complex64 and their noise float32 -> pictures float32 [n, height, width, 3].

        Raises ParseError when the metadata did not arrive.
        """
        if not 1 <= multiple <= SHARES:
            raise ParseError(f"softcast metadata of {multiple} shares")
        block = self._metadata(multiple)
        received = block.decode(symbols[: block.symbols], noise_map[: block.symbols])
        if not received.blocks_ok.all():
            raise ParseError("the softcast metadata fails its CRC")
        means, scale, levels = metadata.unpack(received.data, self.chunks.count)
        gain, variance, places = self._plan(levels, self.symbols - block.symbols)
        if len(places) > 2 * (self.symbols - block.symbols):
            raise ParseError(f"softcast metadata of {len(places)} coefficients, which do not fit")
        analogue, noise_map = gather(symbols[block.symbols :], noise_map[block.symbols :])
        order = interleaver(SEED, len(analogue))
        values = analogue[order].view(np.float32)[: len(places)]
        noise = np.repeat(noise_map[order] / 2, 2)[: len(places)]
        coefficients = np.zeros(int(self.chunks.sizes.sum()), np.float32)
        coefficients[places] = estimate(values, scale * gain, variance, noise)
        return self.chunks.join(coefficients) + means

    def _modulate(self, coefficients: np.ndarray, levels: np.ndarray, symbols: int) -> tuple[np.ndarray, float]:
        """Symbols complex64 [symbols] of power 1, and the factor that the gains took: variances are rounded."""
        gain, _, places = self._plan(levels, symbols)
        values = np.zeros(2 * symbols, np.float32)
        values[: len(places)] = gain * coefficients[places]
        analogue = np.empty(symbols, np.complex64)
        analogue[interleaver(SEED, symbols)] = values.view(np.complex64)
        scale = float(np.float16(1 / np.sqrt(max(np.mean(np.abs(analogue) ** 2), 1e-6))))
        return spread(np.float32(scale) * analogue), scale

    def _plan(self, levels: np.ndarray, symbols: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Gain, variance and place of every coefficient sent, the energy of `symbols` symbols shared by all."""
        kept = np.flatnonzero(levels)
        sizes = self.chunks.sizes[kept]
        variances = metadata.deviations(levels[kept]) ** 2
        gain = gains(variances, sizes, symbols).astype(np.float32) if len(kept) else variances
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        places = np.repeat(self.chunks.starts[kept], sizes) + within
        return np.repeat(gain, sizes), np.repeat(variances, sizes), places

    def _metadata(self, multiple: int) -> TransportBlock:
        return _metadata_block(max(int(multiple * SHARE * self.symbols), min(LEAST_SYMBOLS, self.symbols // 2)))


@functools.lru_cache(maxsize=64)
def _metadata_block(symbols: int) -> TransportBlock:
    return TransportBlock(MCS, symbols)
