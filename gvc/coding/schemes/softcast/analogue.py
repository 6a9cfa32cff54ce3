"""A block of real-valued pictures in a given number of symbols: metadata under a strong code, coefficients analogue."""

import functools

import numpy as np

from gvc import seeds
from gvc.coding.schemes.softcast.allocation import chunks_worth_sending, distortion, gains
from gvc.coding.schemes.softcast.metadata import FLOOR, LARGEST, Metadata, grid_of, level, unpack, variance
from gvc.coding.schemes.softcast.transform import GRIDS, Chunks, pictures, spectrum
from gvc.coding.schemes.softcast.whitening import GROUP, estimate, spread
from gvc.errors import BudgetError, ParseError
from gvc.phy.fec.mcs import named
from gvc.phy.fec.transport_block import TransportBlock, transport_block

MCS = named("qpsk-1_5")
SIZES = 15
SHARES = 0.01, 0.5
"""Metadata takes one of SIZES shares of the symbols, in equal ratios; the burst header says which, from 1."""
LEAST_SYMBOLS = 160
LARGEST_COEFFICIENT = 1e9
"""Pictures of 8 bits have none above 255 times the root of their number of pixels."""


class AnalogueBlock:
    """n pictures of one size in `symbols` complex symbols of mean power 1.

    Every coefficient is one real dimension. Chunk variances are sent, quantised; both ends compute the gains.
    """

    def __init__(self, n: int, height: int, width: int, symbols: int):
        self.symbols = symbols
        self._shape = (3, n, height, width)
        self._chunks = functools.lru_cache(maxsize=len(GRIDS))(functools.partial(Chunks, n, height, width))

    def encode(self, shown: np.ndarray, snr_db: float) -> tuple[np.ndarray, int]:
        """float32 [n, height, width, 3] -> symbols complex64 [symbols], and the size of the metadata.

        Grid and chunks are chosen for a mean Es/N0 of snr_db. Raises BudgetError when not even one chunk fits.
        """
        means = shown.mean((0, 1, 2)).astype(np.float16).astype(np.float32)
        coefficients = spectrum(shown - means)
        noise = 10 ** (-snr_db / 10) / 2
        grids = range(len(GRIDS)) if self.symbols >= 2 * LEAST_SYMBOLS else ()
        plans = [plan for grid in grids if (plan := self._fit(coefficients, means, grid, noise))]
        if not plans:
            raise BudgetError(f"{self.symbols} symbols are too few for softcast: use a larger frame, segment or CBR")
        _, size, metadata = min(plans, key=lambda plan: plan[0])
        block = self._metadata(size)
        gain, _, places = self._values(metadata, self.symbols - block.symbols)
        # a thousandth of a grey level: what has no content has its power all the same
        dither = FLOOR**0.5 * seeds.stream(0, "softcast").standard_normal(len(places))
        values = np.zeros(2 * (self.symbols - block.symbols))
        values[: len(places)] = gain * (coefficients.ravel()[places] + dither)
        # variances are rounded, the power is not
        scale = float(np.float16(np.sqrt(len(values) / 2 / np.sum(values**2))))
        packed = Metadata(means, scale, metadata.grid, metadata.lowest, metadata.levels)
        sent = block.encode(packed.pack(self._chunks(metadata.grid).shape))
        return np.concatenate([sent, spread(scale * values)]), size

    def decode(self, symbols: np.ndarray, noise_map: np.ndarray, size: int) -> np.ndarray:
        """Received symbols complex64 and their noise float32 -> pictures float32 [n, height, width, 3].

        Raises ParseError when the metadata did not arrive, or no sender can have meant it.
        """
        if not 1 <= size <= SIZES or self.symbols < 2 * LEAST_SYMBOLS:
            raise ParseError(f"softcast metadata of size {size} in {self.symbols} symbols")
        block = self._metadata(size)
        received = block.decode(symbols[: block.symbols], noise_map[: block.symbols])
        if not received.blocks_ok.all():
            raise ParseError("the softcast metadata fails its CRC")
        metadata = unpack(received.data, self._chunks(grid_of(received.data)).shape)
        gain, variances, places = self._values(metadata, self.symbols - block.symbols)
        powers = np.zeros(2 * (self.symbols - block.symbols))
        if len(places) > len(powers):
            raise ParseError(f"softcast metadata of {len(places)} coefficients, which do not fit")
        gain = metadata.scale * gain
        powers[: len(places)] = gain**2 * variances
        values = estimate(symbols[block.symbols :], noise_map[block.symbols :], powers)
        coefficients = np.zeros(self._shape, np.float32)
        found = values[: len(places)] / gain
        if not np.abs(found).max(initial=0) < LARGEST_COEFFICIENT:
            raise ParseError("softcast metadata under which the symbols are no pictures")
        coefficients.ravel()[places] = found
        return pictures(coefficients) + metadata.means

    def _fit(
        self, coefficients: np.ndarray, means: np.ndarray, grid: int, noise: float
    ) -> tuple[float, int, Metadata] | None:
        """Expected squared error, the least size that holds the metadata, and that; None if none does."""
        chunks = self._chunks(grid)
        energies = chunks.energies(coefficients)
        levels = level(energies)
        strongest = np.argsort(-levels, kind="stable")
        sizes, rounded, true = chunks.sizes[strongest], variance(levels[strongest]), energies[strongest]
        size, described = 1, chunks.count
        while described:
            block = self._metadata(size)
            room = self.symbols - block.symbols
            worth = chunks_worth_sending(rounded[:described], sizes[:described], 2 * room, room, noise)
            if not worth:
                return None
            lowest = int(levels[strongest[worth - 1]])
            sent = np.zeros(chunks.count, np.uint8)
            sent[strongest[:worth]] = np.clip(levels[strongest[:worth]] - lowest + 1, 1, LARGEST)
            metadata = Metadata(means, 1.0, grid, lowest, sent)
            length = len(metadata.pack(chunks.shape))
            if length <= block.payload_bytes:
                error = distortion(rounded[:worth], sizes[:worth], room, noise) + np.sum((sizes * true)[worth:])
                return float(error), size, metadata
            # what is sent hardly depends on the size: the next one that is nearly large enough; behind the last, less
            described = worth * 3 // 4 if size == SIZES else described
            size = min(size + 1, SIZES)
            while size < SIZES and self._metadata(size).payload_bytes < 0.9 * length:
                size += 1
        return None

    def _values(self, metadata: Metadata, symbols: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Gain, variance and place of every coefficient sent, the energy of `symbols` symbols shared by all; strongest
        first.
        """
        chunks = self._chunks(metadata.grid)
        kept = np.flatnonzero(metadata.levels)
        strongest = np.argsort(-metadata.levels[kept].astype(int), kind="stable")
        sizes, variances = chunks.sizes[kept][strongest], metadata.variances()[strongest]
        gain = gains(variances, sizes, symbols) if len(kept) else variances
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        places = chunks.order[np.repeat(chunks.starts[kept][strongest], sizes) + within]
        return np.repeat(gain, sizes), np.repeat(variances, sizes), places

    def _metadata(self, size: int) -> TransportBlock:
        """What is left over from whole groups is the metadata's too."""
        least, most = max(SHARES[0] * self.symbols, LEAST_SYMBOLS), SHARES[1] * self.symbols
        wanted = int(least * (most / least) ** ((size - 1) / (SIZES - 1)))
        return transport_block(MCS, self.symbols - (self.symbols - wanted) // GROUP * GROUP)
