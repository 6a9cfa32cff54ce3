"""Codecs at given byte budgets: bytes used, PSNR, coded scale, seconds to encode (all trials) and to decode.

    python -m benchmarks.codecs --clips bigbuckbunny.mp4 --budgets 3276 6553 20000

Trials are forgotten before each encode, so that its time is that of a first one.
"""

import time

import numpy as np

from benchmarks import common
from gvc import registry
from gvc.coding.codecs.video.stream import Stream
from gvc.coding.codecs.video.trials import TRIALS
from gvc.content.clips import installed_clips
from gvc.errors import BudgetError
from gvc.evaluation.metrics.psnr import psnr_db
from gvc.video.clip import open_clip


def measure(name: str, preset: str, pictures: np.ndarray, budget: int) -> dict[str, object]:
    """The figures of one segment: PSNR over all pictures in RGB [dB], wall seconds."""
    codec = registry.create("codec", name, preset=preset)
    TRIALS.clear()
    began = time.perf_counter()
    try:
        data = codec.encode(pictures, budget, 25.0)
    except BudgetError as error:
        return {"bytes": None, "refused": str(error)}
    encoded = time.perf_counter()
    shown = codec.decode(data, *pictures.shape[:3])
    decoded = time.perf_counter()
    return {
        "bytes": len(data),
        "psnr_db": float(np.mean(psnr_db(list(pictures), shown))),
        "scale": Stream.parse(data).scale,
        "encode_seconds": encoded - began,
        "decode_seconds": decoded - encoded,
    }


def main() -> None:
    options = common.parser(__doc__.partition("\n")[0])
    options.add_argument("--clips", nargs="+", help="default: all that are installed")
    options.add_argument("--codecs", nargs="+", default=registry.names("codec"), help="default: all")
    options.add_argument("--presets", nargs="+", default=["random-access", "low-delay"])
    options.add_argument("--budgets", nargs="+", type=int, default=[1000, 3276, 6553, 13107, 26214], help="bytes")
    options.add_argument("--frames", type=int, default=16)
    options.add_argument("--size", type=int, default=256, help="pixels a side")
    given = options.parse_args()
    rows = []
    for clip in given.clips or installed_clips():
        pictures = np.stack(list(open_clip(clip, (given.size, given.size), given.frames)))
        for name in given.codecs:
            # The decoder process is up before anything is timed.
            codec = registry.create("codec", name)
            codec.decode(codec.encode(pictures[:1], 10**6, 25.0), 1, *pictures.shape[1:3])
            for preset in given.presets:
                for budget in given.budgets:
                    row = {"clip": clip, "codec": name, "preset": preset, "budget": budget}
                    rows.append(row | measure(name, preset, pictures, budget))
                    if given.json is None:
                        print(rows[-1], flush=True)
    common.emit(rows, given.json)


if __name__ == "__main__":
    main()
