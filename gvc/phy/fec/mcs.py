"""Modulation and coding schemes: a QAM order with a code rate, and what each reaches."""

from dataclasses import dataclass
from fractions import Fraction

from gvc.errors import InputError, ParseError
from gvc.phy.fec.qam import ORDERS
from gvc.registry import nearest

RATES = tuple(Fraction(text) for text in ("1/5", "1/3", "1/2", "2/3", "3/4", "5/6"))


@dataclass(frozen=True, order=True)
class Mcs:
    """`order` bits a symbol, a code of rate `RATES[rate_index]`."""

    order: int
    rate_index: int

    @property
    def rate(self) -> Fraction:
        """Information bits over code bits, the CRC among the information bits."""
        return RATES[self.rate_index]

    @property
    def efficiency(self) -> float:
        """Information bits a symbol."""
        return float(self.order * self.rate)

    @property
    def name(self) -> str:
        """For example 16qam-1_2: an arm may carry it, and an arm names files."""
        modulation = next(name for name, order in ORDERS.items() if order == self.order)
        return f"{modulation}-{self.rate.numerator}_{self.rate.denominator}"

    @property
    def payload_type(self) -> int:
        """The header's payload type: 1 for QPSK to 4 for 256-QAM; its mode is the rate's index."""
        return self.order // 2


TABLE = {mcs.name: mcs for order in ORDERS.values() for mcs in (Mcs(order, i) for i in range(len(RATES)))}
"""Every scheme by name, by QAM order and then by rate."""


def named(name: str) -> Mcs:
    """The scheme called `name`; raises InputError naming the nearest one."""
    if name not in TABLE:
        raise InputError(f"unknown MCS '{name}'{nearest(name, list(TABLE))} (known: {', '.join(TABLE)})")
    return TABLE[name]


def of_header(payload_type: int, mode: int) -> Mcs:
    """The scheme that a burst header states; raises ParseError where it states none."""
    if not 1 <= payload_type <= len(ORDERS) or mode >= len(RATES):
        raise ParseError(f"payload type {payload_type} with mode {mode} is no modulation and coding scheme")
    return Mcs(2 * payload_type, mode)
