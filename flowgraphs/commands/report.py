"""`gvc report`: the report of a run, written anew."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from flowgraphs import output
from gvc.errors import GvcError


def report(
    run: Annotated[Path, typer.Argument(help="Run folder, as link, demo or rx writes it.")],
    json: Annotated[str | None, typer.Option("--json", metavar="PATH", help="Write JSON; - for stdout.")] = None,
) -> None:
    """Write the report of a run (HTML, pictures, side-by-side video) into its folder; an older one is replaced.

    What the run does not hold is left out, and named; a figure that fails costs that figure.
    """
    with output.steps() as told:
        told("writing the report", 0, 0)
        result = written(run)
    left_out = [{"left out": part, "why": why} for part, why in result["left_out"].items()]
    output.emit({"run": str(run), **result}, json, {"report without": left_out} if left_out else {})
    if json is None:
        print(f"report: {result['report']}")


def with_report(
    result: dict[str, Any], told: Callable[[str, int, int], None], json: str | None, shown: dict[str, Any]
) -> dict[str, Any]:
    """`result` of a run and what `written` says of its report. Where none can be written the run is whole and kept all
    the same: it is emitted without one, and the LinkError goes on.
    """
    told("writing the report", 0, 0)
    try:
        return result | written(Path(result["out"]))
    except GvcError:
        output.emit({**result, "report": None}, json, shown)
        raise


def written(run: Path) -> dict[str, Any]:
    """Write the report of `run`: its path, what it leaves out and why; what failed is also told on stderr.

    Raises InputError for a folder that holds no run, LinkError when nothing can be written.
    """
    from gvc.report.page import write_report

    made = write_report(run)
    for name in made.failed:
        output.say(f"the report is without its {name}: {made.left_out[name]}")
    return {"report": str(made.index), "left_out": made.left_out, "failed": made.failed}
