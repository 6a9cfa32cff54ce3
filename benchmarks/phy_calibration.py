"""Is the noise map true? Mean of |error|^2 / noise map over independent fades, and mean |error|^2 over mean noise map
in each decile of predicted noise, at the edge and centre carriers, and in the first and last payload symbol, in dB.

Wanted: `ratio` within 10 % of 1, everything else within 1 dB (2 dB below 5 dB SNR). Erased elements claim nothing.
"""

from typing import Any

import numpy as np

from benchmarks.common import emit, parser
from benchmarks.phy_links import CHANNELS, decibel, deciles_db, known, trials
from gvc.phy import Numerology


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--draws", type=int, default=400, help="independent fades a row")
    options.add_argument("--numerology", default="ofdm64")
    options.add_argument("--snr-db", default="0,5,10,15,20")
    options.add_argument("--rx-antennas", type=int, default=1)
    options.add_argument("--channel-estimator", default="dft-smoothed")
    options.add_argument("--cfo-hz", type=float, default=48000.0, help="with one oscillator: 20 ppm at 2.4 GHz")
    arguments = options.parse_args()
    u = Numerology.load(arguments.numerology)
    rows = []
    for channel in CHANNELS:
        for snr_db in (float(s) for s in arguments.snr_db.split(",")):
            errors, maps = [], []
            for trial in trials(
                u, channel, snr_db, arguments.draws, rx_antennas=arguments.rx_antennas, cfo_hz=arguments.cfo_hz,
                receiver={"channel_estimator": arguments.channel_estimator},
            ):  # fmt: skip
                errors += trial.error
                maps += trial.noise_map
            rows.append({"channel": channel, "snr_db": snr_db, "bursts": len(errors), **summary(errors, maps)})
    emit(rows, arguments.json)


def summary(errors: list[np.ndarray], maps: list[np.ndarray]) -> dict[str, Any]:
    """Calibration of bursts [M, D] of equal size."""
    error, noise = np.stack(errors), np.stack(maps)
    valid = known(noise)

    def part(selected: tuple) -> float:
        inside = valid[selected]
        return decibel(np.mean(error[selected][inside]) / np.mean(noise[selected][inside]))

    e, v = error[valid], noise[valid]
    deciles = deciles_db(e, v)
    carriers = error.shape[2]
    middle = slice(carriers // 2 - 2, carriers // 2 + 2)
    every = slice(None)
    parts: dict[str, float] = {
        "edge_low_db": part((every, every, slice(0, 2))),
        "edge_high_db": part((every, every, slice(carriers - 2, carriers))),
        "centre_db": part((every, every, middle)),
        "first_symbol_db": part((every, slice(0, 1), every)),
        "last_symbol_db": part((every, slice(-1, None), every)),
    }
    return {
        "erased": float(np.mean(~valid)),
        "ratio": float(np.mean(e / v)),
        **parts,
        "deciles_db": [round(d, 2) for d in deciles],
        "worst_db": max(abs(x) for x in [*deciles, *parts.values()]),
    }


if __name__ == "__main__":
    main()
