"""Results on disk: one Parquet shard a task under its key, whole or absent, and their merged table.

A shard is not forced to the disk before it takes its name: after a power cut it may be torn. It holds the SHA-256 of
its own bytes, so `read` notices this and any other damage, and nothing else moves a shard out of the way.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gvc.errors import InputError, LinkError
from gvc.storage import files
from gvc.sweep.task import Row, Task

MERGED = "results.parquet"
RECORD = "sweep.json"
_CHECKSUM = "gvc.sha256"
_BLANK = "0" * 64
"""What stands in the checksum's place while it is computed."""


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
        if self.find(task):
            return
        path = self._path(task)
        try:
            path.parent.mkdir(exist_ok=True)
            with files.whole(path) as draft:
                draft.write_bytes(_sealed(_table(rows)))
        except OSError as error:
            raise _unwritten(path, error) from error
        self._known.add(task.key)

    def find(self, task: Task) -> bool:
        """Whether a shard is there by now, whoever wrote it."""
        if task not in self and self._path(task).exists():
            self._known.add(task.key)
        return task in self

    def read(self, task: Task) -> list[Row]:
        """The rows of a task. Raises LinkError when its shard cannot be read; one that is damaged is set aside."""
        path = self._path(task)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise LinkError(f"{path} cannot be read: {error.strerror}; call again to go on") from error
        if _intact(content):
            with pq.ParquetFile(pa.BufferReader(content)) as file:
                return file.read(use_threads=False).to_pylist()
        self._known.discard(task.key)
        aside = path.with_suffix(".damaged")
        try:
            files.put(path, aside)
        except OSError as error:
            raise LinkError(f"{path} is damaged, and cannot be renamed: {error.strerror}") from error
        raise LinkError(f"{path} is damaged, and now called {aside.name}; call again to compute it anew")

    def merge(self, tasks: Iterable[Task]) -> Path:
        """Write the table of all rows of `tasks`, in their order: parameters, seed, then the points' columns."""
        rows, damaged = [], []
        for task in tasks:
            own = {**{name: _cell(value) for name, value in task.parameters.items()}, "seed": task.seed}
            try:
                rows += [{**own, **row} for row in self.read(task)]
            except LinkError as error:
                damaged.append(error)
        if damaged:
            raise LinkError(f"{len(damaged)} shards: {damaged[0]}")
        return write_table(rows, self.folder / MERGED)

    def record(self, value: dict[str, Any]) -> None:
        """Write sweep.json, what the table was made of. Raises LinkError: disk full."""
        try:
            files.write_json(self.folder / RECORD, value)
        except OSError as error:
            raise _unwritten(self.folder / RECORD, error) from error

    def _path(self, task: Task) -> Path:
        return self._shards / task.key[:2] / f"{task.key}.parquet"


def write_table(rows: list[Row], path: Path) -> Path:
    """Rows to a Parquet file in one step; a column that a row lacks is null. Raises LinkError: disk full."""
    try:
        with files.whole(path) as draft:
            pq.write_table(_table(rows), draft, compression="zstd")
    except OSError as error:
        raise _unwritten(path, error) from error
    return path


def _unwritten(path: Path, error: OSError) -> LinkError:
    return LinkError(f"{path} cannot be written: {error.strerror or error}; free some space and call again to go on")


def read_table(path: Path) -> list[Row]:
    """The rows of a merged table; raises InputError when it is none."""
    try:
        return pq.read_table(path).to_pylist()
    except Exception as error:
        # On damaged files Arrow raises errors of many kinds.
        raise InputError(f"'{path}' is no table of a sweep: {error}") from error


def _table(rows: list[Row]) -> pa.Table:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({name: _column([row.get(name) for row in rows]) for name in columns})


def _sealed(table: pa.Table) -> bytes:
    """A Parquet file with its own checksum among its metadata."""
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, table.schema, compression="none") as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({_CHECKSUM: _BLANK})
    content = sink.getvalue().to_pybytes()
    return _stamped(content, hashlib.sha256(content).hexdigest())


def _intact(content: bytes) -> bool:
    """Whether a file is as `_sealed` made it. Looked at before Arrow is: that may do anything on damaged bytes."""
    return _CHECKSUM.encode() in content and content == _stamped(
        content, hashlib.sha256(_stamped(content, _BLANK)).hexdigest()
    )


def _stamped(content: bytes, digest: str) -> bytes:
    """The file with `digest` as its checksum."""
    # Between key and value there is the value's own tag, and its length.
    place = content.rindex(_CHECKSUM.encode()) + len(_CHECKSUM) + 2
    return content[:place] + digest.encode() + content[place + len(digest) :]


def _column(values: list[Any]) -> pa.Array:
    """Values as one type: as texts where they have no type in common, such as the ratios 1/48 and 0.02."""
    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError):
        return pa.array([None if value is None else str(value) for value in values])


def _cell(value: Any) -> Any:
    """A parameter as a table can hold it."""
    return json.dumps(value) if isinstance(value, list | dict) else value
