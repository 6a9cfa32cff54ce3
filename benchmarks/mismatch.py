"""Where a denoiser honestly wins: every arm on the same received symbols when the receiver's assumptions are wrong.

Two levels: `symbol` (the symbol channels of `score`) and `waveform` (simulated radios and the real receiver, with the
impairment in the samples, the bursts or the receiver's own estimates). `lost` pictures had no burst recovered and
count for no arm. Gains are paired over pictures, with their 95 % bootstrap interval.

The rows of specialists (`models.jscc.specialist`) have decoders that are told nothing of the noise and were trained for
AWGN at 18 dB alone: `specialist`, its widened control, C with the denoiser of all conditions before it, D re-trained
behind that denoiser for the same conditions; A+ and D of all conditions stand beside them.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.common import emit, parser
from benchmarks.impairments import Waveform
from flowgraphs import output
from gvc import seeds
from gvc.bootstrap import mean_ci95
from gvc.channel.symbol import SymbolChannel
from gvc.errors import LinkError
from models import weights
from models.ablation.networks import Scorer
from models.ablation.score import psnr
from models.arms import CONTROL, Places
from models.training import pictures

ARMS = ["A+", "control", "C", "D"]
CHANNELS = {"symbol": ("awgn", "rayleigh"), "waveform": ("sim-awgn", "sim-tdl-c-900ns")}
HERE = "benchmarks.impairments"
SPECIALIST = "awgn-18db"
# key of a gain for the arm that it is over
BASES = {"A+": "a_plus", "control": "control", "specialist": "specialist", "specialist control": "control"}


@dataclasses.dataclass(frozen=True)
class Case:
    """One mismatch: what it changes at symbol level (`SymbolChannel`) and on the waveform (`Waveform`), or the
    specialists (`specialist`). `fading`: on which of a level's channels, flat or fading; `snr_db`: at which SNR.
    """

    name: str
    symbol: dict[str, Any] = dataclasses.field(default_factory=dict)
    waveform: dict[str, Any] = dataclasses.field(default_factory=dict)
    specialist: bool = False
    fading: tuple[bool, ...] = (False, True)
    snr_db: float | None = None


CASES = (
    Case("none"),
    Case("channel-state error 0.05", {"csi_error_var": 0.05}, {"equaliser": f"{HERE}:StateError5"}),
    Case("channel-state error 0.1", {"csi_error_var": 0.1}, {"equaliser": f"{HERE}:StateError10"}),
    Case("SNR overrated by 3 dB", {"snr_mismatch_db": 3.0}, {"equaliser": f"{HERE}:Overrated"}),
    Case("SNR underrated by 3 dB", {"snr_mismatch_db": -3.0}, {"equaliser": f"{HERE}:Underrated"}),
    Case("10 % erased", {"erasure": 0.1}, {"burst_loss": 0.1}),
    Case("narrow-band interferer at -10 dB", {"interference_db": -10.0}, {"interference_db": -10.0}),
    Case("specialist where it was trained", specialist=True, fading=(False,), snr_db=18.0),
    Case("specialist at another SNR", specialist=True, fading=(False,), snr_db=3.0),
    Case("specialist on another channel", specialist=True, fading=(True,), snr_db=18.0),
    Case("specialist at another SNR and on another channel", specialist=True, fading=(True,), snr_db=3.0),
)


@dataclasses.dataclass
class System:
    """Networks under one roof, and the name that each of their arms has in the table."""

    scorer: Scorer
    labels: dict[str, str]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--images", type=Path, required=True, help="folder or .tar of pictures")
    options.add_argument("--only", type=Path, help="list of the names in --images to use")
    options.add_argument("--count", type=int, default=24, help="pictures, evenly taken from these; 0: all")
    options.add_argument("--preset", default="default")
    options.add_argument("--specialist-preset", default="small", help="of the rows of specialists")
    options.add_argument("--cases", default="", help="only mismatches whose name contains this")
    options.add_argument("--snr-db", type=float, default=10.0)
    options.add_argument("--cbr", type=float, default=1 / 48)
    options.add_argument("--dtype", default="float32", help="float32, bfloat16 or auto")
    options.add_argument("--threads", type=int, default=0)
    options.add_argument("--seed", type=int, default=1)
    arguments = options.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    read = pictures.read(arguments.images, only=pictures.listed(arguments.only) if arguments.only else None)
    names = sorted(read)[:: max(1, len(read) // arguments.count) if arguments.count else 1][: arguments.count or None]
    chosen = {name: read[name] for name in names}
    rows: list[dict[str, Any]] = []
    not_measured: dict[str, str] = {}
    common = [System(Scorer(ARMS, Places(arguments.preset), arguments.dtype), {arm: arm for arm in ARMS})]
    with output.steps() as told:
        for case in (case for case in CASES if arguments.cases in case.name):
            preset = arguments.specialist_preset if case.specialist else arguments.preset
            systems = specialists(preset, arguments.dtype) if case.specialist else common
            if not systems:
                not_measured[case.name] = f"no specialists of the preset {preset}: see models/jscc/CARD.md"
                continue
            snr_db = arguments.snr_db if case.snr_db is None else case.snr_db
            for level, channels in CHANNELS.items():
                for channel in (channels[fading] for fading in case.fading):
                    told(f"{case.name}, {channel}", len(rows), 0)
                    about = {"mismatch": case.name, "level": level, "channel": channel, "snr_db": snr_db}
                    make = maker(case, level, channel, snr_db)
                    found = measured(systems, chosen, make, arguments.cbr, arguments.seed)
                    rows += [{**about, "preset": preset, **row} for row in found]
                    if not found:
                        not_measured[f"{case.name}, {channel}"] = "nothing of any picture was recovered"
    emit(rows, arguments.json, pictures=len(chosen), not_measured=not_measured)


def specialists(preset: str, dtype: str) -> list[System]:
    """The specialists and, for reference, A+ and D of all conditions; empty where there are no specialists' weights."""
    folder = weights.folder("jscc", f"{preset}-{SPECIALIST}")
    if not (folder / CONTROL).exists():
        return []
    labels = {arm: f"specialist {arm}" for arm in ARMS} | {"A+": "specialist"}
    reference = {arm: arm for arm in ("A+", "D")}
    return [
        System(Scorer(ARMS, Places(preset, folder, folder), dtype), labels),
        System(Scorer(list(reference), Places(preset), dtype), reference),
    ]


