"""Figures of the channel and the signal: response, delays, Doppler, offsets, spectrum, peaks."""

import numpy as np
from matplotlib.figure import Figure

from gvc.phy.numerology import Numerology
from gvc.phy.signal_probe import LEVELS_DB
from gvc.report.plots import Outcome
from gvc.report.reported_run import ReportedRun
from gvc.report.style import HALF_INCHES, HEAT, WIDTH_INCHES, Theme, stroke

MIN_BURSTS = 16
"""Fewer bursts say nothing of a spectrum over time."""
SIDES = ("sent", "received")
FLOOR_DB = -40.0


def channel_response(run: ReportedRun, theme: Theme) -> Outcome:
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


def _burst_times(run: ReportedRun, count: int) -> tuple[np.ndarray, str]:
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


def delay_profile(run: ReportedRun, theme: Theme) -> Outcome:
    """Mean power over delay: the estimates over carriers, windowed (Hann), to the time domain."""
    found = _estimates(run)
    if isinstance(found, str):
        return found
    response, carriers, waveform, rate = found
    grid = np.arange(carriers.min(), carriers.max() + 1)
    across = np.stack([_filled(row, carriers, grid) for row in response]) * np.hanning(grid.size + 2)[1:-1]
    delays = np.arange(-waveform.timing_advance, waveform.cyclic_prefix + 4, 0.25)
    power = (abs(across @ np.exp(2j * np.pi * np.outer(grid, delays) / waveform.fft_size)) ** 2).mean(axis=0)
    level = _relative_db(power)
    figure = Figure((HALF_INCHES, 3.2))
    axes = figure.subplots()
    times = delays / rate * 1e6
    axes.fill_between(times, level, FLOOR_DB, color=theme.arms[0], alpha=0.18, lw=0)
    axes.plot(times, level, color=theme.arms[0], ls="solid")
    edge = waveform.cyclic_prefix / rate * 1e6
    axes.axvline(edge, color=theme.muted, lw=1, ls="solid")
    axes.text(edge, -1, " cyclic prefix ends", color=theme.muted, fontsize=8, va="top", ha="left", rotation=90)
    axes.set_ylim(FLOOR_DB, 2)
    axes.set_xlabel("delay after the start of the FFT window (µs)")
    axes.set_ylabel("power (dB)")
    return figure


def doppler(run: ReportedRun, theme: Theme) -> Outcome:
    """Spectrum over time of the estimates, mean over carriers; the carrier offset and whole-sample timing taken out."""
    found = _estimates(run)
    if isinstance(found, str):
        return found
    response, carriers, waveform, _ = found
    seconds, unit = _burst_times(run, len(response))
    if len(response) < MIN_BURSTS or unit == "burst":
        return f"fewer than {MIN_BURSTS} bursts with their times in this run"
    step = float(np.median(np.diff(seconds)))
    if step <= 0:
        return "the bursts' times do not go up"
    offset_hz = float(np.mean(run.bursts.get("cfo_hz", 0.0)))
    turned = response * np.exp(-2j * np.pi * offset_hz * seconds)[:, None]
    timing = _timing(run)
    if timing is not None and np.std(timing) < 2:
        turned = turned * np.exp(-2j * np.pi * np.outer(timing, carriers) / waveform.fft_size)
    frequencies = np.linspace(-0.5 / step, 0.5 / step, 257)
    length = max(MIN_BURSTS, len(turned) // 4)
    power = np.zeros(frequencies.size)
    for start in range(0, len(turned) - length + 1, length // 2):
        part = slice(start, start + length)
        window = np.hanning(length + 2)[1:-1, None]
        turns = np.exp(-2j * np.pi * np.outer(frequencies, seconds[part]))
        power += (abs(turns @ (turned[part] * window)) ** 2).mean(axis=1)
    # What is left of the carrier offset only moves the spectrum: its middle of mass is put at 0, around the circle.
    middle = np.angle(np.sum(power[:-1] * np.exp(2j * np.pi * frequencies[:-1] * step))) / (2 * np.pi * step)
    shift = round(middle / (frequencies[1] - frequencies[0]))
    level = _relative_db(np.roll(power[:-1], -shift))
    figure = Figure((HALF_INCHES, 3.2))
    axes = figure.subplots()
    axes.fill_between(frequencies[:-1], level, FLOOR_DB, color=theme.arms[0], alpha=0.18, lw=0)
    axes.plot(frequencies[:-1], level, color=theme.arms[0], ls="solid")
    limit = _set_doppler_hz(run)
    if limit and limit < 0.5 / step:
        for position, edge in enumerate((-limit, limit)):
            label = f"±{limit:.3g} Hz: speed that was set" if position == 0 else None
            axes.axvline(edge, color=theme.muted, lw=1, ls="solid", label=label)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.2)
    axes.set_ylim(max(FLOOR_DB, float(level.min()) - 3), 2)
    axes.set_xlabel("Doppler shift (Hz)")
    axes.set_ylabel("power (dB)")
    return figure


def offsets(run: ReportedRun, theme: Theme) -> Outcome:
    """Carrier frequency offset and timing of each burst over time."""
    cfo = run.bursts.get("cfo_hz")
    if cfo is None or not len(cfo):
        return "no bursts were recorded in this run"
    seconds, unit = _burst_times(run, len(cfo))
    timing = _timing(run)
    figure = Figure((WIDTH_INCHES, 3.4))
    axes = figure.subplots(1 if timing is None else 2, 1, sharex=True, squeeze=False)[:, 0]
    dots = {"ls": "none", "marker": "o", "ms": 2.6, "alpha": 0.75}
    axes[0].plot(seconds, cfo, color=theme.arms[0], **dots)
    was_set = ((run.run.get("config") or {}).get("channel") or {}).get("cfo_hz")
    if isinstance(was_set, (int, float)):
        axes[0].axhline(was_set, color=theme.muted, lw=1, ls="solid", label=f"{was_set:,.6g} Hz were set")
        axes[0].legend(loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.2)
    axes[0].set_ylabel("CFO (Hz)")
    if timing is not None:
        axes[1].plot(seconds, timing, color=theme.arms[1 % len(theme.arms)], **dots)
        axes[1].set_ylabel("timing (samples)")
    axes[-1].set_xlabel(unit)
    axes[-1].margins(x=0.01)
    return figure


def spectrum(run: ReportedRun, theme: Theme) -> Outcome:
    """Power density of the samples sent and received, each over its own mean."""
    rate = run.run.get("config", {}).get("sample_rate_hz")
    drawn = {name: run.signal[f"{name}_density"] for name in SIDES if f"{name}_density" in run.signal}
    drawn = {name: density for name, density in drawn.items() if density.size}
    if not drawn or not isinstance(rate, (int, float)):
        return "no samples were looked at in this run"
    figure = Figure((HALF_INCHES, 3.2))
    axes = figure.subplots()
    for index, (name, density) in enumerate(drawn.items()):
        frequencies = (np.arange(density.size) / density.size - 0.5) * rate / 1e3
        axes.plot(frequencies, _relative_db(density * density.size, 1.0), label=name, **stroke(theme, index))
    axes.set_xlabel("frequency (kHz)")
    axes.set_ylabel("density over its mean (dB)")
    axes.set_ylim(bottom=FLOOR_DB)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, borderaxespad=0.2)
    return figure


