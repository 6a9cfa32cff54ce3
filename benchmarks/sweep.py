"""What a sweep costs beside its points, and what a second worker gains.

`overhead`: points that do nothing, on every engine that is asked for: wall time over the number of points, with the
start of the workers, addresses, shards and the merged table; of it, CPU time of the process that leads; then the same
sweep again, all found.
`speed-up`: points that keep a core busy for 50 ms of CPU time, on one worker and on two, start excluded. Needs two
idle cores; the row says how busy the cores of this process were kept.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.common import emit, parser
from gvc.sweep.config import Seeds, SweepConfig
from gvc.sweep.engine import Engine
from gvc.sweep.sweep import create_engine, sweep
from gvc.sweep.task import Addresses

BUSY_S = 0.05


def nothing(parameters: dict[str, Any], seed: int) -> dict[str, Any]:
    """A row like that of a link, for no work."""
    return {"arm": "none", "psnr_db": 30.0 + seed, "lpips": 0.1, "bytes": 1000 + seed, "run_seconds": 0.0}


def busy(parameters: dict[str, Any], seed: int) -> dict[str, Any]:
    """50 ms of CPU time."""
    end = time.process_time() + BUSY_S
    while time.process_time() < end:
        pass
    return {"done": True}


for point in (nothing, busy):
    vars(point).update(sources=("benchmarks.sweep",))


def overhead(points: int, name: str, workers: int) -> Iterator[dict[str, Any]]:
    """Two rows for an engine: everything computed, everything found."""
    cells = max(1, points // 100)
    config = SweepConfig(
        name="overhead", point="benchmarks.sweep:nothing", grid={"cell": list(range(cells))},
        seeds=Seeds(min=min(points, 100)),
    )  # fmt: skip
    folder = Path(tempfile.mkdtemp(prefix="sweep-"))
    options = {"job": ("cluster=local",)} if name == "slurm" else {}
    try:
        for what in ("computed", "found"):
            began, cpu = time.perf_counter(), time.process_time()
            engine = create_engine(name, workers=workers, folder=folder, **options)
            outcome = sweep(config, folder, engine)
            engine.close()
            wall = time.perf_counter() - began
            yield {
                "stage": f"overhead, {name}, {what}",
                "points": outcome.points,
                "wall_ms_per_point": 1e3 * wall / outcome.points,
                "leader_cpu_ms_per_point": 1e3 * (time.process_time() - cpu) / outcome.points,
            }
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def speed_up(points: int) -> dict[str, Any]:
    """Wall seconds of busy points with one and two workers."""
    walls = []
    for workers in (1, 2):
        engine = create_engine("local", workers=workers)
        timed(engine, 2 * workers)
        walls.append(timed(engine, points))
        engine.close()
    return {
        "stage": "speed-up of two workers",
        "points": points,
        "wall_s_1": walls[0],
        "wall_s_2": walls[1],
        "speed_up": walls[0] / walls[1],
        # One worker alone on an idle core would take exactly 50 ms a point.
        "core_share_1": points * BUSY_S / walls[0],
        "core_share_2": points * BUSY_S / walls[1] / 2,
    }


def timed(engine: Engine, points: int) -> float:
    """Wall seconds of an engine for busy points."""
    addresses = Addresses("benchmarks.sweep:busy")
    tasks = [addresses.task(0, {}, seed) for seed in range(points)]
    began = time.perf_counter()
    for _ in engine.run(tasks):
        pass
    return time.perf_counter() - began


def main() -> None:
    """Run from the command line."""
    options = parser(__doc__)
    options.add_argument("--points", type=int, default=10_000, help="points that do nothing")
    options.add_argument("--busy", type=int, default=200, help="points of 50 ms")
    options.add_argument("--engines", default="local,dask,slurm", help="engines of which the overhead is measured")
    options.add_argument("--workers", type=int, default=2)
    arguments = options.parse_args()
    rows = [row for name in arguments.engines.split(",") for row in overhead(arguments.points, name, arguments.workers)]
    rows.append(speed_up(arguments.busy))
    emit(rows, arguments.json, load_average=os.getloadavg()[0])


if __name__ == "__main__":
    main()
