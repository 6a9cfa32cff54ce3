"""Does the noise map tell the truth where it hurts? Mean error over mean claim, over elements that are not erased.

A picture is one burst. `hit_db` and `unhit_db` are over elements that the disturbance hits and the others:

- pulses (two a burst, between midambles: preamble, header and midambles stay clean) hit payload symbols whose FFT
  window, where the receiver puts it, has at least one sample of a pulse;
- a tone hits carriers within 1.5 carrier spacings of it, the 50 kHz interferer those within 2.5 of its middle; both are
  drawn where they leave the pilots 1.5 spacings apart, and the leakage of rectangular windows counts as unhit;
- missing and doubled samples and frequency steps, at a sample drawn from the payload, hit the symbols whose window has
  or follows that sample; what was sent in a symbol's place is the truth for it.

Where everything is hit there is `all_db`. `deciles_db` are over all elements by rising claim, `worst_decile_db` is the
one farthest from 0. Wanted: hit within 1.5 dB, unhit within 0.5 dB, all within 1 dB, deciles within 3 dB. Levels are
relative to the burst's mean power; full scale of the converter is three times the burst's rms amplitude. Intervals
(`ci95`) are bootstrapped over bursts.
"""

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.common import emit, parser
from benchmarks.phy_links import CHANNELS, Trial, decibel, deciles_db, known, trials
from gvc import seeds
from gvc.errors import InputError
from gvc.phy import Numerology
from gvc.phy.layout import burst_layout

PULSES = 2
CLEAR = 1.5
"""Carrier spacings between a pilot and what a tone or interferer hits."""


@dataclasses.dataclass(frozen=True)
class SentBurst:
    """A burst on the air: its first sample in the stream, its payload symbols, and draws for what befalls it."""

    numerology: Numerology
    start: int
    symbols: int
    random: np.random.Generator

    def pulses(self, samples: int) -> list[int]:
        """Starts of PULSES pulses, each between two midambles (or the header and one) of its own."""
        u = self.numerology
        rows = burst_layout(u, self.symbols).payload_rows
        runs = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
        free = [run for run in runs if len(run) * u.symbol_samples >= samples]
        if len(free) < PULSES:
            raise InputError(f"{samples} samples do not fit {PULSES} times between midambles of {u.name}")
        chosen = self.random.choice(len(free), PULSES, replace=False)
        return sorted(
            self._row(free[run][0]) + int(self.random.integers(len(free[run]) * u.symbol_samples - samples + 1))
            for run in chosen
        )

    def payload_sample(self) -> int:
        """Any sample from the first payload symbol to the last."""
        rows = burst_layout(self.numerology, self.symbols).payload_rows
        return int(self.random.integers(self._row(rows[0]), self._row(rows[-1] + 1)))

    def frequency_hz(self, reach: float) -> float:
        """Any frequency in the band `reach` + CLEAR carrier spacings or more from every pilot."""
        u = self.numerology
        places = np.linspace(-u.occupied_carriers, u.occupied_carriers, 4001)
        free = places[np.abs(places[:, None] - np.array(u.pilot_carriers)).min(axis=1) >= reach + CLEAR]
        if not len(free):
            raise InputError(f"the pilots of {u.name} leave no room for what hits {2 * reach:g} carriers")
        return float(self.random.choice(free)) * u.carrier_spacing_hz

    def _row(self, row: int) -> int:
        """First sample of a symbol's cyclic prefix."""
        u = self.numerology
        return self.start + u.preamble_samples + int(row) * u.symbol_samples


@dataclasses.dataclass(frozen=True)
class Disturbance:
    """impairments: what befalls a burst. hits: `symbols` (those of which the channel says so), `carriers` within
    `reach` spacings of the impairment's frequency, or `all`.
    """

    name: str
    impairments: Callable[[SentBurst], list[dict[str, Any]]]
    hits: str = "all"
    reach: float = 0.0


def steady(name: str, **impairment: Any) -> Disturbance:
    return Disturbance(name, lambda sent: [impairment])


def pulses(level_db: float, samples: int) -> Disturbance:
    def made(sent: SentBurst) -> list[dict[str, Any]]:
        return [{"kind": "pulses", "level_db": level_db, "samples": samples, "at": sent.pulses(samples)}]

    return Disturbance(f"pulses {level_db:g} dB {samples} samples", made, "symbols")


def tone(level_db: float) -> Disturbance:
    def made(sent: SentBurst) -> list[dict[str, Any]]:
        return [{"kind": "tone", "level_db": level_db, "frequency_hz": sent.frequency_hz(1.5)}]

    return Disturbance(f"tone {level_db:g} dB", made, "carriers", 1.5)


def interferer(level_db: float) -> Disturbance:
    def made(sent: SentBurst) -> list[dict[str, Any]]:
        frequency_hz = sent.frequency_hz(2.5)
        return [{"kind": "interferer", "level_db": level_db, "bandwidth_hz": 50e3, "frequency_hz": frequency_hz}]

    return Disturbance(f"interferer {level_db:g} dB", made, "carriers", 2.5)


def event(name: str, **impairment: Any) -> Disturbance:
    return Disturbance(name, lambda sent: [{**impairment, "at": [sent.payload_sample()]}], "symbols")