def peaks(run: ReportedRun, theme: Theme) -> Outcome:
    """Share of samples whose power is so far above the mean (complementary distribution), beside Gaussian noise."""
    drawn = {name: run.signal[f"{name}_excess"] for name in SIDES if f"{name}_excess" in run.signal}
    drawn = {name: share for name, share in drawn.items() if share.size == LEVELS_DB.size}
    if not drawn:
        return "no samples were looked at in this run"
    figure = Figure((HALF_INCHES, 3.2))
    axes = figure.subplots()
    for index, (name, share) in enumerate(drawn.items()):
        axes.semilogy(LEVELS_DB, np.where(share > 0, share, np.nan), label=name, **stroke(theme, index))
    gaussian = np.exp(-(10 ** (LEVELS_DB / 10)))
    axes.semilogy(LEVELS_DB, gaussian, color=theme.muted, lw=1, ls="solid", label="Gaussian noise")
    axes.set_ylim(1e-5, 1)
    axes.set_xlabel("power over the mean (dB)")
    axes.set_ylabel("share of samples above")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, borderaxespad=0.2, handlelength=2.2)
    return figure


def _estimates(run: ReportedRun) -> tuple[np.ndarray, np.ndarray, Numerology, float] | str:
    """(response complex [bursts, carriers] of the first antenna, carriers, waveform, samples a second), or why not."""
    response, carriers = run.bursts.get("channel"), run.bursts.get("carriers")
    name = ((run.run.get("config") or {}).get("phy") or {}).get("numerology")
    if response is None or carriers is None or not response.shape[0] or name is None:
        return "no channel estimates were recorded in this run"
    rate = float(run.bursts.get("sample_rate_hz", 1.0))
    response = response[:, 0] if response.ndim == 3 else response
    return response.astype(np.complex128), carriers, Numerology.load(str(name)), rate


def _filled(row: np.ndarray, carriers: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """`row` on all carriers of `grid`: the unused one in the middle is interpolated."""
    return np.interp(grid, carriers, row.real) + 1j * np.interp(grid, carriers, row.imag)


def _relative_db(power: np.ndarray, reference: float | None = None) -> np.ndarray:
    over = power / (power.max() if reference is None else reference)
    return 10 * np.log10(np.maximum(over, 1e-9))


def _timing(run: ReportedRun) -> np.ndarray | None:
    """Where each burst began against an even grid of frames, in samples, less its mean; None where it cannot be told.

    The length of a frame is taken as the nearest whole number, so that a sampling offset shows as a slope.
    """
    needed = ("frame_id", "burst_index", "start_sample")
    if not set(needed) <= set(run.bursts):
        return None
    frame, burst, start = (run.bursts[name].astype(np.float64) for name in needed)
    kinds = np.unique(burst)
    if len(start) < len(kinds) + 2:
        return None
    places = np.column_stack([frame, burst[:, None] == kinds]).astype(np.float64)
    solution = np.linalg.lstsq(places, start, rcond=None)[0]
    length = np.round(solution[0])
    rest = start - length * frame
    offsets_of = np.array([np.median(rest[burst == kind]) for kind in kinds])
    rest = rest - offsets_of[np.searchsorted(kinds, burst)]
    # A pause between frames, as of a paced source, is no grid.
    return rest - rest.mean() if np.ptp(rest) < 0.05 * max(length, 1.0) else None


def _set_doppler_hz(run: ReportedRun) -> float | None:
    config = run.run.get("config") or {}
    speed, carrier = (config.get("channel") or {}).get("speed_mps"), config.get("center_frequency_hz")
    if isinstance(speed, (int, float)) and isinstance(carrier, (int, float)):
        return speed * carrier / 299_792_458.0
    return None
