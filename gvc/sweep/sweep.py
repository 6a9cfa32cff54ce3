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
from gvc.machine import machine
from gvc.sweep.config import Stop, SweepConfig
from gvc.sweep.engine import Engine
from gvc.sweep.store import Store
from gvc.sweep.task import Addresses, Failure, Row, Task

Told = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Outcome:
    """What a call did. `failed` are tasks with what went wrong; they are run again by the next call. `ignored` counts
    results in the folder that belong to other code, files or parameters.
    """

    table: Path
    points: int
    computed: int
    found: int
    ignored: int
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
    # Every address is made here: it asks for files, so bad parameters show before hours are spent.
    cells = [Cell(config, addresses, number, parameters) for number, parameters in enumerate(config.cells)]
    failed: list[dict[str, Any]] = []
    computed = found = 0
    upper = config.seeds.most * len(cells)
    batch = [task for cell in cells for task in cell.batch]
    while batch:
        missing = [task for task in batch if task not in store]
        found += len(batch) - len(missing)
        told("points", found + computed + len(failed), upper)
        for task, result in engine.run(missing):
            if isinstance(result, Failure):
                failed.append({"parameters": task.parameters, "seed": task.seed, "error": result.message})
            else:
                store.write(task, result)
                computed += 1
            told("points", found + computed + len(failed), upper)
        for cell in cells:
            cell.settle(store)
        batch = [task for cell in cells for task in cell.batch]
    kept = [task for cell in cells for task in cell.done]
    table = store.merge(kept)
    record = {"config": config.model_dump(), "code": addresses.code, "machine": machine(), "points": len(kept)}
    store.record({**record, "failed": failed})
    ignored = len(store) - len({task.key for task in kept})
    return Outcome(table, len(kept), computed, found, ignored, failed, time.monotonic() - began)


def create_engine(name: str, **options: Any) -> Engine:
    """The engine called `name`: local, dask, slurm, or package.module:Class."""
    return registry.create("engine", name, **options)


class Cell:
    """One combination of parameters. `batch`: tasks to be run now; `done`: those with results, by rising seed."""

    def __init__(self, config: SweepConfig, addresses: Addresses, number: int, parameters: dict[str, Any]):
        self._config, self._addresses, self._number, self._parameters = config, addresses, number, parameters
        self.done: list[Task] = []
        self._judged: list[Row] = []
        self.batch = self._tasks(1, config.seeds.min)

    def settle(self, store: Store) -> None:
        """After a batch: choose the next one, none when the stop rule is content or a task of this one has failed."""
        complete = all(task in store for task in self.batch)
        arrived = [task for task in self.batch if task in store]
        self.done += arrived
        self.batch = []
        stop, last = self._config.stop, len(self.done)
        if stop is None or not arrived or not complete or last >= self._config.seeds.most:
            return
        self._judged += [row for task in arrived for row in judged(stop, store.read(task))]
        if not content(stop, self._judged):
            self.batch = self._tasks(last + 1, min(last + self._config.seeds.batch, self._config.seeds.most))

    def _tasks(self, first: int, last: int) -> list[Task]:
        return [self._addresses.task(self._number, self._parameters, seed) for seed in range(first, last + 1)]


def judged(stop: Stop, rows: list[Row]) -> list[Row]:
    """The columns that the stop rule looks at. Raises LinkError when the rows have no such column."""
    for row in rows:
        if stop.column not in row:
            raise LinkError(f"stop.column '{stop.column}' is none of the point's columns: {', '.join(row)}")
    return [{name: row.get(name) for name in (stop.column, *stop.by)} for row in rows]


def content(stop: Stop, rows: list[Row]) -> bool:
    """Whether the rows of a cell, in the order of seeds, satisfy the stop rule in every group.

    A null is no value; a group without values asks for no more.
    """
    groups: dict[tuple, list[float]] = {}
    for row in rows:
        if row[stop.column] is not None:
            groups.setdefault(tuple(row[name] for name in stop.by), []).append(float(row[stop.column]))
    return all(_enough(stop, np.array(values)) for values in groups.values())


def _enough(stop: Stop, values: np.ndarray) -> bool:
    if stop.errors is not None:
        return bool(values.sum() >= stop.errors)
    return len(values) > 1 and bool(np.ptp(mean_ci95(values, 0)) <= stop.ci95_width)
