"""Endless TDL fading: Sionna's sum-of-sinusoids process of 3GPP TR 38.901, evaluated at any instant.

Sionna draws the sinusoids anew at each call, so a stream made of several calls would jump. Here the tables and the
draws are Sionna's (`sionna.phy.channel.tr38901.TDL`, clause 7.7.2, Tables 7.7.2-1 to -5), kept for the whole stream,
and its equations are evaluated in closed form at absolute times. In double precision the result equals one long call
of Sionna with the same draws to 1e-9 (a test compares them).

Source of the equations: C. Xiao, Y. R. Zheng, N. C. Beaulieu, "Novel sum-of-sinusoids simulation models for Rayleigh
and Rician fading channels", IEEE Trans. Wireless Commun. 5(12), 2006, eqs. (6a)-(6c), (7), (11).
"""

import numpy as np

from gvc import seeds

_TWO_PI = 2 * np.pi


class TdlFading:
    """Path gains of a tapped delay line over all time.

    Args:
        profile: "A" to "E".
        delay_spread_s: RMS delay spread, scales the profile.
        center_frequency_hz, speed_mps: give the maximum Doppler shift f v / c.
        rx_antennas: independent phases on each antenna. The specular path of D and E has the same phase on all of them,
            as in Sionna.
        seed: root seed; Sionna's and torch's global generators are neither read nor changed.
    """

    def __init__(
        self,
        profile: str,
        delay_spread_s: float,
        center_frequency_hz: float,
        speed_mps: float,
        rx_antennas: int,
        seed: int,
    ):
        import torch  # here, because importing Sionna takes seconds
        from sionna.phy.channel.tr38901 import TDL
        from sionna.phy.utils import rand

        tdl = TDL(
            profile, delay_spread_s, center_frequency_hz, min_speed=speed_mps, num_rx_ant=rx_antennas,
            precision="double", device="cpu",
        )  # fmt: skip
        generator = torch.Generator().manual_seed(seeds.integer(seed, f"channel/tdl-{profile.lower()}"))

        def draw(*shape: int) -> np.ndarray:
            return rand(shape, dtype=torch.float64, device="cpu", generator=generator).numpy()

        paths, sinusoids = tdl.num_clusters, tdl._num_sinusoids
        draw(1)  # Sionna's draw of the speed, here a constant
        spread = draw(paths, sinusoids) * (_TWO_PI / sinusoids) - np.pi / sinusoids
        arrival = _TWO_PI / sinusoids * np.arange(1, sinusoids + 1) + spread
        self.doppler_hz = float(tdl._max_doppler) / _TWO_PI
        self.path_delays_s = tdl.delays.numpy()
        self._rates = _TWO_PI * self.doppler_hz * np.cos(arrival)  # [paths, sinusoids], rad/s
        self._phases = draw(rx_antennas, paths, sinusoids) * _TWO_PI - np.pi
        self._amplitudes = np.sqrt(tdl._mean_powers.real.numpy() / sinusoids)  # [paths]
        self._specular = 0.0
        if tdl.los:
            self._specular = float(np.sqrt(tdl.mean_power_los.numpy()))
            self._specular_rate = _TWO_PI * self.doppler_hz * float(torch.cos(tdl._los_angle_of_arrival))
            self._specular_phase = float(draw(1)[0] * _TWO_PI - np.pi)
        self.mean_powers = tdl.mean_powers.numpy()
        self._table_key: bytes | None = None
        self._table = np.zeros(0)

    def gains(self, start_s: float, elapsed_s: np.ndarray) -> np.ndarray:
        """Path gains at the instants start_s + elapsed_s [k]: complex128 [rx_antennas, k, paths].

        A stream asks for the same `elapsed_s` again and again, so its exponentials are kept.
        """
        key = elapsed_s.tobytes()
        if key != self._table_key:
            # [paths, k, sinusoids]
            self._table = np.exp(1j * self._rates[:, None, :] * elapsed_s[:, None])
            self._table_key = key
        start = np.exp(1j * (self._rates * start_s + self._phases))  # [rx, paths, sinusoids]
        summed = self._table @ (start * self._amplitudes[:, None]).transpose(1, 2, 0)  # [paths, k, rx]
        gains = summed.transpose(2, 1, 0)
        if self._specular:
            angle = self._specular_rate * (start_s + elapsed_s) + self._specular_phase
            gains[:, :, 0] += self._specular * np.exp(1j * angle)
        return gains