def maker(case: Case, level: str, channel: str, snr_db: float) -> Callable[[int, int], Any]:
    """Picture's (height, width) -> the channel that it meets."""
    if level == "symbol":
        return lambda height, width: SymbolChannel(channel, snr_db, **case.symbol)
    return lambda height, width: Waveform(channel, snr_db, height, width, **case.waveform)


def measured(
    systems: list[System],
    chosen: dict[str, torch.Tensor],
    make: Callable[[int, int], Any],
    cbr: float,
    seed: int,
) -> list[dict[str, Any]]:
    """One row an arm: PSNR, symbol error, and the paired gains over those of BASES among `systems`."""
    quality: dict[str, list[float]] = {}
    errors: dict[str, list[float]] = {}
    lost = 0
    for name, picture in chosen.items():
        reference = picture.permute(1, 2, 0)
        own_seed = seeds.integer(seed, f"mismatch/{name}")
        channel = make(*reference.shape[:2])
        try:
            # the encoder and the seed are the same: so are the received symbols
            results = [system.scorer.run(picture, channel, cbr, own_seed) for system in systems]
        except LinkError:
            lost += 1
            continue
        for system, result in zip(systems, results, strict=True):
            for variant, outcome in result.items():
                label = system.labels[variant.arm]
                quality.setdefault(label, []).append(psnr(reference, outcome.decoded))
                errors.setdefault(label, []).append(outcome.symbol_mse)
    return [
        {
            "arm": label,
            "lost": lost,
            "psnr_db": round(float(np.mean(values)), 4),
            "symbol_mse_db": round(10 * float(np.log10(np.mean(errors[label]))), 4),
            **_gains(quality, label, seed),
        }
        for label, values in quality.items()
    ]


def _gains(quality: dict[str, list[float]], label: str, seed: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for base, word in BASES.items():
        if base in quality and base != label:
            gain = np.array(quality[label]) - np.array(quality[base])
            found[f"gain_over_{word}_db"] = round(float(gain.mean()), 4)
            found[f"gain_over_{word}_db_ci95"] = [round(bound, 4) for bound in mean_ci95(gain, seed)]
    return found


if __name__ == "__main__":
    main()
