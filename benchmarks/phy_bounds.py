"""Cramer-Rao bounds beside what the receiver does, over SNR: carrier frequency offset in AWGN, and channel estimates.

CFO, root mean square in Hz: `preamble` is the synchroniser's from short and long training (told roughly where the burst
is; a wrong multiple of its ambiguity counts as not found), `burst` the receiver's from the whole burst. Bounds know the
timing. `bound` is for a path of unknown gain, in the burst for preamble, header, midambles and pilots; `bound_training`
without pilots and short training; `bound_dispersive` for a response of unknown taps as long as the cyclic prefix.

Channel, mean square error a carrier over the channel's mean power, at the training symbols of a burst. Frozen channels
(the receiver then expects no Doppler): `bound_carrier` for carriers that are unknown one by one, `bound_prefix` for a
response as long as the cyclic prefix; both hold for unbiased estimates. `bound_bayes` knows the channel's covariance
over carriers and time and holds for the mean of any estimate; in AWGN it is that of one path of known delay.
"""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.special import j0

from benchmarks.common import emit, parser
from benchmarks.cramer_rao import bayesian_channel_error, channel_error, frequency_variance
from benchmarks.phy_links import CENTER_FREQUENCY_HZ, Passage, decibel, passages, usable_estimators
from gvc import registry
from gvc.phy import BurstReceiver, Numerology
from gvc.phy.layout import burst_layout
from gvc.phy.numerology import SHORT_PERIOD
from gvc.phy.receiver.interpolation import TimeInterpolator
from gvc.report.style import DPI, LIGHT, WIDTH_INCHES, applied, stroke

SETTINGS = {
    "awgn": ("awgn", 0.0),
    "tdl-c-900ns, frozen": ("tdl-c-900ns", 0.0),
    "tdl-c-900ns, 3 m/s": ("tdl-c-900ns", 3.0),
}
"""Channel and speed [m/s]."""
FEWEST = 0.9
"""Share of bursts found below which a row has no error: those found are the lucky ones."""


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--draws", type=int, default=200, help="bursts a row")
    options.add_argument("--snr-db", default="-5,0,5,10,15,20,25,30")
    options.add_argument("--numerology", default="ofdm64")
    options.add_argument("--estimators", metavar="NAMES")
    options.add_argument("--plot", type=Path, metavar="PNG", help="draw the curves")
    arguments = options.parse_args()
    u = Numerology.load(arguments.numerology)
    levels = [float(s) for s in arguments.snr_db.split(",")]
    named = usable_estimators(u, arguments.estimators)
    rows: list[dict[str, Any]] = []
    for snr_db in levels:
        rows += frequency(u, snr_db, arguments.draws)
    for setting in SETTINGS:
        for snr_db in levels:
            rows += channel(u, setting, snr_db, arguments.draws, named)
    if arguments.plot:
        with applied(LIGHT):
            draw(rows).savefig(arguments.plot, dpi=DPI)
    emit(rows, arguments.json)


def frequency(u: Numerology, snr_db: float, draws: int) -> list[dict[str, Any]]:
    """Rows of the two stages that estimate the CFO, in AWGN."""
    errors: dict[str, list[float]] = {"preamble": [], "burst": []}
    synchroniser = registry.create("synchroniser", u.synchroniser, numerology=u, rx_antennas=1)
    symbols = 1
    for passage in passages(u, "awgn", snr_db, draws):
        symbols = len(passage.rows[0])
        (start, *_), sent_hz = passage.starts, passage.air.cfo_hz
        found = synchroniser.acquire(passage.samples, start - start % SHORT_PERIOD)
        if found is not None:
            errors["preamble"].append(found.step * u.sample_rate_hz / (2 * np.pi) - sent_hz)
        errors["burst"] += [burst.cfo_hz - sent_hz for burst in _receive(passage, "dft-smoothed")]
    rows = []
    for stage, bounds in _frequency_bounds(u, symbols, snr_db).items():
        right = [e for e in errors[stage] if abs(e) < u.sample_rate_hz / u.fft_size / 2]
        row: dict[str, Any] = {"estimate": "cfo", "stage": stage, "snr_db": snr_db, "found": len(right) / draws}
        if len(right) >= FEWEST * draws:
            rms = math.sqrt(np.mean(np.square(right)))
            row |= {"rms_hz": rms, "loss_db": 2 * decibel(rms / bounds["bound_hz"])}
        rows.append({**row, **bounds})
    return rows


