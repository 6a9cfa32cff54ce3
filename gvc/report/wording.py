"""Numbers and names as a report says them."""

from datetime import datetime
from typing import Any


def number(value: Any) -> str:
    """A value as a person reads it: four digits, thousands apart, yes and no."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}"
    return "–" if value is None else str(value)


def count(total: Any, word: str) -> str:
    """`3 frames`, `1 frame`."""
    return f"{number(total)} {word}{'' if total == 1 else 's'}"


def decibels(value: float, digits: int = 2) -> str:
    """A difference with its sign, a true minus."""
    return f"{value:+.{digits}f} dB".replace("-", "−")


def ratio(cbr: float) -> str:
    """`1/48` where that is what it is."""
    return f"1/{round(1 / cbr)}" if cbr < 0.5 and abs(1 / cbr - round(1 / cbr)) < 0.02 / cbr else f"{cbr:.4g}"


def words(key: str) -> str:
    """A key in words."""
    return str(key).replace("_", " ")


def when(text: Any) -> str:
    """An ISO time as a date; empty for anything else."""
    try:
        return datetime.fromisoformat(str(text)).strftime("%-d %B %Y, %H:%M")
    except ValueError:
        return ""
