"""The digital path of the linear ground: a frame's word and map in one transport block, whole or not at all."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from gvc.phy.fec.mcs import Mcs
from gvc.phy.fec.transport_block import CRC_BYTES, transport_block

SHORT_DB = 30.0
MOST_DB = 4.0
"""Schemes are measured on long code blocks: n bytes are sent as if the SNR were min(SHORT_DB / n, MOST_DB) less."""
HIGHEST_RATE = Fraction(2, 3)
"""Of so short a block: 5G's small base graph is made for no higher one."""
_UNIT_BYTES = 4


class Side:
    """Sends few bytes. choose: the scheme for a mean Es/N0, as of
    `gvc.coding.schemes.digital.link_adaptation.Adaptation`; snr_db: that of the channel, as the transmitter knows it.
    Lengths are rounded up to 4 bytes, so that few codes are built.
    """

    def __init__(self, choose: Callable[[float], Mcs], snr_db: float):
        self._choose, self._snr_db = choose, snr_db

    def mcs(self, length: int) -> Mcs:
        """The scheme that so many bytes are sent with; a burst header states it."""
        snr_db = self._snr_db - min(SHORT_DB / max(length, 1), MOST_DB)
        chosen = (self._choose(snr_db - less / 4) for less in range(80))
        return next((mcs for mcs in chosen if mcs.rate <= HIGHEST_RATE), self._choose(snr_db))

    def symbols(self, length: int) -> int:
        """Complex symbols that `length` bytes take, CRC included."""
        mcs = self.mcs(length)
        padded = -(-length // _UNIT_BYTES) * _UNIT_BYTES
        # the fewest with ceil(symbols * efficiency / 8) bytes in the block
        return int(Fraction(8 * (padded + CRC_BYTES - 1)) / (mcs.order * mcs.rate)) + 1

    def encode(self, data: bytes) -> np.ndarray:
        """Bytes -> complex64 [symbols(len(data))] of unit mean power."""
        return transport_block(self.mcs(len(data)), self.symbols(len(data))).encode(data)


def decode(mcs: Mcs, symbols: np.ndarray, noise_map: np.ndarray) -> bytes | None:
    """Received symbols complex64 and their noise float32 -> the bytes, zeros behind them; None when the CRC fails."""
    received = transport_block(mcs, len(symbols)).decode(symbols, noise_map)
    return received.data if received.blocks_ok.all() else None
