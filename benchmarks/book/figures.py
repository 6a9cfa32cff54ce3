"""The figures of the results book, legible without colour: every arm has its own stroke and marker."""

import json
from typing import Any

from matplotlib.figure import Figure

from benchmarks.book.analysis import BLOCKED, DELAY, MARGIN, SPEED, Row, cbr_name, curve, mean_and_tenth, values_of
from gvc.evaluation.metrics.description import describe
from gvc.report.style import DASHES, LIGHT, MARKERS, WIDTH_INCHES

METRICS = ("psnr_db", "lpips", "dists", "vmaf")
TITLES = {
    "jscc": "JSCC",
    "jscc+cddm": "JSCC + CDDM",
    "av1+ldpc": "AV1 + LDPC, adaptive",
    "av1+ldpc@qpsk-1_2": "AV1 + LDPC, QPSK 1/2",
    "av1+ldpc@genie": "AV1 + LDPC, genie",
    "x264+ldpc": "x264 + LDPC, adaptive",
    "x265+ldpc": "x265 + LDPC, adaptive",
    "vvc+ldpc": "VVC + LDPC, adaptive",
    "softcast": "softcast",
    "hybrid": "hybrid, adaptive",
    "hybrid@qpsk-1_2": "hybrid, QPSK 1/2",
    "hybrid@qpsk-1_3": "hybrid, QPSK 1/3",
    "capacity": "AV1 at capacity",
    "capacity@0.1": "AV1 at outage capacity, 10 %",
}
INKS = (*LIGHT.arms, LIGHT.ink, LIGHT.muted, "#a8792a", "#3c8f9c")
STROKES = (*DASHES, "solid", (0, (2, 2)), (0, (8, 2)), (0, (3, 1, 1, 1, 1, 1)))
SHAPES = (*MARKERS, "v", "x", "P", "*")


def all_of(tables: dict[str, list[Row]]) -> dict[str, Figure]:
    """Every figure by its file name."""
    figures = {}
    for name, metrics in (("main", ("psnr_db", "lpips")), ("perceptual", ("dists", "vmaf"))):
        rows = tables.get(name, [])
        for cbr in values_of(rows, "cbr"):
            here = [row for row in rows if row["cbr"] == cbr]
            for metric in metrics:
                figures[f"{metric}-cbr-{cbr_name(cbr).replace('/', '-')}"] = grid(here, metric)
    if "codecs" in tables:
        figures["codecs"] = grid(tables["codecs"], "psnr_db")
    for name, figure in (("split", split), ("erasures", erasures), ("feedback", feedback)):
        if name in tables:
            figures[name] = figure(tables[name])
    return figures


def look(index: int) -> dict[str, Any]:
    """Colour, stroke and marker of the `index`-th arm."""
    return {"color": INKS[index % 8], "ls": STROKES[index % 8], "marker": SHAPES[index % 8], "ms": 4, "lw": 1.4}


def grid(rows: list[Row], metric: str) -> Figure:
    """One small plot for each clip (down) and radio (across): the metric over SNR, with 95 % intervals."""
    radios, clips, arms = (values_of(rows, key) for key in ("radio", "clip", "arm"))
    figure = Figure((WIDTH_INCHES, 2.2 * len(clips) + 0.7), layout="constrained")
    plots = figure.subplots(len(clips), len(radios), sharex=True, sharey="row", squeeze=False)
    handles = []
    for down, clip in enumerate(clips):
        for across, radio in enumerate(radios):
            axes = plots[down][across]
            here = [row for row in rows if row["clip"] == clip and row["radio"] == radio]
            lines = []
            for index, arm in enumerate(arms):
                found = curve(here, metric, arm=arm)
                axes.fill_between(found.x, found.low, found.high, color=look(index)["color"], alpha=0.15, lw=0)
                lines += axes.plot(found.x, found.mean, label=TITLES.get(arm, arm), **look(index))
            handles = lines
            if not down:
                axes.set_title(radio.removeprefix("sim-"))
            if not across:
                axes.set_ylabel(f"{clip.removesuffix('.mp4').removesuffix('_pristine')}\n{describe(metric).axis}")
            if down == len(clips) - 1:
                axes.set_xlabel("SNR (dB)")
            axes.set_xticks(sorted({row["snr_db"] for row in rows}))
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def split(rows: list[Row]) -> Figure:
    """PSNR of the hybrid over SNR for each division of bandwidth and power."""
    clips, splits = values_of(rows, "clip"), values_of(rows, "set")
    figure = Figure((WIDTH_INCHES, 3.6), layout="constrained")
    plots = figure.subplots(1, len(clips), squeeze=False)[0]
    for axes, clip in zip(plots, clips, strict=True):
        for index, chosen in enumerate(splits):
            found = curve(rows, "psnr_db", clip=clip, set=chosen)
            axes.plot(found.x, found.mean, label=_split_name(chosen), **look(index))
        axes.set(title=clip, xlabel="SNR (dB)", ylabel="PSNR (dB)")
        axes.set_xticks(found.x)
    plots[0].legend(title="base: bandwidth, power", fontsize=7.5)
    return figure


