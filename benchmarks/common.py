"""What every benchmark prints: the machine, the command and its rows."""

import argparse
import shlex
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from flowgraphs.output import emit as emit_result
from flowgraphs.output import reserve_stdout, wants_json
from gvc.machine import machine

__all__ = ["cpu_seconds", "emit", "machine", "parser"]


def parser(description: str) -> argparse.ArgumentParser:
    """An argument parser with `--json`; add the benchmark's own options to it.

    With `--json -` the real stdout is kept for `emit` from here on.
    """
    if wants_json(sys.argv[1:]):
        reserve_stdout()
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--json", metavar="PATH", help="write one JSON object to PATH ('-': stdout)")
    return options


def emit(rows: list[dict[str, Any]], json_target: str | None = None, **fields: Any) -> None:
    """Print {machine, command, rows, ...fields}: a JSON object to `json_target`, else one line a row."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    started = ["python", "-m", spec.name] if spec else ["python", sys.argv[0]]
    command = shlex.join(started + sys.argv[1:])
    if json_target is not None:
        emit_result({"machine": machine(), "command": command, "rows": rows, **fields}, json_target)
        return
    described = machine()
    print(f"# {command}")
    print(f"# {described['cpu']}, {described['cores']} cores, Python {described['python']}")
    for row in [*rows, fields] if fields else rows:
        print("  ".join(f"{key}={_word(value)}" for key, value in row.items()))


def cpu_seconds(work: Callable[[], Any], repeats: int = 5) -> dict[str, float]:
    """Median process CPU time and wall time [s] of `work()` over `repeats` calls, after one call to warm up."""
    work()
    cpu, wall = [], []
    for _ in range(repeats):
        cpu_start, wall_start = time.process_time(), time.perf_counter()
        work()
        cpu.append(time.process_time() - cpu_start)
        wall.append(time.perf_counter() - wall_start)
    return {"cpu_seconds": statistics.median(cpu), "wall_seconds": statistics.median(wall)}


def _word(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)
