"""Checks of channel parameters: every message names the key, the value and the valid range."""

import math
from numbers import Real
from typing import Any

from gvc.errors import ConfigError
from gvc.registry import nearest
from gvc.section import shown

# key: (lowest, highest, unit). Both ends are valid.
RANGES: dict[str, tuple[float, float, str]] = {
    "sample_rate_hz": (1e3, 1e9, "Hz"),
    "center_frequency_hz": (1e6, 1e12, "Hz"),
    "snr_db": (-30.0, 60.0, "dB"),
    "cfo_hz": (-math.inf, math.inf, "Hz"),  # half the sample rate, see number()
    "sro_ppm": (-500.0, 500.0, "ppm"),
    "delay_samples": (0.0, 1e7, "samples"),
    "occupied_fraction": (0.01, 1.0, ""),
    "rx_antennas": (1, 16, ""),
    "block_samples": (1, 2**40, "samples"),
    "speed_mps": (0.0, 1000.0, "m/s"),
    "delay_spread_s": (0.0, 1e-3, "s"),
    "blocked_share": (0.0, 0.95, ""),
    "blocked_s": (1e-6, 1e3, "s"),
}


def number(key: str, value: Any, highest: float = math.inf) -> float:
    """`value` as a float inside the range of `key`, and of magnitude `highest` at most; ConfigError otherwise."""
    low, high, unit = RANGES[key]
    return within(key, value, max(low, -highest), min(high, highest), unit)


def integer(key: str, value: Any) -> int:
    """`value` as an int inside the range of `key`; ConfigError otherwise."""
    low, high, unit = RANGES[key]
    return whole(key, value, low, high, unit)


def within(key: str, value: Any, low: float, high: float, unit: str) -> float:
    """`value` as a float from `low` to `high`; ConfigError otherwise."""
    if isinstance(value, bool) or not isinstance(value, Real) or not low <= float(value) <= high:
        wanted = f"give a number from {low:g} to {high:g} {unit}".rstrip()
        raise ConfigError(f"channel parameter {key} = {shown(value)}: {wanted}")
    return float(value)


def whole(key: str, value: Any, low: float, high: float, unit: str) -> int:
    """`value` as an int from `low` to `high`; ConfigError otherwise."""
    as_float = within(key, value, low, high, unit)
    if not as_float.is_integer():
        raise ConfigError(f"channel parameter {key} = {shown(value)}: give a whole number")
    return round(as_float)


def one_oscillator_ppm(cfo_hz: float, center_frequency_hz: float) -> float:
    """The sampling offset of a receiver whose carrier is off by `cfo_hz`; ConfigError when it is out of range."""
    ppm = 1e6 * cfo_hz / center_frequency_hz
    limit = RANGES["sro_ppm"][1]
    if abs(ppm) > limit:
        most = limit * 1e-6 * center_frequency_hz
        raise ConfigError(
            f"channel parameter cfo_hz = {cfo_hz:g} is {ppm:.0f} ppm of {center_frequency_hz:g} Hz: give a number from"
            f" {-most:g} to {most:g} Hz, or set sro_ppm (0: carrier offset alone)"
        )
    return ppm


def reject_unknown(channel: str, unknown: dict[str, Any], valid: list[str]) -> None:
    """ConfigError for the first key that this channel does not have.

    Keys whose value is None are unset and pass, so that one configuration section serves every channel.
    """
    for key, value in unknown.items():
        if value is not None:
            raise ConfigError(
                f"channel '{channel}' has no parameter '{key}'{nearest(key, valid)}"
                f" (it takes: {', '.join(sorted(valid))})"
            )
