"""A run folder in the making: written whole or not at all."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gvc.errors import InputError, LinkError
from gvc.storage import files
from gvc.storage.run import RUN_FILE


class ArrayLog:
    """An array that grows on disk instead of in memory. Raises LinkError when the disk is full."""

    def __init__(self, path: Path, dtype: Any):
        self.path = path
        self.dtype = np.dtype(dtype)
        self._file = open(path, "wb")

    def append(self, values: np.ndarray) -> None:
        """Add `values` at the end."""
        try:
            self._file.write(np.ascontiguousarray(values, self.dtype).data)
        except OSError as error:
            raise _full(self.path, error) from error

    def read(self) -> np.ndarray:
        """Everything so far, one-dimensional; a view of the file."""
        try:
            self._file.flush()
        except OSError as error:
            raise _full(self.path, error) from error
        if not self.path.stat().st_size:
            return np.zeros(0, self.dtype)
        return np.memmap(self.path, self.dtype, "r")

    def remove(self) -> None:
        """Close and delete the file."""
        try:
            self._file.close()
        finally:
            self.path.unlink(missing_ok=True)


def _on_stderr(sentence: str) -> None:
    print(sentence, file=sys.stderr)


class RunFolder:
    """A run folder in the making, beside its final place; only `commit` or `keep` put it there.

    Use as a context manager: what is not committed is removed, and what a killed process left of earlier drafts too.
    Its name is new each time and locked while its process lives, so that a process with the same number, in a container
    started anew, cannot mistake it. `tell` is given a sentence when a run is replaced.

    Raises InputError when `out` exists and is no run folder, or cannot be made.
    """

    def __init__(self, out: str | Path, tell: Callable[[str], None] = _on_stderr):
        self.out = Path(out)
        self._tell = tell
        files.clear_drafts(self.out)
        if self.out.exists() and not ((self.out / RUN_FILE).is_file() or _is_empty(self.out)):
            raise InputError(f"--out {out} exists and is no run folder; give another name")
        self.path = files.draft_of(self.out)
        try:
            self.out.parent.mkdir(parents=True, exist_ok=True)
            self.path.mkdir()
        except OSError as error:
            raise InputError(f"--out {out} cannot be made: {error.strerror}") from error
        self._lock = files.locked(self.path)

    def __enter__(self) -> "RunFolder":
        return self

    def __exit__(self, *exception: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def log(self, name: str, dtype: Any) -> ArrayLog:
        """A growing array in this folder."""
        return ArrayLog(self.path / f"{name}.log", dtype)

    def save(self, name: str, **arrays: np.ndarray) -> None:
        """Write `name`, an npz of `arrays`."""
        try:
            np.savez(self.path / name, **arrays)
        except OSError as error:
            raise _full(self.path / name, error) from error

    def commit(self, result: dict[str, Any] | None = None) -> Path:
        """Write `result` as run.json, if given, and take the final place; an older run there is replaced, and told of.

        Raises LinkError when that fails, for example on a full disk.
        """
        if (self.out / RUN_FILE).is_file():
            self._tell(f"the run that was in {self.out} is replaced")
        return self._move(self.out, result)

    def keep(self, result: dict[str, Any]) -> Path:
        """Keep what there is of a run that is not complete, with `result` and `complete: false` as run.json; the path:
        the final place when nothing is there, else NAME-incomplete beside it. Raises as `commit`.
        """
        out = self.out
        if out.exists() and not _is_empty(out):
            out = out.with_name(f"{out.name}-incomplete")
        return self._move(out, {**result, "complete": False})

    def _move(self, out: Path, result: dict[str, Any] | None) -> Path:
        try:
            if result is not None:
                files.write_json(self.path / RUN_FILE, result)
            files.put(self.path, out)
        except OSError as error:
            raise _full(out, error) from error
        return out


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


def _full(path: Path, error: OSError) -> LinkError:
    return LinkError(f"{path} cannot be written: {error.strerror or error}")
