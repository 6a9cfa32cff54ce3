"""Speed of the evaluation socket and of every metric, and the published values of LPIPS and DISTS.

    python -m benchmarks.evaluation [--size 256x256] [--frames 8] [--json -]
    python -m benchmarks.evaluation --published FOLDER

FOLDER holds the example pictures of the LPIPS repository (imgs/ex_ref.png, ex_p0.png, ex_p1.png) and of the DISTS
repository (images/r0.png, r1.png) as ex_ref.png, ex_p0.png, ex_p1.png, dists_r0.png, dists_r1.png.
"""

import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import cpu_seconds, emit, parser
from gvc import registry, seeds
from gvc.evaluation.metrics import measure
from gvc.evaluation.service.process import EvaluatorProcess
from gvc.evaluation.service.sender import Sender
from gvc.evaluation.service.wire import FrameMessage, Kind, decode, encode
from gvc.video import picture

# (metric, reference, distorted, value that the authors print)
PUBLISHED = (
    ("lpips", "ex_ref.png", "ex_p0.png", 0.722),
    ("lpips", "ex_ref.png", "ex_p1.png", 0.138),
    ("dists", "dists_r0.png", "dists_r1.png", 0.3347),
)


def published(folder: Path) -> list[dict[str, Any]]:
    """One row a published value: what it is and what comes out here."""
    rows = []
    for metric, reference, distorted, value in PUBLISHED:
        values, reason = measure(metric, [picture.read(folder / reference)], [picture.read(folder / distorted)])
        measured = None if values is None else float(values[0])
        rows.append(
            {"metric": metric, "distorted": distorted, "published": value, "measured": measured, "reason": reason}
        )
    return rows


def metrics(clip: np.ndarray, worse: np.ndarray) -> list[dict[str, Any]]:
    """One row a metric: mean value and time a frame; VMAF runs in a process of its own, so its wall time counts."""
    rows: list[dict[str, Any]] = []
    pair = list(clip), list(worse)
    for name in registry.names("metric"):
        values, reason = measure(name, *pair)
        if values is None:
            rows.append({"metric": name, "reason": reason})
            continue
        spent = cpu_seconds(partial(measure, name, *pair), repeats=3)
        per_frame = {f"{key}_per_frame": seconds / len(clip) for key, seconds in spent.items()}
        rows.append({"metric": name, "mean": float(values.mean()), **per_frame})
    return rows


def framing(picture: np.ndarray) -> dict[str, Any]:
    """CPU time of encoding and decoding one message."""
    message = FrameMessage(1, 0, Kind.REFERENCE, pixels=picture)
    data = encode(message)
    return {
        "encode_seconds": cpu_seconds(lambda: encode(message), repeats=9)["cpu_seconds"],
        "decode_seconds": cpu_seconds(lambda: decode(data), repeats=9)["cpu_seconds"],
        "bytes": len(data),
    }


def transport(clip: np.ndarray, worse: np.ndarray, repeats: int = 25) -> dict[str, Any]:
    """Frames a second that the sender hands over to a running evaluator, and what was lost on the way."""
    with tempfile.TemporaryDirectory() as folder, EvaluatorProcess(Path(folder), ["psnr_db"]) as evaluator:
        with Sender(evaluator.endpoint, evaluator.token) as sender:
            started = time.perf_counter()
            for index in range(repeats * len(clip)):
                sender.send_reference(index, clip[index % len(clip)])
                sender.send_decoded(index, "jscc", worse[index % len(clip)])
            sent = sender.finish()
            seconds = time.perf_counter() - started
        result = evaluator.wait()
    pairs_per_second = repeats * len(clip) / seconds
    return {"pairs_per_second": pairs_per_second, "messages": sent, "messages_lost": result["messages_lost"]}


def _clip(width: int, height: int, frames: int) -> tuple[np.ndarray, np.ndarray]:
    rng = seeds.stream(1, "benchmarks.evaluation")
    y, x = np.mgrid[:height, :width]
    waves = [128 + 60 * np.sin(x / 9 + 2 * i + y / 17) + 40 * np.sin(y / 5 - x / 31 + i) for i in range(frames)]
    clip = np.stack([np.stack([w, np.roll(w, 3, 0), np.roll(w, 5, 1)], -1) for w in waves])
    worse = clip + rng.normal(0, 10, clip.shape)
    return np.clip(np.rint(clip), 0, 255).astype(np.uint8), np.clip(np.rint(worse), 0, 255).astype(np.uint8)


def main() -> None:
    """Run what the arguments ask for."""
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--size", default="256x256", help="WIDTHxHEIGHT of the pictures")
    options.add_argument("--frames", type=int, default=8)
    options.add_argument("--published", type=Path, metavar="FOLDER", help="check the published values instead")
    arguments = options.parse_args()
    if arguments.published:
        emit(published(arguments.published), arguments.json)
        return
    width, height = map(int, arguments.size.split("x"))
    clip, worse = _clip(width, height, arguments.frames)
    rows = metrics(clip, worse)
    rows += [{"metric": "(framing)", **framing(clip[0])}, {"metric": "(transport)", **transport(clip, worse)}]
    emit(rows, arguments.json, size=arguments.size, frames=arguments.frames)


if __name__ == "__main__":
    main()