def erasures(rows: list[Row]) -> Figure:
    """PSNR over the share of time that the path is blocked, by clip."""
    clips, arms = values_of(rows, "clip"), values_of(rows, "arm")
    figure = Figure((WIDTH_INCHES, 3.4), layout="constrained")
    plots = figure.subplots(1, len(clips), sharey=True, squeeze=False)[0]
    for axes, clip in zip(plots, clips, strict=True):
        lines = []
        for index, arm in enumerate(arms):
            found = curve(rows, "psnr_db", over=BLOCKED, clip=clip, arm=arm)
            shares = [100 * share for share in found.x]
            axes.fill_between(shares, found.low, found.high, color=look(index)["color"], alpha=0.15, lw=0)
            lines += axes.plot(shares, found.mean, label=TITLES.get(arm, arm), **look(index))
        axes.set(title=clip.removesuffix(".mp4").removesuffix("_pristine"), xlabel="time blocked (%)")
    plots[0].set_ylabel("PSNR (dB)")
    figure.legend(handles=lines, loc="outside lower center", ncols=3)
    return figure


def feedback(rows: list[Row]) -> Figure:
    """Mean (above) and tenth percentile (below) of PSNR over the age of what is known, by speed; arms that need to know
    nothing, or a mean, are level lines.
    """
    following = [row for row in rows if row.get(DELAY) is not None]
    level = [row for row in rows if row.get(DELAY) is None]
    speeds, margins, delays = (values_of(following, key) for key in (SPEED, MARGIN, DELAY))
    figure = Figure((WIDTH_INCHES, 5.2), layout="constrained")
    plots = figure.subplots(2, len(speeds), sharex=True, sharey="row", squeeze=False)
    for across, speed in enumerate(speeds):
        for down, word in enumerate(("mean", "tenth percentile")):
            axes, lines = plots[down][across], []
            for index, margin in enumerate(margins):
                found = [mean_and_tenth(following, **{SPEED: speed, MARGIN: margin, DELAY: d})[down] for d in delays]
                lines += axes.plot(delays, found, label=f"AV1 + LDPC, follows, margin {margin} dB", **look(index))
            for index, arm in enumerate(values_of(level, "arm"), len(margins)):
                one = mean_and_tenth(level, **{SPEED: speed, "arm": arm})[down]
                title = TITLES.get(arm, arm).replace("adaptive", "by mean SNR")
                style = {**look(index), "marker": SHAPES[index % 8]}
                lines += axes.plot(delays, [one] * len(delays), label=title, **style)
            axes.set(xscale="log", xticks=delays, xticklabels=delays)
            axes.minorticks_off()
            if not down:
                axes.set_title(f"{speed} m/s")
            else:
                axes.set_xlabel("feedback delay (frames)")
            if not across:
                axes.set_ylabel(f"PSNR (dB), {word}")
    figure.legend(handles=lines, loc="outside lower center", ncols=3)
    return figure


def _split_name(chosen: str) -> str:
    return ", ".join(part.partition("=")[2] for part in json.loads(chosen))
