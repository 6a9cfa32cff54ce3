"""What a command prints: results on stdout, progress and messages on stderr.

`--json -` promises exactly one JSON object on stdout. Native libraries print there too (GNU Radio, torch), so
`reserve_stdout` moves file descriptor 1 onto stderr and keeps the real stdout for `emit` alone.
"""

import contextlib
import errno
import io
import json
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

from rich.console import Console

from flowgraphs.tables import tables
from gvc.errors import InputError
from gvc.storage.files import plain, write_json

_reserved: IO[str] | None = None
_trouble: OSError | None = None


class _Stdout(io.FileIO):
    """A file descriptor that remembers what went wrong in writing to it."""

    def write(self, data: Any) -> int:
        global _trouble
        try:
            return super().write(data)
        except OSError as error:
            _trouble = error
            raise


def _stdout(descriptor: int, closing: bool = True) -> IO[str]:
    raw = io.BufferedWriter(_Stdout(descriptor, "w", closefd=closing))
    return io.TextIOWrapper(raw, "utf-8", "backslashreplace", line_buffering=os.isatty(descriptor))


def watch_stdout() -> None:
    """From now on `lost` knows what does not get through stdout. UTF-8, and what that has no code for as its number."""
    global _trouble
    _trouble = None
    if sys.stdout is not None:
        sys.stdout.flush()
    # The descriptor is the process's: it outlives the stream, which a further command in this process replaces.
    sys.stdout = _stdout(1, closing=False)


def wants_json(arguments: list[str]) -> bool:
    """Whether the command line asks for JSON on stdout."""
    return "--json=-" in arguments or ("--json", "-") in zip(arguments, arguments[1:], strict=False)


def reserve_stdout() -> None:
    """From now on only `emit` reaches the process's real stdout; everything else printed there goes to stderr."""
    global _reserved
    if _reserved is None:
        sys.stdout.flush()
        _reserved = _stdout(os.dup(1))
        os.dup2(2, 1)


def is_lost() -> bool:
    """Whether something that was printed did not get through stdout."""
    for stream in _streams():
        with contextlib.suppress(OSError):
            stream.flush()
    return _trouble is not None


def lost() -> str | None:
    """Why what was printed did not get through stdout: None when it did, empty when its reader has gone.

    Afterwards what is still to be printed is dropped, so that the process ends without another word of it.
    """
    if not is_lost():
        return None
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in _streams():
        os.dup2(nowhere, stream.fileno())
        stream.flush()
    os.close(nowhere)
    if _trouble is None or isinstance(_trouble, BrokenPipeError):
        return ""
    reason = "it is closed" if _trouble.errno == errno.EBADF else _trouble.strerror or str(_trouble)
    return f"cannot write to stdout: {reason}"


def _streams() -> list[IO[str]]:
    return [sys.stdout] if _reserved is None else [_reserved, sys.stdout]


def console() -> Console:
    """The console for messages and progress (stderr)."""
    return Console(stderr=True)


def say(message: str) -> None:
    """A line for the person at the terminal (stderr), as it stands."""
    console().print(message, markup=False, highlight=False, soft_wrap=True)


Told = Callable[[str, int, int], None]
"""Progress of work in steps: (what, done, of how many; 0 when unknown)."""


@contextlib.contextmanager
def steps() -> Iterator[Told]:
    """Progress on stderr, with the time left of a step whose total is known: a bar on a terminal; elsewhere a line for
    each new step and every ten seconds.
    """
    if not console().is_terminal:
        yield _lines()
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    times = (TimeElapsedColumn(), TextColumn("{task.fields[left]}"))
    with Progress(*columns, *times, console=console(), transient=True) as bar:
        task = bar.add_task("starting", total=None, left="")
        pace = Pace()

        def told(what: str, done: int, total: int) -> None:
            left = pace.left(what, done, total, time.monotonic())
            bar.update(task, description=what, completed=done, total=total or None, left=left)

        yield told


class Pace:
    """Time left of a step, from the pace of its last items.

    What an earlier call had done says nothing about this one, and the first item compiles and loads what the others
    find ready: both are left out, so that there is an estimate from the second item on.
    """

    RECENT = 32

    def __init__(self) -> None:
        self._step = ""
        self._marks: deque[tuple[float, int]] = deque(maxlen=self.RECENT)
        self._first = True

    def left(self, step: str, done: int, total: int, now: float) -> str:
        """`0:01:30 left`, or nothing while it is unknown; `now` in seconds of a steady clock."""
        if step != self._step:
            self._step, self._first = step, True
            self._marks.clear()
            self._marks.append((now, done))
        elif done > self._marks[-1][1]:
            if self._first:
                self._marks.clear()
                self._first = False
            self._marks.append((now, done))
        if len(self._marks) < 2 or not total:
            return ""
        (start, before), (end, after) = self._marks[0], self._marks[-1]
        return f"{_clock((end - start) / (after - before) * max(0, total - done))} left"


def _lines(every_s: float = 10.0) -> Told:
    began = said = time.monotonic()
    step, pace = "", Pace()

    def told(what: str, done: int, total: int) -> None:
        nonlocal said, step
        now = time.monotonic()
        left = pace.left(what, done, total, now)
        if what == step and now - said < every_s:
            return
        said, step = now, what
        count = f" {done}/{total}" if total else f" {done}" if done else ""
        print(f"{now - began:6.1f} s  {what}{count}{', ' if left else ''}{left}", file=sys.stderr, flush=True)

    return told


def _clock(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"


def emit(result: Mapping[str, Any], json_target: str | None = None, shown: Mapping[str, Any] | None = None) -> None:
    """Show `result`: one JSON object on stdout for "-", a JSON file for a path, readable tables for None; those of
    `shown`, where it is given, which holds what a person wants to see of the result.

    What JSON has no words for is converted by `plain`. Raises InputError where the file cannot be written.
    """
    if json_target is None:
        screen = Console(highlight=False)
        for part in tables(plain(result if shown is None else shown), screen.width):
            screen.print(part)
        return
    if json_target == "-":
        text = json.dumps(plain(result), allow_nan=False, ensure_ascii=False)
        stream = _reserved or sys.stdout
        stream.write(text + "\n")
        stream.flush()
        return
    try:
        write_json(json_target, result, indent=None)
    except OSError as error:
        raise InputError(f"cannot write {json_target}: {error.strerror or error}") from error
