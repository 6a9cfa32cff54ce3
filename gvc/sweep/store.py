"""Results on disk: one Parquet shard a task under its key, whole or absent, and their merged table."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gvc.errors import InputError, LinkError
from gvc.sweep.task import Row, Task

MERGED = "results.parquet"


class Store:
    """The folder of a sweep. Shards of other code or parameters may lie beside; their keys differ.

    Raises InputError when the folder cannot be made.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self._shards = self.folder / "shards"
        try:
            self._shards.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"--out {folder} cannot be made: {error.strerror}") from error
        self._known = {path.stem for path in self._shards.glob("*/*.parquet")}

    def __contains__(self, task: Task) -> bool:
        return task.key in self._known

    def __len__(self) -> int:
        return len(self._known)

    def write(self, task: Task, rows: list[Row]) -> None:
        """Keep the rows of a task; a second result of the same task changes nothing. Raises LinkError: disk full."""
        if task in self:
            return
        path = self._path(task)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(exist_ok=True)
            pq.write_table(pa.Table.from_pylist(rows), draft, compression="none")
            draft.replace(path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            what = error.strerror or error
            raise LinkError(f"{path} cannot be written: {what}; free some space and call again to go on") from error
        self._known.add(task.key)

    def read(self, task: Task) -> list[Row]:
        """The rows of a task; a damaged shard is removed and raises LinkError."""
        path = self._path(task)
        try:
            return pq.read_table(path).to_pylist()
        except (OSError, pa.ArrowException) as error:
            path.unlink(missing_ok=True)
            self._known.discard(task.key)
            raise LinkError(f"{path} is damaged and was removed; call again to compute it anew") from error

    def merge(self, tasks: Iterable[Task]) -> Path:
        """Write the table of all rows of `tasks`, in their order: parameters, seed, then the points' columns."""
        rows = [
            {**{name: _cell(value) for name, value in task.parameters.items()}, "seed": task.seed, **row}
            for task in tasks
            for row in self.read(task)
        ]
        return write_table(rows, self.folder / MERGED)

    def _path(self, task: Task) -> Path:
        return self._shards / task.key[:2] / f"{task.key}.parquet"


def write_table(rows: list[Row], path: Path) -> Path:
    """Rows to a Parquet file in one step; a column that a row lacks is null. Raises LinkError: disk full."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table = pa.table({name: [row.get(name) for row in rows] for name in columns})
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        pq.write_table(table, draft, compression="zstd")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise LinkError(f"{path} cannot be written: {error.strerror or error}") from error
    return path


def read_table(path: Path) -> list[Row]:
    """The rows of a merged table; raises InputError when it is none."""
    try:
        return pq.read_table(path).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"'{path}' is no table of a sweep: {error}") from error


def _cell(value: Any) -> Any:
    """A parameter as a table can hold it."""
    return json.dumps(value) if isinstance(value, list | dict) else value