def _frequency_bounds(u: Numerology, symbols: int, snr_db: float) -> dict[str, dict[str, float]]:
    """Of each stage, in Hz, for a burst of so many payload symbols."""
    noise = 10 ** (-snr_db / 10) / u.occupied_fraction

    def hertz(signal: np.ndarray, times: np.ndarray) -> float:
        response = np.eye(signal.shape[1])[0]
        return math.sqrt(frequency_variance(signal, times, response, noise)) * u.sample_rate_hz / (2 * np.pi)

    samples = u.preamble_samples
    taps = np.zeros((samples + u.cyclic_prefix - 1, u.cyclic_prefix), complex)
    for tap in range(u.cyclic_prefix):
        taps[tap : tap + samples, tap] = u.preamble
    # Samples of unit power where all is known; a symbol's pilots, in its middle, stand for so many samples.
    layout = burst_layout(u, symbols)
    known = np.r_[: u.header_symbols, layout.midamble_rows]
    inside = np.arange(u.symbol_samples)
    whole = samples + (known[:, None] * u.symbol_samples + inside).ravel()
    pilots = samples + layout.payload_rows * u.symbol_samples + u.cyclic_prefix + (u.fft_size - 1) / 2
    energy = u.fft_size * len(u.pilot_index) / len(u.carriers)
    times = np.concatenate([np.arange(samples), whole, pilots])
    amplitude = np.concatenate([np.abs(u.preamble), np.ones(len(whole)), np.full(len(pilots), energy**0.5)])
    training = slice(u.short_samples, samples + len(whole))
    return {
        "preamble": {
            "bound_hz": hertz(u.preamble[:, None], np.arange(samples)),
            "bound_dispersive_hz": hertz(taps, np.arange(len(taps))),
        },
        "burst": {
            "bound_hz": hertz(amplitude[:, None], times),
            "bound_training_hz": hertz(amplitude[training, None], times[training]),
        },
    }


def channel(u: Numerology, setting: str, snr_db: float, draws: int, estimators: list[str]) -> list[dict[str, Any]]:
    """Rows of the channel estimators; they see the same samples."""
    name, speed_mps = SETTINGS[setting]
    if not speed_mps:
        u = dataclasses.replace(u, max_doppler_hz=0.0)
    errors: dict[str, list[float]] = {estimator: [] for estimator in estimators}
    bounds: dict[str, float] = {}
    parameters = {"speed_mps": speed_mps} if name != "awgn" else {}
    for passage in passages(u, name, snr_db, draws, cfo_hz=0.0, parameters=parameters):
        bounds = bounds or _channel_bounds(passage, snr_db, frozen=not speed_mps)
        genie = passage.genie()
        for estimator in estimators:
            for burst in _receive(passage, estimator):
                step = 2 * np.pi * burst.cfo_hz / u.sample_rate_hz
                truth = genie.response(burst.channel_samples, step, int(burst.channel_samples[0]))
                errors[estimator].append(float(np.mean(np.abs(burst.channel - truth) ** 2)))
    rows = []
    for estimator, found in errors.items():
        row: dict[str, Any] = {"estimate": "channel", "setting": setting, "estimator": estimator, "snr_db": snr_db}
        row["found"] = len(found) / draws
        if len(found) >= FEWEST * draws:
            mse_db = decibel(float(np.mean(found)))
            row |= {"mse_db": mse_db, "loss_db": mse_db - bounds["bound_bayes_db"]}
        rows.append({**row, **bounds})
    return rows


