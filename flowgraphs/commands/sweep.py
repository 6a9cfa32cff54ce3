"""`gvc sweep`: many points, resumable, on one machine or many."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from flowgraphs import output
from flowgraphs.commands.options import AllowCode
from gvc.errors import LinkError


def sweep(
    config: Annotated[Path, typer.Argument(help="YAML file, see docs/sweeps.md.")],
    out: Annotated[Path, typer.Option(help="Folder of the results; an interrupted sweep goes on there.")],
    engine: Annotated[str, typer.Option(help="local, dask or slurm.")] = "local",
    workers: Annotated[int, typer.Option(min=0, help="Processes or jobs; 0: one a core, 16 jobs.")] = 0,
    scheduler: Annotated[str, typer.Option(help="Address of a dask scheduler; empty starts one here.")] = "",
    job: Annotated[list[str] | None, typer.Option(help="slurm: KEY=VALUE of a job, e.g. slurm_partition=cpu.")] = None,
    allow_code: AllowCode = False,
    json: Annotated[str | None, typer.Option("--json", metavar="PATH", help="Write JSON; - for stdout.")] = None,
) -> None:
    """Compute every point of a sweep that is not there yet, and merge them into results.parquet."""
    from gvc.sweep.config import load
    from gvc.sweep.sweep import create_engine
    from gvc.sweep.sweep import sweep as run

    loaded = load(config)
    runner = create_engine(engine, workers=workers, scheduler=scheduler, folder=out, job=job or ())
    try:
        with output.steps() as told:
            done = run(loaded, out, runner, told)
    finally:
        runner.close()
    if done.ignored:
        print(f"{done.ignored} results in {out} are of other code, files or parameters: ignored", file=sys.stderr)
    counts = {"points": done.points, "computed": done.computed, "found": done.found, "ignored": done.ignored}
    result = {"table": str(done.table), **counts, "seconds": done.seconds, "workers": runner.workers}
    output.emit({**result, "failed": done.failed}, json)
    if done.failed:
        first = done.failed[0]
        raise LinkError(
            f"{len(done.failed)} points failed, the first with {first['error']} ({first['parameters']}, seed "
            f"{first['seed']}); the others are kept, and the next call tries these again"
        )
