"""Figures of a run. Each takes a run folder and a theme, and gives a figure, or the reason why there is none."""

from collections.abc import Callable

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gvc.evaluation.run_folder import RunFolder
from gvc.evaluation.style import DASHES, HALF_INCHES, HEAT, MARKERS, WIDTH_INCHES, Theme, title

SPAN = 2.6
"""Half the side of a constellation, in units of the transmitted symbols' root mean square."""
MAX_POINTS = 60_000
RECOVERY_MEAN = 8
"""Frames over which the recovery curve is averaged."""
RECOVERED = {"trained": "trained online", "shipped": "denoiser as shipped", "linear": "linear estimate"}
Outcome = Figure | str


def psnr_over_time(run: RunFolder, theme: Theme) -> Outcome:
    """PSNR of every arm frame by frame, with lost frames marked, over the SNR that the receiver estimated."""
    columns = {arm: column for arm in run.arms if (column := run.column(arm, "psnr_db"))}
    if not columns:
        return "no PSNR frame by frame in this run"
    snr = run.frame_snr_db()
    figure = Figure((WIDTH_INCHES, 4.2 if snr else 3.0))
    axes = figure.subplots(2 if snr else 1, 1, sharex=True, height_ratios=(3, 1) if snr else None, squeeze=False)[:, 0]
    top = axes[0]
    lost_ids: set[int] = set()
    for index, (arm, (ids, values, lost)) in enumerate(columns.items()):
        mean = np.nanmean(values)
        top.plot(ids, values, label=f"{title(arm)}, mean {mean:.2f} dB", **_stroke(theme, index))
        lost_ids |= set(ids[lost].tolist())
    for position, frame_id in enumerate(sorted(lost_ids)):
        label = "frame lost (previous one shown)" if position == 0 else None
        top.axvspan(frame_id - 0.5, frame_id + 0.5, color=theme.warning, alpha=0.28, lw=0, label=label)
    top.set_ylabel("PSNR (dB)")
    top.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, borderaxespad=0.2, handlelength=2.6)
    if snr:
        ids = np.array(sorted(snr))
        axes[1].fill_between(ids, [snr[i] for i in ids], min(snr.values()) - 1, color=theme.muted, alpha=0.25, lw=0)
        axes[1].plot(ids, [snr[i] for i in ids], color=theme.muted, ls="solid", lw=1.1)
        axes[1].set_ylabel("SNR (dB)")
    axes[-1].set_xlabel("frame")
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[-1].margins(x=0.01)
    return figure


def psnr_over_snr(run: RunFolder, theme: Theme) -> Outcome:
    """PSNR against SNR: the rows of a sweep, else the frames of this run at their estimated SNR."""
    figure = Figure((HALF_INCHES, 3.5))
    axes = figure.subplots()
    if run.sweep:
        for index, arm in enumerate(dict.fromkeys(row["arm"] for row in run.sweep)):
            rows = sorted((row for row in run.sweep if row["arm"] == arm), key=lambda row: row["snr_db"])
            snr, psnr = ([row[key] for row in rows] for key in ("snr_db", "psnr_db"))
            axes.plot(snr, psnr, marker=MARKERS[index % 4], ms=4.5, label=title(arm), **_stroke(theme, index))
            bands = [row.get("psnr_db_ci95") for row in rows]
            if all(isinstance(band, (list, tuple)) and len(band) == 2 for band in bands):
                low, high = zip(*bands, strict=True)
                axes.fill_between(snr, low, high, color=theme.arms[index % 4], alpha=0.18, lw=0)
        axes.set_xlabel("SNR (dB)")
    else:
        known = run.frame_snr_db()
        drawn = False
        for index, arm in enumerate(run.arms):
            column = run.column(arm, "psnr_db")
            if not column or not known:
                continue
            chosen = [(known[i], v) for i, v, lost in zip(*column, strict=True) if i in known and not lost]
            if chosen:
                drawn = True
                colour, marker = theme.arms[index % 4], MARKERS[index % 4]
                across, up = zip(*chosen, strict=True)
                axes.scatter(across, up, s=16, color=colour, marker=marker, alpha=0.75, lw=0, label=title(arm))
        if not drawn:
            return "neither a sweep nor estimates of SNR frame by frame in this run"
        axes.set_xlabel("estimated SNR (dB)")
    axes.set_ylabel("PSNR (dB)")
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10], integer=True))
    axes.legend(loc="lower right", handlelength=2.6)
    return figure


