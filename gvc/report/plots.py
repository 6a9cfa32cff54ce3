"""Figures of quality and time. Each takes a run folder and a theme, and gives a figure, or the reason for none."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gvc.report.reported_run import ReportedRun
from gvc.report.style import HALF_INCHES, MARKERS, WIDTH_INCHES, Theme, stroke, title

RECOVERY_MEAN = 8
"""Frames over which the recovery curve is averaged."""
RECOVERED = {"trained": "trained online", "shipped": "denoiser as shipped", "linear": "linear estimate"}
Outcome = Figure | str


def psnr_over_time(run: ReportedRun, theme: Theme) -> Outcome:
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
        top.plot(ids, values, label=f"{title(arm)}, mean {mean:.2f} dB", **stroke(theme, index))
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


def psnr_over_snr(run: ReportedRun, theme: Theme) -> Outcome:
    """PSNR against SNR: the rows of a sweep, else the frames of this run at their estimated SNR."""
    figure = Figure((HALF_INCHES, 3.5))
    axes = figure.subplots()
    if run.sweep:
        for index, arm in enumerate(dict.fromkeys(row["arm"] for row in run.sweep)):
            rows = sorted((row for row in run.sweep if row["arm"] == arm), key=lambda row: row["snr_db"])
            snr, psnr = ([row[key] for row in rows] for key in ("snr_db", "psnr_db"))
            axes.plot(snr, psnr, ms=4.5, label=title(arm), **stroke(theme, index, marked=True))
            bands = [row.get("psnr_db_ci95") for row in rows]
            if all(isinstance(band, (list, tuple)) and len(band) == 2 for band in bands):
                low, high = zip(*bands, strict=True)
                axes.fill_between(snr, low, high, color=theme.arms[index % len(theme.arms)], alpha=0.18, lw=0)
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
                colour, marker = theme.arms[index % len(theme.arms)], MARKERS[index % len(MARKERS)]
                across, up = zip(*chosen, strict=True)
                axes.scatter(across, up, s=16, color=colour, marker=marker, alpha=0.75, lw=0, label=title(arm))
        if not drawn:
            return "neither a sweep nor estimates of SNR frame by frame in this run"
        axes.set_xlabel("estimated SNR (dB)")
    axes.set_ylabel("PSNR (dB)")
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10], integer=True))
    axes.legend(loc="lower right", handlelength=2.6)
    return figure


def stage_times(run: ReportedRun, theme: Theme) -> Outcome:
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


def recovery(run: ReportedRun, theme: Theme) -> Outcome:
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
        axes.plot(frames[RECOVERY_MEAN - 1 :], gain, label=label, **stroke(theme, index))
    for decision, colour in (("swap", theme.muted), ("rollback", theme.warning)):
        at = [said["from_frame"] for said in adaptation.get("judgements", []) if said["decision"] == decision]
        for position, frame in enumerate(at):
            told = f"{decision} of weights" if position == 0 else None
            axes.axvline(frame, color=colour, lw=0.9, ls="solid", alpha=0.6, zorder=1, label=told)
    axes.set_xlabel("frame")
    axes.set_ylabel("gain in symbol error (dB)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(x=0.01)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=5, borderaxespad=0.2, handlelength=2.6)
    return figure
