"""Where things lie in a burst, for both ends."""

import dataclasses
import functools

import numpy as np

from gvc.phy.numerology import Numerology


@dataclasses.dataclass(frozen=True)
class BurstLayout:
    """Symbol positions of a burst with a given number of payload symbols.

    Rows count the OFDM symbols after the preamble: header, payload and midambles.
    """

    rows: int
    payload_rows: np.ndarray
    midamble_rows: np.ndarray
    samples: int
    """From the first sample of the preamble to the last of the last symbol, gap not counted."""


@functools.lru_cache(maxsize=256)
def burst_layout(numerology: Numerology, payload_symbols: int) -> BurstLayout:
    """The layout of a burst with `payload_symbols` payload symbols (at least 1)."""
    is_midamble: list[bool] = []
    for done in range(1, payload_symbols + 1):
        is_midamble.append(False)
        if done % numerology.midamble_period == 0 or done == payload_symbols:
            is_midamble.append(True)
    kind = np.array(is_midamble)
    rows = numerology.header_symbols + len(kind)
    return BurstLayout(
        rows=rows,
        payload_rows=numerology.header_symbols + np.flatnonzero(~kind),
        midamble_rows=numerology.header_symbols + np.flatnonzero(kind),
        samples=numerology.preamble_samples + rows * numerology.symbol_samples,
    )


@functools.lru_cache(maxsize=64)
def fragment_symbols(numerology: Numerology, elements: int) -> tuple[int, ...]:
    """Payload symbols of each burst of a frame with `elements` resource elements, as even as possible."""
    total = max(1, -(-elements // numerology.data_carriers))
    count = -(-total // numerology.payload_symbols)
    return tuple(total // count + (fragment < total % count) for fragment in range(count))


def overhead(numerology: Numerology, elements: int) -> float:
    """Samples on the air for a frame, gaps included, over those that its elements alone would take, less 1."""
    sent = sum(
        burst_layout(numerology, symbols).samples + numerology.gap_symbols * numerology.symbol_samples
        for symbols in fragment_symbols(numerology, elements)
    )
    return sent / (elements * numerology.symbol_samples / numerology.data_carriers) - 1