def _channel_bounds(passage: Passage, snr_db: float, frozen: bool) -> dict[str, float]:
    u, noise = passage.numerology, 10 ** (-snr_db / 10)
    carriers = len(u.carriers)
    times, _ = TimeInterpolator(u).times(len(passage.rows[0]))
    over_carriers, over_time = np.ones((carriers, carriers), complex), np.ones((len(times), len(times)))
    fading = getattr(passage.air, "fading", None)
    if fading is not None:
        cycles = (u.carriers[:, None] - u.carriers) * u.carrier_spacing_hz
        turns = np.exp(-2j * np.pi * cycles[..., None] * fading.path_delays_s)
        over_carriers = turns @ (fading.mean_powers / np.sum(fading.mean_powers))
        over_time = j0(2 * np.pi * fading.doppler_hz / u.symbol_rate_hz * (times[:, None] - times))
    bounds = {"bound_bayes_db": decibel(bayesian_channel_error(over_carriers, over_time, noise))}
    if frozen:
        bounds["bound_carrier_db"] = decibel(channel_error(carriers, carriers, len(times), noise))
        bounds["bound_prefix_db"] = decibel(channel_error(u.cyclic_prefix, carriers, len(times), noise))
    return bounds


def _receive(passage: Passage, estimator: str) -> list[Any]:
    receiver = BurstReceiver(passage.numerology, channel_estimator=estimator, center_frequency_hz=CENTER_FREQUENCY_HZ)
    return receiver.push(passage.samples)


def draw(rows: list[dict[str, Any]]) -> Figure:
    """Left: CFO error. Right: what channel estimates lose against the Bayesian bound."""
    figure = Figure((WIDTH_INCHES, 3.8), layout="constrained")
    left, *others = figure.subplots(1, 3)
    muted = {"color": LIGHT.muted, "lw": 1.0}
    for index, (stage, name) in enumerate((("preamble", "preamble, acquisition"), ("burst", "whole burst"))):
        own = [row for row in rows if row.get("stage") == stage]
        left.semilogy(*_curve(own, "rms_hz"), label=name, ms=4, **{**stroke(LIGHT, index, marked=True), "ls": "-"})
        left.semilogy(*_curve(own, "bound_hz"), ls="--", lw=1.2, color=LIGHT.arms[index], label="its bound")
    left.set(title="CFO, AWGN", xlabel="SNR (dB)", ylabel="root mean square error (Hz)")
    for axes, setting in zip(others, list(SETTINGS)[1:], strict=True):
        here = [row for row in rows if row.get("setting") == setting]
        estimators = list(dict.fromkeys(row["estimator"] for row in here))
        for index, estimator in enumerate(estimators):
            own = [row for row in here if row["estimator"] == estimator]
            axes.plot(
                *_curve(own, "loss_db"), label=estimator, ms=4, **{**stroke(LIGHT, index, marked=True), "ls": "-"}
            )
        first = [row for row in here if row["estimator"] == estimators[0]]
        for bound, name, dashes in (("carrier", "bound, carriers", "--"), ("prefix", "bound, prefix", ":")):
            snr, level = _curve(first, f"bound_{bound}_db")
            _, least = _curve(first, "bound_bayes_db")
            if snr:
                axes.plot(snr, np.subtract(level, least), ls=dashes, label=name, **muted)
        axes.axhline(0, **muted)
        axes.set(title=f"Channel, {setting}", xlabel="SNR (dB)", ylabel="error over the Bayesian bound (dB)")
        axes.set_ylim(-0.3, 12)
    for axes in (left, others[0]):
        axes.legend(fontsize=7.5)
    return figure


def _curve(rows: list[dict[str, Any]], key: str) -> tuple[list[float], list[float]]:
    pairs = [(row["snr_db"], row[key]) for row in rows if key in row]
    return [snr for snr, _ in pairs], [value for _, value in pairs]


if __name__ == "__main__":
    main()
