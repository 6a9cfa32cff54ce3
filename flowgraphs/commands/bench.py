"""`gvc bench`: where the time goes."""

import json as json_format
import subprocess
import sys
from typing import Annotated

import typer

from flowgraphs import output
from gvc.errors import GvcError, InputError
from gvc.paths import ROOT
from gvc.registry import nearest


def bench(
    name: Annotated[str, typer.Argument(help="link, front_end_gr, ...: a module in benchmarks/.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="Its own options, after --.")] = None,
    json: Annotated[str | None, typer.Option("--json", metavar="PATH", help="Write JSON; - for stdout.")] = None,
) -> None:
    """Run a benchmark in a process of its own and show its rows."""
    folder = ROOT / "benchmarks"
    known = sorted(path.stem for path in folder.glob("*.py") if path.stem not in ("__init__", "common"))
    if name not in known:
        raise InputError(f"unknown benchmark '{name}'{nearest(name, known)} (known: {', '.join(known) or 'none'})")
    command = [sys.executable, "-m", f"benchmarks.{name}", *(arguments or []), "--json", "-"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode == InputError.exit_code:
        raise InputError(f"benchmark '{name}' refused its arguments, see above")
    if done.returncode != 0:
        raise GvcError(f"benchmark '{name}' ended with code {done.returncode}")
    output.emit({"joules_per_frame": None, **json_format.loads(done.stdout)}, json)
