"""Draw what `gvc score` found: the denoiser's paired gain over the control, and the symbols' error, over SNR.

gvc score ... --snr-db 0,5,10,15,20 --cbr 1/48,1/24 --json ablation.json
python -m benchmarks.ablation_figure ablation.json -o ablation.png
"""

import argparse
import json
from pathlib import Path

from matplotlib.figure import Figure

from gvc.report.style import DASHES, DPI, LIGHT, MARKERS, WIDTH_INCHES, applied


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scores", type=Path, nargs="+", help="JSON of `gvc score`, with the arms A+, control and D")
    parser.add_argument("-o", "--out", type=Path, required=True, help="PNG")
    options = parser.parse_args()
    rows = [row for path in options.scores for row in json.loads(path.read_text())["rows"]]
    with applied(LIGHT):
        draw(rows).savefig(options.out, dpi=DPI)


def draw(rows: list[dict]) -> Figure:
    """Left: gain of D over the control with its interval. Right: symbol error before and after the denoiser."""
    figure = Figure((WIDTH_INCHES, 3.8), layout="constrained")
    gain, error = figure.subplots(1, 2)
    conditions = sorted({(row["channel"], row["cbr"]) for row in rows}, key=lambda c: (c[0] != "rayleigh", c[1]))
    for index, (channel, cbr) in enumerate(conditions):
        here = [row for row in rows if (row["channel"], row["cbr"]) == (channel, cbr)]
        d = sorted((row for row in here if row["arm"] == "D"), key=lambda row: row["snr_db"])
        snr = [row["snr_db"] for row in d]
        name = {"awgn": "AWGN", "rayleigh": "Rayleigh"}.get(channel, channel)
        look = {"color": LIGHT.arms[index % 4], "ls": DASHES[index % 4], "marker": MARKERS[index % 4], "ms": 4}
        low, high = zip(*(row["gain_over_control_db_ci95"] for row in d), strict=True)
        gain.fill_between(snr, low, high, color=look["color"], alpha=0.18, lw=0)
        gain.plot(snr, [row["gain_over_control_db"] for row in d], label=f"{name}, CBR 1/{round(1 / cbr)}", **look)
        if index % 2 == 0:
            before = sorted((row for row in here if row["arm"] == "A+"), key=lambda row: row["snr_db"])
            error.plot(snr, [row["symbol_mse_db"] for row in before], label=f"{name}, equaliser", **look)
            after = {**look, "mfc": LIGHT.paper}
            error.plot(snr, [row["symbol_mse_db"] for row in d], label=f"{name}, denoiser", **after)
    gain.axhline(0, color=LIGHT.muted, lw=0.9)
    gain.set(xlabel="SNR (dB)", ylabel="PSNR of D over the control (dB)")
    error.set(xlabel="SNR (dB)", ylabel="squared error of a symbol (dB)")
    for axes in (gain, error):
        axes.set_xticks(sorted({row["snr_db"] for row in rows}))
        axes.legend(fontsize=8)
    return figure


if __name__ == "__main__":
    main()
