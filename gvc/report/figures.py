"""The figures of a report, in order: what each is called, what is said of it, and what draws it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gvc.report import channel_plots, plots, symbol_plots
from gvc.report.plots import Outcome
from gvc.report.reported_run import ReportedRun
from gvc.report.style import Theme
from gvc.report.wording import count


@dataclass(frozen=True)
class ReportFigure:
    """One figure. `caption` is text, or makes it from the run; `half` figures take half the page's width; a figure that
    is not `wanted` of a run is not missed either.
    """

    heading: str
    caption: str | Callable[[ReportedRun], str]
    draw: Callable[[ReportedRun, Theme], Outcome]
    half: bool = False
    wanted: Callable[[ReportedRun], bool] = lambda run: True

    def told(self, run: ReportedRun) -> str:
        """The caption for `run`."""
        return self.caption if isinstance(self.caption, str) else self.caption(run)


def _over_snr(run: ReportedRun) -> str:
    if run.sweep:
        return "Mean over the pictures of a sweep, with 95 % intervals."
    told = "Each point is a received frame of this run at the SNR that the receiver estimated from its bursts."
    return f"{told} The sweep over SNR failed: {run.sweep_failure}." if run.sweep_failure else told


def _recovery(run: ReportedRun) -> str:
    """What the online training did, in words."""
    told: dict[str, Any] = run.run.get("adaptation") or {}
    share, limit = told.get("cpu_share"), told.get("cpu_share_limit")
    words = [
        "How much smaller the symbol error is than that of the linear estimate z / (1 + ν), mean over 8 frames. The "
        "symbols sent, which the training never sees, are known here because the link simulates.",
        f"{count(told.get('swaps', 0), 'swap')}, {count(told.get('rollbacks', 0), 'rollback')}, "
        f"{count(told.get('restarts', 0), 'restart')}; {count(told.get('frames_dropped', 0), 'frame')} left out.",
    ]
    if isinstance(share, (int, float)) and isinstance(limit, (int, float)):
        words.append(
            f"The training took {100 * share:.0f} % of one core; the configuration allows {100 * limit:.0f} %."
        )
    if told.get("failure"):
        words.append(f"It ended before its time: {told['failure']}.")
    return " ".join(words)


FIGURES: dict[str, ReportFigure] = {
    "psnr_over_time": ReportFigure(
        "Quality over time",
        "PSNR of each frame as displayed, above the SNR that the receiver estimated from the frame's bursts.",
        plots.psnr_over_time,
    ),
    "psnr_over_snr": ReportFigure("Quality over SNR", _over_snr, plots.psnr_over_snr, half=True),
    "symbol_error": ReportFigure(
        "Noise map and denoiser",
        "Squared error of the symbols in ten equal groups by predicted noise. On the thin line the noise map tells the "
        "truth; the distance between the curves is what the denoiser gains.",
        symbol_plots.symbol_error,
        half=True,
    ),
    "recovery": ReportFigure("Online training", _recovery, plots.recovery, wanted=lambda run: "adaptation" in run.run),
    "constellation": ReportFigure(
        "Constellation",
        "Density of the analogue symbols, in units of the transmitted ones (the receiver's input is normalised to unit "
        "power). The denoiser sees only what the equaliser gives and its noise map.",
        symbol_plots.constellation,
    ),
    "error_scatter": ReportFigure(
        "Error before and after the denoiser",
        "Density of estimate less transmitted symbol, on one scale, with its mean power.",
        symbol_plots.error_scatter,
        half=True,
    ),
    "carrier_evm": ReportFigure(
        "EVM a carrier",
        "Error of the equalised symbols over the power sent, on each data carrier: the median over time, as a mean "
        "power, so that a few deep fades do not hide it.",
        symbol_plots.carrier_evm,
        half=True,
    ),
    "channel_response": ReportFigure(
        "Channel over time",
        "Magnitude of the estimated response of every burst that arrived. Empty columns are times without one.",
        channel_plots.channel_response,
    ),
    "delay_profile": ReportFigure(
        "Delay profile",
        "Mean power of the estimated response over delay. Its resolution is that of the occupied band.",
        channel_plots.delay_profile,
        half=True,
    ),
    "doppler": ReportFigure(
        "Doppler",
        "Spectrum of the estimates over time, mean over carriers, its middle at 0. Bursts are its samples: shifts "
        "beyond half their rate fold back.",
        channel_plots.doppler,
        half=True,
    ),
    "offsets": ReportFigure(
        "Carrier offset and timing",
        "The receiver's estimate of carrier offset, and where it found each burst against an even grid, in samples: a "
        "slope is the sampling offset.",
        channel_plots.offsets,
    ),
    "spectrum": ReportFigure(
        "Spectrum",
        "Power density of the first half million samples sent and received (Welch), silence between bursts left out.",
        channel_plots.spectrum,
        half=True,
    ),
    "peaks": ReportFigure(
        "Peak to average power",
        "Share of samples whose power exceeds the mean by so much: what an amplifier needs in back-off.",
        channel_plots.peaks,
        half=True,
    ),
    "stage_times": ReportFigure(
        "Where the time goes",
        "Process CPU time of each stage, in the unpaced run. Metrics computed after the run are not part of it.",
        plots.stage_times,
    ),
}
