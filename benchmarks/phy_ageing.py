"""How to follow the channel through a frame of 256x256 pixels: short bursts, or midambles with interpolation.

For each layout: overhead (samples on the air over those of the payload symbols alone, less 1, gaps included), the error
in excess of a genie's (weighted by the genie's noise map), its worst twelfth of a frame in time, and the calibration.
`hold` estimates the channel from preamble and header alone, as a plain receiver would.
"""

import dataclasses
from typing import Any

import numpy as np

from benchmarks.common import emit, parser
from benchmarks.phy_links import decibel, known, trials
from gvc.phy import Numerology
from gvc.phy.layout import overhead

LAYOUTS: dict[str, dict[str, Any]] = {
    "midamble every 4": {"midamble_period": 4},
    "midamble every 8": {"midamble_period": 8},
    "midamble every 16": {"midamble_period": 16},
    "midamble every 24": {"midamble_period": 24},
    "midamble every 43": {"midamble_period": 43},
    "last symbol only": {"midamble_period": 96},
    "hold, long burst": {"midamble_period": 96, "max_doppler_hz": 0.0},
    "bursts of 0.8 ms": {"payload_symbols": 10, "midamble_period": 10},
    "bursts of 0.8 ms, hold": {"payload_symbols": 10, "midamble_period": 10, "max_doppler_hz": 0.0},
    "bursts of 3.5 ms": {"payload_symbols": 43, "midamble_period": 16},
}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--draws", type=int, default=100, help="independent fades a row")
    options.add_argument("--snr-db", default="10,20")
    options.add_argument("--speed-mps", type=float, default=3.0)
    arguments = options.parse_args()
    rows = []
    for name, changes in LAYOUTS.items():
        u = dataclasses.replace(Numerology.load("ofdm64"), **changes)
        for channel in ("tdl-a-30ns", "tdl-c-900ns"):
            for snr_db in (float(s) for s in arguments.snr_db.split(",")):
                rows.append(
                    {
                        "layout": name,
                        "overhead": overhead(u, 4096),
                        "channel": channel,
                        "snr_db": snr_db,
                        **quality(u, channel, snr_db, arguments.draws, arguments.speed_mps),
                    }
                )
    emit(rows, arguments.json, speed_mps=arguments.speed_mps)


def quality(u: Numerology, channel: str, snr_db: float, draws: int, speed_mps: float) -> dict[str, float]:
    """Loss against the genie over whole frames and in their worst twelfth, and |error|^2 over noise map."""
    excess, reference, ratio = [], [], []
    for trial in trials(u, channel, snr_db, draws, genie=True, parameters={"speed_mps": speed_mps}):
        if len(trial.error) < trial.bursts_sent:
            continue
        error, genie, truth, claimed = (
            np.concatenate(part) for part in (trial.error, trial.genie_error, trial.genie_noise_map, trial.noise_map)
        )
        weight = known(truth) / truth
        excess.append([np.mean(part) for part in np.array_split(error * weight, 12)])
        reference.append([np.mean(part) for part in np.array_split(genie * weight, 12)])
        ratio.append(np.mean((error / claimed)[known(claimed)]))
    over_time = np.mean(excess, axis=0) / np.mean(reference, axis=0)
    return {
        "frames": len(excess),
        "loss_db": decibel(np.mean(excess) / np.mean(reference)),
        "worst_loss_db": decibel(np.max(over_time)),
        "calibration": float(np.mean(ratio)),
    }


if __name__ == "__main__":
    main()
