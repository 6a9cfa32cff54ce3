"""How to follow the channel through a frame of 256x256 pixels: short bursts, or midambles with interpolation.

For each layout and speed: overhead (samples on the air over those of the payload symbols alone, less 1, gaps included),
the error in excess of a genie's (weighted by the genie's noise map), its worst twelfth of a frame in time, and the
calibration. `hold` estimates the channel from preamble and header alone, as a plain receiver would.

`net_bits` weighs both: the information of a payload symbol, mean log2(1 + 1 / (nu a)), nu the genie's noise map and a
the excess in that twelfth of that frame, times the share of frames that came whole, over 1 + overhead. `best` is the
layout of most net bits at each speed, channel and SNR. --doppler-margin makes the interpolation expect so many times
the speed's Doppler shift, and not what the numerology says: 2 is right where the CFO estimate may follow the fading,
since what is left of a spectrum from -f to f then lies anywhere between -2 f and 2 f.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from benchmarks.common import emit, parser
from benchmarks.phy_links import CENTER_FREQUENCY_HZ, decibel, known, trials
from gvc.phy import Numerology
from gvc.phy.layout import overhead
from gvc.report.style import DPI, HEAT, LIGHT, WIDTH_INCHES, applied

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


SPEED_OF_LIGHT_MPS = 299_792_458.0


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--draws", type=int, default=100, help="independent fades a row")
    options.add_argument("--snr-db", default="10,20")
    options.add_argument("--speeds-mps", default="3")
    options.add_argument("--doppler-margin", type=float, metavar="TIMES")
    options.add_argument("--layouts", default="", metavar="START", help="only those whose names start so")
    options.add_argument("--plot", type=Path, metavar="PNG", help="draw net bits over layout and speed")
    arguments = options.parse_args()
    rows = []
    for speed_mps in (float(s) for s in arguments.speeds_mps.split(",")):
        doppler: dict[str, float] = {}
        if arguments.doppler_margin is not None:
            shift_hz = speed_mps / SPEED_OF_LIGHT_MPS * CENTER_FREQUENCY_HZ
            doppler = {"max_doppler_hz": arguments.doppler_margin * shift_hz}
        for name, changes in LAYOUTS.items():
            if not name.startswith(arguments.layouts):
                continue
            u = dataclasses.replace(Numerology.load("ofdm64"), **(doppler | changes))
            for channel in ("tdl-a-30ns", "tdl-c-900ns"):
                for snr_db in (float(s) for s in arguments.snr_db.split(",")):
                    more = overhead(u, 4096)
                    found = quality(u, channel, snr_db, arguments.draws, speed_mps)
                    rows.append(
                        {
                            "layout": name,
                            "overhead": more,
                            "channel": channel,
                            "snr_db": snr_db,
                            "speed_mps": speed_mps,
                            **found,
                            "net_bits": found["bits"] * found["frames"] / arguments.draws / (1 + more),
                        }
                    )
    if arguments.plot:
        with applied(LIGHT):
            draw(rows).savefig(arguments.plot, dpi=DPI)
    emit(rows, arguments.json, best=best(rows))


def best(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each speed, channel and SNR the layout of most net bits, and how much it has over the next."""
    result = []
    for condition in dict.fromkeys(map(_condition, rows)):
        first, *others = sorted((r for r in rows if _condition(r) == condition), key=lambda r: -r["net_bits"])
        ahead = first["net_bits"] - others[0]["net_bits"] if others else None
        keys = "speed_mps", "channel", "snr_db", "layout", "net_bits"
        result.append({**{key: first[key] for key in keys}, "ahead_bits": ahead})
    return result


def _condition(row: dict[str, Any]) -> tuple:
    return row["channel"], row["snr_db"], row["speed_mps"]


def quality(u: Numerology, channel: str, snr_db: float, draws: int, speed_mps: float) -> dict[str, float]:
    """Frames that came whole; their loss against the genie, over all and in the worst twelfth; |error|^2 over noise
    map; information of a payload symbol in bits.
    """
    excess, reference, ratio, noise = [], [], [], []
    for trial in trials(u, channel, snr_db, draws, genie=True, parameters={"speed_mps": speed_mps}):
        if min(len(trial.error), len(trial.genie_error)) < trial.bursts_sent:
            continue
        error, genie, truth, claimed = (
            np.concatenate(part) for part in (trial.error, trial.genie_error, trial.genie_noise_map, trial.noise_map)
        )
        weight = known(truth) / truth
        excess.append([np.mean(part) for part in np.array_split(error * weight, 12)])
        reference.append([np.mean(part) for part in np.array_split(genie * weight, 12)])
        ratio.append(np.mean((error / claimed)[known(claimed)]))
        noise.append(truth)
    if not excess:
        return {"frames": 0, "bits": 0.0}
    over_time = np.mean(excess, axis=0) / np.mean(reference, axis=0)
    bits = []
    for truth, above, below in zip(noise, excess, reference, strict=True):
        for nu, a, b in zip(np.array_split(truth, 12), above, below, strict=True):
            bits.append(np.mean(np.log2(1 + 1 / (nu * (a / b if b else 1)))))
    return {
        "frames": len(excess),
        "loss_db": decibel(np.mean(excess) / np.mean(reference)),
        "worst_loss_db": decibel(np.max(over_time)),
        "calibration": float(np.mean(ratio)),
        "bits": float(np.mean(bits)),
    }


def draw(rows: list[dict[str, Any]]) -> Figure:
    """Net bits of each channel and SNR, speeds upwards; the best of each speed is bold, colours are shares of it."""
    conditions = list(dict.fromkeys((row["channel"], row["snr_db"]) for row in rows))
    layouts = list(dict.fromkeys(row["layout"] for row in rows))
    speeds = list(dict.fromkeys(row["speed_mps"] for row in rows))
    figure = Figure((WIDTH_INCHES, 3.2), layout="constrained")
    for axes, (channel, snr_db) in zip(np.ravel(figure.subplots(1, len(conditions))), conditions, strict=True):
        here = {(r["speed_mps"], r["layout"]): r for r in rows if (r["channel"], r["snr_db"]) == (channel, snr_db)}
        bits = np.array([[here[speed, layout]["net_bits"] for layout in layouts] for speed in speeds])
        share = bits / bits.max(axis=1, keepdims=True)
        axes.imshow(share, cmap=HEAT, vmin=0.7, vmax=1, aspect="auto", origin="lower")
        for (row, column), value in np.ndenumerate(bits):
            ink = "black" if share[row, column] > 0.85 else "white"
            weight = "bold" if share[row, column] == 1 else "normal"
            axes.text(column, row, f"{value:.2f}", color=ink, ha="center", va="center", fontsize=7, weight=weight)
        axes.grid(False)
        axes.set(title=f"{channel}, {snr_db:g} dB", ylabel="speed (m/s)")
        axes.set_xticks(range(len(layouts)), [name.removeprefix("midamble ") for name in layouts], rotation=30)
        axes.set_yticks(range(len(speeds)), [f"{speed:g}" for speed in speeds])
    return figure


if __name__ == "__main__":
    main()
