"""`gvc bench`: where the time goes."""

import json as json_format
import re
import subprocess
from typing import Annotated

import typer

from flowgraphs import output
from gvc import child
from gvc.errors import GvcError, InputError
from gvc.paths import ROOT
from gvc.registry import nearest

FOLDER = ROOT / "benchmarks"
# What others share has no arguments of its own.
_IS_ONE = re.compile(r"= (common\.)?parser\(")
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if _IS_ONE.search(path.read_text("utf-8")))


def bench(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(NAMES)}.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="Its own options, after --.")] = None,
    json: Annotated[str | None, typer.Option("--json", metavar="PATH", help="Write JSON; - for stdout.")] = None,
) -> None:
    """Run a benchmark in a process of its own, in this folder, and show its rows."""
    if name not in NAMES:
        raise InputError(f"unknown benchmark '{name}'{nearest(name, NAMES)} (known: {', '.join(NAMES) or 'none'})")
    command = child.command(f"benchmarks.{name}", *(arguments or []), "--json", "-")
    environment = child.environment()
    if "--help" in command:
        subprocess.run(command, env=environment, check=False)
        return
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode == InputError.exit_code:
        raise InputError(f"benchmark '{name}' refused its arguments, see above")
    if done.returncode != 0:
        raise GvcError(f"benchmark '{name}' ended with code {done.returncode}")
    output.emit({"joules_per_frame": None, **json_format.loads(done.stdout)}, json)
