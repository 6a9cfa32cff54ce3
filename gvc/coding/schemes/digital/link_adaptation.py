"""Which modulation and coding scheme to send with, from what is known of the channel."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from gvc.errors import InputError
from gvc.phy.fec.mcs import TABLE, Mcs, named
from gvc.registry import nearest

TABLES = Path(__file__).parent / "tables"
LOST_BLOCKS = 0.01
"""Block error rate that a scheme is chosen for."""


class Adaptation(Protocol):
    """Chooses a scheme; created with `mcs`, `channel` and `margin_db` of the configuration, and its own options.

    One that is for simulations alone has `tell(fits)`, see `Genie`.
    """

    def choose(self, snr_db: float) -> Mcs:
        """The scheme for a mean Es/N0, as fed back by the receiver."""


class Fixed:
    """One scheme always: no feedback.

    >>> [Fixed("16qam-1_2").choose(snr_db).name for snr_db in (-5.0, 30.0)]
    ['16qam-1_2', '16qam-1_2']
    """

    def __init__(self, mcs: str, channel: str = "", margin_db: float = 0.0):
        self._mcs = named(mcs)

    def choose(self, snr_db: float) -> Mcs:
        """See `Adaptation.choose`."""
        return self._mcs


class Measured:
    """The most efficient scheme whose block error rate on this channel is at most 1 % (`benchmarks.mcs_table`).

    Args:
        channel: name of a measured table.
        margin_db: taken off the SNR fed back.

    Raises InputError for a channel that has no table.

    >>> import math
    >>> mcs = Measured("awgn").choose(10.0)
    >>> mcs.name, round(mcs.efficiency, 2), round(math.log2(1 + 10 ** (10.0 / 10)), 2)  # and Shannon's limit
    ('16qam-2_3', 2.67, 3.46)
    """

    def __init__(self, channel: str, margin_db: float = 0.0, mcs: str = ""):
        self._thresholds = thresholds(channel)
        self._margin_db = margin_db

    def choose(self, snr_db: float) -> Mcs:
        """See `Adaptation.choose`; the most robust scheme when none is good enough."""
        reached = [mcs for mcs, needed in self._thresholds.items() if needed <= snr_db - self._margin_db]
        if not reached:
            return min(self._thresholds, key=lambda mcs: self._thresholds[mcs])
        return max(reached, key=lambda mcs: (mcs.efficiency, -self._thresholds[mcs]))


class GenieAdaptation:
    """The most efficient scheme that will be decoded on this very realisation; simulations alone can be told.

    `tell` gets what the channel is going to do to the segment's slots.

    >>> genie = GenieAdaptation()
    >>> genie.tell(lambda mcs: mcs.efficiency <= 2)
    >>> genie.choose(snr_db=0.0).name
    '16qam-1_2'
    """

    def __init__(self, mcs: str = "", channel: str = "", margin_db: float = 0.0):
        self._fits: Callable[[Mcs], bool] | None = None

    def tell(self, fits: Callable[[Mcs], bool]) -> None:
        """`fits(mcs)`: whether a segment sent with this scheme now would be decoded whole."""
        self._fits = fits

    def choose(self, snr_db: float) -> Mcs:
        """See `Adaptation.choose`; the most robust scheme when none gets through.

        Raises InputError when nobody has told what comes, as over a real radio.
        """
        if self._fits is None:
            raise InputError(
                "digital.adaptation 'genie' is for simulations that know the channel: use 'table' or 'fixed'"
            )
        ordered = sorted(TABLE.values(), key=lambda mcs: (-mcs.efficiency, mcs.order))
        return next((mcs for mcs in ordered if self._fits(mcs)), ordered[-1])


@functools.lru_cache(maxsize=32)
def thresholds(channel: str) -> dict[Mcs, float]:
    """Mean Es/N0 [dB] above which each scheme loses at most 1 % of its blocks; schemes that never do are missing."""
    rows = table(channel)["rows"]
    return {TABLE[row["mcs"]]: row["snr_db_at_1e-2"] for row in rows if row["snr_db_at_1e-2"] is not None}


def table(channel: str) -> dict:
    """The measured table of a channel: rows {mcs, snr_db_at_1e-2, snr_db, blocks, errors}, and how it was measured.

    Raises InputError naming the nearest channel that has one.
    """
    known = sorted(path.stem for path in TABLES.glob("*.json"))
    if channel not in known:
        raise InputError(
            f"no MCS table for '{channel}'{nearest(channel, known)} (known: {', '.join(known)}); measure one with "
            "`python -m benchmarks.mcs_table`, or fix digital.mcs"
        )
    return json.loads((TABLES / f"{channel}.json").read_text())
