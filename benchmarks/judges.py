"""What metrics and judges make of codecs: values by bits a pixel, and the rate that one codec saves over another.

    python -m benchmarks.judges --clips carphone_pristine.mp4 --frames 16

Rows: of each clip, codec and budget the metrics' means and the judges' agreement with the clip as it was sent, with the
judges' CPU time a picture; then, by clip, BD-rates of the second codec over the first. Judges and learned metrics look
at every fourth picture. A judge that is not installed is left out.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks import common
from gvc import registry
from gvc.content.installed import ContentError
from gvc.evaluation.bjontegaard import NotComparable, RateCurve, bd_rate
from gvc.evaluation.judges import look
from gvc.evaluation.judges.agreement import agreement
from gvc.evaluation.metrics import measure
from gvc.evaluation.metrics.description import describe
from gvc.video.clip import open_clip

METRICS = ("psnr_db", "flicker", "lpips", "dists", "efficientnet")
WHOLE = ("psnr_db", "flicker")
EVERY = 4


def judges() -> dict[str, Any]:
    """Those that are installed."""
    found = {}
    for name in registry.names("judge"):
        try:
            found[name] = registry.create("judge", name)
        except ContentError:
            continue
    return found


def values(
    reference: np.ndarray, shown: Sequence[np.ndarray], judge: dict[str, Any], sent: dict[str, list]
) -> dict[str, float | None]:
    """By metric and judge, the mean over what can be measured; by "NAME_seconds" a judge's CPU time a picture."""
    found: dict[str, float | None] = {}
    for name in METRICS:
        step = 1 if name in WHOLE else EVERY
        measured, _ = measure(name, list(reference[::step]), shown[::step])
        found[name] = None if measured is None else float(measured.mean())
    for name, one in judge.items():
        began = time.process_time()
        received = look(one, shown[::EVERY])
        seconds = (time.process_time() - began) / len(received)
        agreed = [share for pair in zip(sent[name], received, strict=True) if (share := agreement(*pair)) is not None]
        found[name] = float(np.mean(agreed)) if agreed else None
        found[f"{name}_seconds"] = seconds
    return found


def saved(rows: list[dict[str, Any]], codecs: Sequence[str], names: Sequence[str]) -> dict[str, float | str]:
    """BD-rate in percent of the second codec over the first by metric and judge, or why there is none."""
    found: dict[str, float | str] = {}
    for name in names:
        task = name in registry.names("judge")
        higher = task or describe(name).higher_is_better
        points = [
            [(r["bpp"], r[name]) for r in rows if r["codec"] == codec and r[name] is not None] for codec in codecs
        ]
        anchor, test = (
            RateCurve(np.array([rate for rate, _ in part]), np.array([value for _, value in part]), higher, task)
            for part in points
        )
        try:
            found[name] = bd_rate(anchor, test).value
        except NotComparable as reason:
            found[name] = str(reason)
    return found


def rows_of(clip: str, given: Any, judge: dict[str, Any], told: Callable[[dict], None]) -> list[dict[str, Any]]:
    """The rows of one clip."""
    pictures = np.stack(list(open_clip(clip, (given.size, given.size), given.frames)))
    sent = {name: look(one, pictures[::EVERY]) for name, one in judge.items()}
    rows: list[dict[str, Any]] = []
    for name in given.codecs:
        codec = registry.create("codec", name)
        for budget in given.budgets:
            data = codec.encode(pictures, budget, 25.0)
            shown = codec.decode(data, *pictures.shape[:3])
            row = {"clip": clip, "codec": name, "bpp": 8 * len(data) / pictures[..., 0].size}
            rows.append(row | values(pictures, shown, judge, sent))
            told(rows[-1])
    rows.append({"clip": clip, "codecs": given.codecs, "bd_rate": saved(rows, given.codecs, [*METRICS, *judge])})
    told(rows[-1])
    return rows


def main() -> None:
    """Measure what the arguments ask for."""
    options = common.parser(__doc__.partition("\n")[0])
    options.add_argument("--clips", nargs="+", default=["carphone_pristine.mp4"])
    options.add_argument("--codecs", nargs=2, default=["x264", "av1"], help="the second is held against the first")
    options.add_argument("--budgets", nargs="+", type=int, default=[500, 1000, 3000, 10000], help="bytes")
    options.add_argument("--frames", type=int, default=16)
    options.add_argument("--size", type=int, default=256, help="pixels a side")
    given = options.parse_args()
    judge, rows = judges(), []
    for clip in given.clips:
        rows += rows_of(clip, given, judge, lambda row: None if given.json else print(row, flush=True))
    common.emit(rows, given.json)


if __name__ == "__main__":
    main()