def constellation(run: RunFolder, theme: Theme) -> Outcome:
    """Density of the symbols before and after equaliser and denoiser, and as transmitted."""
    headings = {
        "received": "before the equaliser",
        "equalised": "after the equaliser",
        "denoised": "after the denoiser",
        "true": "transmitted",
    }
    found = [(name, heading, _finite(run.symbols[name])) for name, heading in headings.items() if name in run.symbols]
    panels = [panel for panel in found if panel[2].size]
    if not panels:
        return "no symbols were recorded in this run"
    figure = Figure((WIDTH_INCHES, 0.55 + WIDTH_INCHES / 4))
    axes = figure.subplots(1, 4)
    for axis, (name, heading, values) in zip(axes, panels, strict=False):
        values = values[:: max(1, values.size // MAX_POINTS)]
        if name == "received":
            # The receiver's input has an arbitrary level; the others are in units of the transmitted symbols.
            values = values / np.sqrt(np.mean(abs(values) ** 2))
        edges = np.linspace(-SPAN, SPAN, 65)
        counts, _ = np.histogramdd((values.imag, values.real), bins=(edges, edges))
        top = max(counts.max(), 2)
        axis.imshow(
            np.where(counts > 0, counts, np.nan),
            extent=(-SPAN, SPAN, -SPAN, SPAN),
            origin="lower",
            cmap=theme.density,
            norm=LogNorm(0.4, top),
            interpolation="nearest",
        )
        axis.axhline(0, color=theme.muted, lw=0.5, ls="solid")
        axis.axvline(0, color=theme.muted, lw=0.5, ls="solid")
        axis.set_title(heading)
        axis.set_xticks([-2, 0, 2])
        axis.set_yticks([-2, 0, 2] if axis is axes[0] else [])
        axis.grid(False)
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    axes[0].set_xlabel("in phase")
    axes[0].set_ylabel("quadrature")
    return figure


def symbol_error(run: RunFolder, theme: Theme) -> Outcome:
    """Measured error of the symbols against the noise that the receiver predicted, before and after the denoiser."""
    needed = {"equalised", "true", "noise_map"}
    if not needed <= set(run.symbols) or len({run.symbols[name].size for name in needed}) != 1:
        return "no transmitted symbols and noise map were recorded in this run"
    noise, true = run.symbols["noise_map"].astype(np.float64), run.symbols["true"]
    usable = np.isfinite(noise) & (noise > 0) & np.isfinite(true)
    if usable.sum() < 100:
        return "too few recorded symbols"
    order = np.flatnonzero(usable)[np.argsort(noise[usable], kind="stable")]
    groups = np.array_split(order, 10)
    predicted = [_db(noise[group].mean()) for group in groups]
    figure = Figure((HALF_INCHES, 3.5))
    axes = figure.subplots()
    ends = (min(predicted) - 1, max(predicted) + 1)
    axes.plot(ends, ends, color=theme.muted, lw=1, ls="solid", label="error = prediction")
    for index, (name, label) in enumerate((("equalised", "after the equaliser"), ("denoised", "after the denoiser"))):
        estimate = run.symbols.get(name)
        if estimate is None or estimate.size != true.size or not np.isfinite(estimate[usable]).all():
            continue
        error = [_db(np.mean(abs(estimate[group] - true[group]) ** 2)) for group in groups]
        axes.plot(predicted, error, marker=MARKERS[index], ms=5, label=label, **_stroke(theme, index))
    axes.set_xlabel("predicted noise variance (dB)")
    axes.set_ylabel("measured squared error (dB)")
    axes.legend(loc="upper left", handlelength=2.6)
    return figure


def channel_response(run: RunFolder, theme: Theme) -> Outcome:
    """|H| of every burst over carriers and time, above the estimated SNR, with lost bursts marked."""
    response = run.bursts.get("channel")
    if response is None or response.ndim not in (2, 3) or not response.shape[0]:
        return "no channel estimates were recorded in this run"
    power = abs(response.astype(np.complex64)) ** 2
    power = power.mean(1) if power.ndim == 3 else power
    count, width = power.shape
    carriers = run.bursts.get("carriers", np.arange(width) - width // 2)
    seconds, unit = _burst_times(run, count)
    order = np.argsort(carriers)
    grid = np.arange(carriers.min(), carriers.max() + 1)
    image = np.full((grid.size, count), np.nan)
    image[carriers[order] - grid[0]] = 10 * np.log10(np.maximum(power.T[order], 1e-6))
    image, ticks = _on_even_grid(image, seconds)
    snr = run.bursts.get("snr_db")
    figure = Figure((WIDTH_INCHES, 4.6 if snr is not None else 3.4))
    rows = 2 if snr is not None else 1
    axes = figure.subplots(rows, 1, sharex=True, height_ratios=(3, 1) if rows == 2 else None, squeeze=False)[:, 0]
    low, high = np.nanpercentile(image, [1, 99.5])
    drawn = axes[0].imshow(
        image,
        aspect="auto",
        origin="lower",
        extent=(ticks[0], ticks[-1], grid[0] - 0.5, grid[-1] + 0.5),
        cmap=HEAT,
        vmin=max(low, high - 40),
        vmax=high,
        interpolation="nearest",
    )
    axes[0].grid(False)
    axes[0].set_ylabel("subcarrier")
    bar = figure.colorbar(drawn, ax=axes[0], pad=0.01, fraction=0.04)
    bar.set_label("|H| (dB)")
    bar.ax.spines["outline"].set_visible(False)
    if snr is not None:
        axes[1].plot(seconds, snr, color=theme.arms[0], lw=1, ls="solid")
        axes[1].set_ylabel("SNR (dB)")
        axes[1].margins(x=0)
    axes[-1].set_xlabel(unit)
    return figure


def stage_times(run: RunFolder, theme: Theme) -> Outcome:
    """CPU time a frame of each stage, against the time that a frame lasts."""
    stages = [s for s in run.run.get("stages") or [] if isinstance(s.get("cpu_seconds_per_frame"), (int, float))]
    if not stages:
        return "no timings of the stages were recorded in this run"
    names = [str(s["stage"]) for s in stages]
    values = [1e3 * s["cpu_seconds_per_frame"] for s in stages]
    figure = Figure((WIDTH_INCHES, 0.6 + 0.3 * len(names)))
    axes = figure.subplots()
    axes.barh(names, values, color=theme.arms[0], height=0.62)
    for row, value in enumerate(values):
        axes.text(value, row, f"  {value:.1f}", va="center", fontsize=8, color=theme.ink)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("CPU time a frame (ms)")
    axes.margins(x=0.08)
    axes.tick_params(axis="y", labelcolor=theme.ink, labelsize=9)
    return figure


def recovery(run: RunFolder, theme: Theme) -> Outcome:
    """What the denoiser gains over the linear estimate, trained online and not; lines where weights changed."""
    adaptation = run.run.get("adaptation") or {}
    curve = adaptation.get("curve") or {}
    frames = np.array(curve.get("frame_id", []))
    if len(frames) < RECOVERY_MEAN:
        return "online training was off in this run, or hardly a frame arrived"
    figure = Figure((WIDTH_INCHES, 3.4))
    axes = figure.subplots()
    window = np.ones(RECOVERY_MEAN) / RECOVERY_MEAN
    error = {name: np.convolve(10 ** (np.array(curve[f"{name}_db"]) / 10), window, "valid") for name in RECOVERED}
    for index, (name, label) in enumerate(RECOVERED.items()):
        gain = 10 * np.log10(error["linear"] / error[name])
        axes.plot(frames[RECOVERY_MEAN - 1 :], gain, label=label, **_stroke(theme, index))
    for decision, colour in (("swap", theme.muted), ("rollback", theme.warning)):
        at = [said["from_frame"] for said in adaptation.get("judgements", []) if said["decision"] == decision]
        for position, frame in enumerate(at):
            label = f"{decision} of weights" if position == 0 else ""
            axes.axvline(frame, color=colour, lw=0.9, ls="solid", alpha=0.6, zorder=1, label=label)
    axes.set_xlabel("frame")
    axes.set_ylabel("gain in symbol error (dB)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(x=0.01)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=5, borderaxespad=0.2, handlelength=2.6)
    return figure


FIGURES: dict[str, Callable[[RunFolder, Theme], Outcome]] = {
    "psnr_over_time": psnr_over_time,
    "psnr_over_snr": psnr_over_snr,
    "constellation": constellation,
    "symbol_error": symbol_error,
    "recovery": recovery,
    "channel_response": channel_response,
    "stage_times": stage_times,
}


HALVES = {"psnr_over_snr", "symbol_error"}
"""Figures of half the page's width."""


def _stroke(theme: Theme, index: int) -> dict:
    # The dashed line lies on top: where two arms agree, both can be seen.
    return {"zorder": 3 - 0.1 * index, "color": theme.arms[index % len(theme.arms)], "ls": DASHES[index % len(DASHES)]}


def _finite(values: np.ndarray) -> np.ndarray:
    flat = np.ravel(values)
    return flat[np.isfinite(flat) & (flat != 0)]


def _db(power: float) -> float:
    return float(10 * np.log10(max(float(power), 1e-12)))


def _burst_times(run: RunFolder, count: int) -> tuple[np.ndarray, str]:
    if "time_s" in run.bursts:
        return run.bursts["time_s"].astype(np.float64), "time (s)"
    if {"start_sample", "sample_rate_hz"} <= set(run.bursts):
        return run.bursts["start_sample"] / float(run.bursts["sample_rate_hz"]), "time (s)"
    return np.arange(count, dtype=np.float64), "burst"


def _on_even_grid(image: np.ndarray, seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`image` [carriers, bursts] resampled to equal steps of time; steps without a burst stay empty."""
    if len(seconds) < 2 or not np.all(np.diff(seconds) > 0):
        return image, np.arange(image.shape[1] + 1, dtype=np.float64)
    step = max(float(np.median(np.diff(seconds))), (seconds[-1] - seconds[0]) / 2000)
    edges = np.arange(seconds[0] - step / 2, seconds[-1] + step, step)
    centres = (edges[:-1] + edges[1:]) / 2
    nearest = np.clip(np.searchsorted(seconds, centres), 1, len(seconds) - 1)
    nearest -= centres - seconds[nearest - 1] < seconds[nearest] - centres
    even = image[:, nearest].copy()
    even[:, abs(seconds[nearest] - centres) > 0.75 * step] = np.nan
    return even, edges
