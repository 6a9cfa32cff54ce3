"""Tapped-delay-line channels TDL-A to TDL-E of 3GPP TR 38.901, from Sionna, as endless streams."""

from typing import Any

from gvc.channel import parameters as check
from gvc.channel.fading import TdlFading
from gvc.channel.multipath import LONGEST_RESPONSE, Multipath
from gvc.errors import ConfigError

_DELAY_SPREAD_S = 300e-9
_SPEED_MPS = 3.0


class Tdl(Multipath):
    """Multipath fading with the profile's delays and powers; mean power gain 1 over the ensemble.

    The fading goes on for the whole stream with the Doppler of `speed_mps`. Every antenna fades independently (see
    `TdlFading` for the specular path of D and E).

    Parameters beside those of `gvc.channel.base.Channel`:
        delay_spread_s: RMS delay spread, default 300 ns.
        speed_mps: default 3 m/s. 0 freezes the fading.
    """

    profile = ""
    own_parameters = ("delay_spread_s", "speed_mps")

    def __init__(self, *, delay_spread_s: float | None = None, speed_mps: float | None = None, **parameters: Any):
        super().__init__(**parameters)
        spread = _DELAY_SPREAD_S if delay_spread_s is None else delay_spread_s
        speed = _SPEED_MPS if speed_mps is None else speed_mps
        self.delay_spread_s = check.number("delay_spread_s", spread)
        self.speed_mps = check.number("speed_mps", speed)
        fading = TdlFading(
            self.profile, self.delay_spread_s, self.center_frequency_hz, self.speed_mps, self.rx_antennas, self.seed
        )
        longest = fading.path_delays_s.max() * self.sample_rate_hz
        if longest > LONGEST_RESPONSE:
            limit = self.delay_spread_s * LONGEST_RESPONSE / longest
            raise ConfigError(
                f"channel parameter delay_spread_s = {spread!r}: {self.name} at {self.sample_rate_hz:g} Hz would be"
                f" longer than {LONGEST_RESPONSE} samples; give a number from 0 to {limit:.3g} s"
            )
        self.fade_with(fading)


class TdlA(Tdl):
    """TDL-A: 23 Rayleigh paths, the longest at 9.7 times the delay spread (Table 7.7.2-1)."""

    name = "tdl-a"
    profile = "A"


class TdlB(Tdl):
    """TDL-B: 23 Rayleigh paths, the longest at 4.8 times the delay spread (Table 7.7.2-2)."""

    name = "tdl-b"
    profile = "B"


class TdlC(Tdl):
    """TDL-C: 24 Rayleigh paths, the longest at 8.7 times the delay spread (Table 7.7.2-3)."""

    name = "tdl-c"
    profile = "C"


class TdlD(Tdl):
    """TDL-D: a specular path with K = 13.3 dB and 12 Rayleigh paths (Table 7.7.2-4)."""

    name = "tdl-d"
    profile = "D"


class TdlE(Tdl):
    """TDL-E: a specular path with K = 22 dB and 13 Rayleigh paths (Table 7.7.2-5)."""

    name = "tdl-e"
    profile = "E"
