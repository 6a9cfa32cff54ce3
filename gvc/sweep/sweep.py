"""Runs a sweep to its end, from wherever an earlier call has left it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gvc import registry
from gvc.bootstrap import mean_ci95
from gvc.errors import LinkError
from gvc.evaluation.results import write_json
from gvc.machine import machine
from gvc.sweep.config import Stop, SweepConfig
from gvc.sweep.engine import Engine
from gvc.sweep.store import Store
from gvc.sweep.task import Addresses, Row, Task

Told = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Outcome:
    """What a call did. `failed` are tasks with what went wrong; they are run again by the next call."""

    table: Path
    points: int
    computed: int
    found: int
    failed: list[dict[str, Any]]
    seconds: float


def sweep(config: SweepConfig, out: str | Path, engine: Engine, told: Told = lambda *_: None) -> Outcome:
    """Compute what is missing of `config` in the folder `out`, and merge its table.

    Seeds of a cell are run in batches until its stop rule is content with the seeds so far, in their order, so the
    outcome does not depend on engine, timing or interruptions.

    Raises InputError and its kin before anything is run, LinkError when a result cannot be written.
    """
    addresses = Addresses(config.point)
    store = Store(out)
    began = time.monotonic()
    open_cells = list(enumerate(config.cells))
    # Addressing asks for files; a point's bad parameters show before hours are spent.
    batch = [addresses.task(cell, parameters, seed) for cell, parameters in open_cells for seed in _first(config)]
    kept: list[Task] = []
    failed: list[dict[str, Any]] = []
    computed = found = 0
    upper = config.seeds.most * len(open_cells)
    while batch:
        missing = [task for task in batch if task not in store]
        found += len(batch) - len(missing)
        done = 0
        for task, result in engine.run(missing):
            done += 1
            if isinstance(result, Exception):
                failed.append({"parameters": task.parameters, "seed": task.seed, "error": _words(result)})
            else:
                store.write(task, result)
                computed += 1
            told(_progress(began, computed, len(missing) - done), len(kept) + len(batch) - len(missing) + done, upper)
        kept += [task for task in batch if task in store]
        batch = _next(config, addresses, store, kept, failed)
    kept.sort(key=lambda task: (task.cell, task.seed))
    table = store.merge(kept)
    outcome = Outcome(table, len(kept), computed, found, failed, time.monotonic() - began)
    record = {"config": config.model_dump(), "code": addresses.code, "machine": machine(), "points": len(kept)}
    write_json(store.folder / "sweep.json", {**record, "failed": failed})
    return outcome


def create_engine(name: str, **options: Any) -> Engine:
    """The engine called `name`: local, dask, slurm, or package.module:Class."""
    return registry.create("engine", name, **options)


def _first(config: SweepConfig) -> range:
    return range(1, config.seeds.min + 1)


def _next(
    config: SweepConfig, addresses: Addresses, store: Store, kept: list[Task], failed: list[dict[str, Any]]
) -> list[Task]:
    """The next batch of every cell that needs more seeds."""
    if config.stop is None:
        return []
    by_cell: dict[int, list[Task]] = {}
    for task in kept:
        by_cell.setdefault(task.cell, []).append(task)
    more = []
    for cell, tasks in by_cell.items():
        last = max(task.seed for task in tasks)
        complete = len(tasks) == last
        if last >= config.seeds.most or not complete:
            continue
        ordered = sorted(tasks, key=lambda task: task.seed)
        if content(config.stop, [row for task in ordered for row in store.read(task)]):
            continue
        seeds = range(last + 1, min(last + config.seeds.batch, config.seeds.most) + 1)
        more += [addresses.task(cell, ordered[0].parameters, seed) for seed in seeds]
    return more


def content(stop: Stop, rows: list[Row]) -> bool:
    """Whether the rows of a cell, in the order of seeds, satisfy the stop rule in every group.

    Raises LinkError when the rows have no such column.
    """
    groups: dict[tuple, list[float]] = {}
    for row in rows:
        if stop.column not in row:
            raise LinkError(f"stop.column '{stop.column}' is none of the point's columns: {', '.join(row)}")
        if row[stop.column] is not None:
            groups.setdefault(tuple(row.get(name) for name in stop.by), []).append(float(row[stop.column]))
    for values in groups.values():
        if stop.errors is not None:
            if sum(values) < stop.errors:
                return False
        elif len(values) < 2 or np.ptp(mean_ci95(np.array(values), 0)) > stop.ci95_width:
            return False
    return True


def _progress(began: float, computed: int, left: int) -> str:
    if not computed:
        return "points"
    remaining = (time.monotonic() - began) / computed * left
    hours, rest = divmod(round(remaining), 3600)
    return f"points, {hours}:{rest // 60:02}:{rest % 60:02} left"


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
