"""Figures of the symbols: what equaliser and denoiser make of them, and where the error lies."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from gvc.phy.numerology import Numerology
from gvc.phy.payload import create_payload
from gvc.report.plots import Outcome
from gvc.report.reported_run import ReportedRun
from gvc.report.style import HALF_INCHES, WIDTH_INCHES, Theme, stroke

SPAN = 2.6
"""Half the side of a constellation, in units of the transmitted symbols' root mean square."""
ERROR_SPAN = 1.6
MAX_POINTS = 60_000
MAX_FRAMES = 100
"""Frames that the error a carrier is taken from."""
STAGES = {"equalised": "after the equaliser", "denoised": "after the denoiser"}


def constellation(run: ReportedRun, theme: Theme) -> Outcome:
    """Density of the symbols before and after equaliser and denoiser, and as transmitted."""
    headings = [
        ("received", "before the equaliser"),
        ("equalised", "after the equaliser"),
        ("denoised", "after the denoiser"),
        ("true", "transmitted"),
    ]
    panels = [(name, heading, finite(run.symbols[name])) for name, heading in headings if name in run.symbols]
    panels = [panel for panel in panels if panel[2].size]
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
        _density(axis, theme, counts, SPAN, float(top))
        axis.set_title(heading)
        axis.set_xticks([-2, 0, 2])
        axis.set_yticks([-2, 0, 2] if axis is axes[0] else [])
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    axes[0].set_xlabel("in phase")
    axes[0].set_ylabel("quadrature")
    return figure


def symbol_error(run: ReportedRun, theme: Theme) -> Outcome:
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
    predicted = [db(noise[group].mean()) for group in groups]
    figure = Figure((HALF_INCHES, 3.5))
    axes = figure.subplots()
    ends = (min(predicted) - 1, max(predicted) + 1)
    axes.plot(ends, ends, color=theme.muted, lw=1, ls="solid", label="error = prediction")
    for index, (name, label) in enumerate(STAGES.items()):
        estimate = run.symbols.get(name)
        if estimate is None or estimate.size != true.size or not np.isfinite(estimate[usable]).all():
            continue
        error = [db(np.mean(abs(estimate[group] - true[group]) ** 2)) for group in groups]
        axes.plot(predicted, error, ms=5, label=label, **stroke(theme, index, marked=True))
    axes.set_xlabel("predicted noise variance (dB)")
    axes.set_ylabel("measured squared error (dB)")
    axes.legend(loc="upper left", handlelength=2.6)
    return figure


def error_scatter(run: ReportedRun, theme: Theme) -> Outcome:
    """Density of estimate minus truth, after the equaliser and after the denoiser, on one scale."""
    true = run.symbols.get("true")
    if true is None:
        return "no transmitted symbols were recorded in this run"
    errors = {}
    for name, heading in STAGES.items():
        estimate = run.symbols.get(name)
        if estimate is not None and estimate.size == true.size:
            error = (estimate - true)[np.isfinite(estimate) & np.isfinite(true)]
            if error.size:
                errors[heading] = error
    if not errors:
        return "neither estimates nor transmitted symbols were recorded in this run"
    figure = Figure((HALF_INCHES, 3.2))
    axes = figure.subplots(1, 2)
    edges = np.linspace(-ERROR_SPAN, ERROR_SPAN, 65)
    counts = {
        heading: np.histogramdd((part.imag, part.real), bins=(edges, edges))[0]
        for heading, error in errors.items()
        for part in [error[:: max(1, error.size // MAX_POINTS)]]
    }
    top = max(2.0, *(float(count.max()) for count in counts.values()))
    for axis, (heading, error) in zip(axes, errors.items(), strict=False):
        _density(axis, theme, counts[heading], ERROR_SPAN, top)
        axis.set_title(f"{heading}\n{db(float(np.mean(abs(error) ** 2))):.1f} dB".replace("-", "−"))
        axis.set_xticks([-1, 0, 1])
        axis.set_yticks([-1, 0, 1] if axis is axes[0] else [])
    for axis in axes[len(errors) :]:
        axis.set_axis_off()
    axes[0].set_xlabel("error, in phase")
    axes[0].set_ylabel("error, quadrature")
    return figure


def carrier_evm(run: ReportedRun, theme: Theme) -> Outcome:
    """Error of a typical equalised symbol over the power sent, carrier by carrier: EVM in dB."""
    needed = {"equalised", "true", "offsets"}
    name = ((run.run.get("config") or {}).get("phy") or {}).get("numerology")
    if not needed <= set(run.symbols) or name is None:
        return "no transmitted symbols were recorded in this run"
    waveform = Numerology.load(str(name))
    payload = create_payload(0, waveform.scramble_seed)
    width = waveform.data_carriers
    errors, power = [], []
    offsets = run.symbols["offsets"]
    for start, end in list(zip(offsets[:-1], offsets[1:], strict=True))[:MAX_FRAMES]:
        true, estimate = run.symbols["true"][start:end], run.symbols["equalised"][start:end]
        if not len(true) or not np.isfinite(true).all():
            continue
        full = len(true) // width
        grids = [payload.spread(values, -(-len(true) // width) * width)[: full * width] for values in (estimate, true)]
        # A received symbol that is erased says nothing of its carrier's error.
        squares = np.where(grids[0] != 0, abs(grids[0] - grids[1]) ** 2, np.nan)
        errors.append(squares.reshape(-1, width))
        power.append(abs(grids[1]) ** 2)
    if not errors or not np.isfinite(errors[0]).any(axis=0).all():
        return "no transmitted symbols were recorded in this run"
    # The median of an exponential variable is ln 2 of its mean: a mean would show the few deepest fades alone.
    typical = np.nanmedian(np.concatenate(errors), axis=0) / np.log(2)
    evm_db = 10 * np.log10(np.maximum(typical, 1e-12) / np.mean(np.concatenate(power)))
    figure = Figure((HALF_INCHES, 3.2))
    axes = figure.subplots()
    carriers = waveform.carriers[waveform.data_index]
    axes.plot(carriers, evm_db, color=theme.arms[0], marker="o", ms=3.2, lw=1, ls="solid")
    axes.set_xlabel("subcarrier")
    axes.set_ylabel("EVM (dB)")
    return figure


def _density(axis: Axes, theme: Theme, counts: np.ndarray, span: float, top: float) -> None:
    axis.imshow(
        np.where(counts > 0, counts, np.nan),
        extent=(-span, span, -span, span),
        origin="lower",
        cmap=theme.density,
        norm=LogNorm(0.4, top),
        interpolation="nearest",
    )
    axis.axhline(0, color=theme.muted, lw=0.5, ls="solid")
    axis.axvline(0, color=theme.muted, lw=0.5, ls="solid")
    axis.grid(False)


def finite(values: np.ndarray) -> np.ndarray:
    """The values of an array that are numbers other than 0, in one dimension."""
    flat = np.ravel(values)
    return flat[np.isfinite(flat) & (flat != 0)]


def db(power: float) -> float:
    """10 log10, no lower than -120."""
    return float(10 * np.log10(max(float(power), 1e-12)))