DISTURBANCES = [
    steady("none", kind="scale", factor=1.0),
    *(pulses(level_db, samples) for level_db in (-5, 0, 5, 10, 20) for samples in (40, 100, 200, 400)),
    *(tone(level_db) for level_db in (-15, -10, -5, 0)),
    *(interferer(level_db) for level_db in (-15, -10, -5, 0)),
    *(steady(f"bits {bits}", kind="quantisation", bits=bits, full_scale=3.0) for bits in (1, 2, 3, 4, 6, 8)),
    *(steady(f"clipping {level_db} dB", kind="clipping", level_db=level_db) for level_db in (3, 6)),
    steady("iq 1 dB 5 degrees", kind="iq-imbalance", gain_db=1.0, phase_deg=5.0),
    *(steady(f"phase noise {width} Hz", kind="phase-noise", linewidth_hz=width) for width in (10, 40, 100)),
    steady("drift 10 kHz/s", kind="frequency-drift", rate_hz_per_s=10e3),
    *(event(f"missing {count}", kind="slips", missing=count) for count in (1, 10, 300)),
    *(event(f"doubled {count}", kind="slips", doubled=count) for count in (1, 10, 300)),
    *(event(f"step {step} Hz", kind="frequency-steps", step_hz=step) for step in (100, 300, 1000)),
]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--draws", type=int, default=30, help="bursts a row, each with its own fade")
    options.add_argument("--numerology", default="ofdm64")
    options.add_argument("--channels", default=",".join(CHANNELS))
    options.add_argument("--snr-db", default="10,15,20")
    options.add_argument("--rx-antennas", type=int, default=1)
    options.add_argument("--only", default="", metavar="REGEX", help="disturbances whose name has this, such as 'tone'")
    arguments = options.parse_args()
    u = Numerology.load(arguments.numerology)
    rows = []
    for disturbance in DISTURBANCES:
        if re.search(arguments.only, disturbance.name):
            for channel in arguments.channels.split(","):
                for snr_db in map(float, arguments.snr_db.split(",")):
                    about = {"disturbance": disturbance.name, "channel": channel, "snr_db": snr_db}
                    found = measured(u, disturbance, channel, snr_db, arguments.draws, arguments.rx_antennas)
                    rows.append({**about, **found})
    emit(rows, arguments.json)


def measured(
    u: Numerology, disturbance: Disturbance, channel: str, snr_db: float, draws: int, rx_antennas: int = 1
) -> dict[str, Any]:
    """One row; a value is None where there is no element to take it from."""

    def drawn(bursts: list[tuple[int, int]], random: np.random.Generator) -> list[dict[str, Any]]:
        (start, symbols) = bursts[0]
        return disturbance.impairments(SentBurst(u, start, symbols, random))

    errors: list[np.ndarray] = []
    claims: list[np.ndarray] = []
    hits: list[np.ndarray] = []
    sent = 0
    for trial in trials(u, channel, snr_db, draws, rx_antennas=rx_antennas, impairments=drawn):
        sent += trial.bursts_sent
        for error, claim, start in zip(trial.error, trial.noise_map, trial.start_sample, strict=True):
            errors.append(error)
            claims.append(claim)
            hits.append(np.broadcast_to(hit(u, disturbance, trial, start, len(error)), error.shape))
    row: dict[str, Any] = {"bursts_sent": sent, "bursts_received": len(errors)}
    if not errors:
        return row
    error, claim, is_hit = (np.stack(part) for part in (errors, claims, hits))
    valid = known(claim)
    for word, part in (("all", is_hit),) if disturbance.hits == "all" else (("hit", is_hit), ("unhit", ~is_hit)):
        row[f"{word}_db"], row[f"{word}_ci95_db"] = over_claim_db(error, claim, part & valid)
        row[f"erased_{word}"] = float(np.mean(~valid[part])) if part.any() else None
    if valid.sum() >= 10:
        deciles = deciles_db(error[valid], claim[valid])
        row["worst_decile_db"] = max(deciles, key=abs)
        row["deciles_db"] = [round(d, 2) for d in deciles]
    return row


def over_claim_db(error: np.ndarray, claim: np.ndarray, chosen: np.ndarray) -> tuple[float | None, list[float] | None]:
    """Mean error over mean claim of the chosen elements [bursts, M, D] in dB, and its bootstrap interval."""
    if not chosen.any():
        return None, None
    sums = np.stack([np.where(chosen, part, 0).sum(axis=(1, 2), dtype=float) for part in (error, claim)])
    drawn = seeds.stream(0, "disturbed/bootstrap").integers(0, len(error), (1000, len(error)))
    ratios = np.divide(*sums[:, drawn].sum(axis=2) + 1e-30)
    low, high = 10 * np.log10(np.quantile(ratios, [0.025, 0.975]))
    return decibel(sums[0].sum() / sums[1].sum()), [round(float(low), 2), round(float(high), 2)]


def hit(u: Numerology, disturbance: Disturbance, trial: Trial, start: int, symbols: int) -> np.ndarray:
    """Elements [M, D] (or what broadcasts to it) that are hit in a burst which the receiver finds at `start`."""
    if disturbance.hits == "symbols":
        windows = start + u.preamble_samples + u.cyclic_prefix - u.timing_advance
        windows = windows + u.symbol_samples * burst_layout(u, symbols).payload_rows
        samples = windows[:, None] + np.arange(u.fft_size)
        return trial.air.hit(samples.ravel()).reshape(samples.shape).any(axis=1)[:, None]
    if disturbance.hits == "carriers":
        place = trial.air.impairments[0].frequency_hz / u.carrier_spacing_hz
        return np.abs(u.carriers[u.data_index] - place)[None] <= disturbance.reach
    return np.ones((1, 1), bool)


if __name__ == "__main__":
    main()
