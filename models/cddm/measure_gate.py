"""Measure the gate's table on frames of clips, and keep it beside the weights.

    python -m models.cddm.measure_gate --clips clips/ --preset default

Use clips that are neither training nor held-out data. Each frame meets random conditions of the training channel; arm D
behind the denoiser and arm A+ without it decode the same received symbols. `leave_one_out`: mean gain over A+ on each
clip by the table of the other clips, with the bootstrap interval over clips.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch

from gvc.bootstrap import mean_ci95
from gvc.channel.symbol import TrainingChannel
from gvc.errors import GvcError, InputError
from gvc.video.clip import open_clip
from models import weights
from models.ablation.score import psnr
from models.arms import Places
from models.cddm.gate import GATE, LEVEL_EDGES_DB, SPREAD_EDGES_DB, Features, Gate, describe, hashes
from models.stages import FrameDecoder, FrameDenoiser, FrameEncoder

SIDE = 256
SECONDS_APART = 0.8
CBRS = (1 / 48, 1 / 24)
Found = dict[str, list[tuple[Features, float]]]


def measure(clips: list[Path], places: Places, frames: int, draws: int, seed: int, dtype: str = "auto") -> Found:
    """Clip's name -> (features, gain of D over A+ in dB) of `frames` frames in `draws` random conditions each."""
    torch.manual_seed(seed)
    jscc, cddm = places.folders["jscc"], places.folders["cddm"]
    encoders = [FrameEncoder(places.preset, cbr, dtype=dtype, jscc_dir=jscc) for cbr in CBRS]
    # arm C has the denoiser of D, and no gate that would be looked for here
    denoiser = FrameDenoiser(places.preset, dtype, cddm_dir=cddm, arm_name="C")
    plain, behind = (FrameDecoder(places.preset, arm, dtype, False, jscc, cddm) for arm in ("A+", "D"))
    channel = TrainingChannel()
    found: Found = {}
    for path in clips:
        clip = open_clip(str(path), size=(SIDE, SIDE))
        apart = max(1, round(SECONDS_APART * clip.fps))
        pictures = [picture for index, picture in zip(range(frames * apart), clip, strict=False) if index % apart == 0]
        found[path.name] = []
        for draw in range(draws):
            encoder = encoders[draw % len(encoders)]
            for picture in pictures:
                about = *picture.shape[:2], encoder.latents
                symbols, noise_map = (x[0].numpy() for x in channel(torch.from_numpy(encoder.encode(picture))[None]))
                estimate = denoiser.denoise(symbols, noise_map, *about)
                reference = torch.from_numpy(picture)
                quality = [
                    psnr(reference, torch.from_numpy(decoder.decode(values, noise_map, *about)))
                    for decoder, values in ((behind, estimate), (plain, symbols))
                ]
                found[path.name].append((describe(noise_map, estimate), quality[0] - quality[1]))
        print(f"{path.name}: {np.mean([gain for _, gain in found[path.name]]):+.3f} dB", file=sys.stderr)
    return found


def summary(found: Found, seed: int) -> dict:
    """Means over clips, dB over A+: the denoiser always on, and gated by the table of the other clips."""
    always, gated, active = [], [], []
    for name, own in found.items():
        table = Gate.fit([item for other, items in found.items() if other != name for item in items])
        on = np.array([table.allows(features) for features, _ in own])
        gains = np.array([gain for _, gain in own])
        always.append(gains.mean())
        gated.append((gains * on).mean())
        active.append(on.mean())
    return {
        "frames": sum(len(items) for items in found.values()),
        "clips": len(found),
        "always_on_db": round(float(np.mean(always)), 4),
        "always_on_db_ci95": _interval(np.array(always), seed),
        "gated_db": round(float(np.mean(gated)), 4),
        "gated_db_ci95": _interval(np.array(gated), seed),
        "gated_over_always_on_db_ci95": _interval(np.array(gated) - np.array(always), seed),
        "active_fraction": round(float(np.mean(active)), 4),
        "best_possible_db": round(float(np.mean([max(0.0, g) for items in found.values() for _, g in items])), 4),
    }


def save(gate: Gate, places: Places, out: Path | None = None, **about: object) -> Path:
    """Write the table beside the denoiser's weights, or into `out`, and enter it in the manifest there."""
    content = {
        "measured_for": hashes(places),
        "level_edges_db": LEVEL_EDGES_DB,
        "spread_edges_db": SPREAD_EDGES_DB,
        "least_peakedness": gate.least,
        **about,
    }
    path = (out or places.folders["cddm"]) / GATE
    path.parent.mkdir(parents=True, exist_ok=True)
    weights.enter(path, (json.dumps(content, indent=1) + "\n").encode())
    return path


def main() -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, required=True, help="folder of clips")
    parser.add_argument("--preset", default="default", help="small, default or large")
    parser.add_argument("--frames", type=int, default=3, help=f"of each clip, {SECONDS_APART} s apart")
    parser.add_argument("--draws", type=int, default=16, help="random channel conditions for each frame")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--out", type=Path, help="folder of the table; default: that of the weights it was measured for"
    )
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: torch's own choice")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        clips = sorted(options.clips.glob("*.mp4"))
        if len(clips) < 2 or options.frames < 1 or options.draws < 1:
            raise InputError(f"'{options.clips}': at least two clips (*.mp4), one frame and one draw are needed")
        places = Places(options.preset)
        found = measure(clips, places, options.frames, options.draws, options.seed)
        told = {"leave_one_out": summary(found, options.seed), "clips": [clip.name for clip in clips]}
        command = (
            f"python -m models.cddm.measure_gate --clips CLIPS --preset {options.preset} --frames {options.frames}"
        )
        table = Gate.fit([item for items in found.values() for item in items])
        path = save(
            table, places, options.out, **told, command=f"{command} --draws {options.draws} --seed {options.seed}"
        )
    except GvcError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(path.read_text(), end="")
    return 0


def _interval(values: np.ndarray, seed: int) -> list[float]:
    return [round(bound, 4) for bound in mean_ci95(values, seed)]


if __name__ == "__main__":
    sys.exit(main())
