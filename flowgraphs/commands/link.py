"""`gvc link`: the whole chain over a simulated channel."""

from pathlib import Path
from typing import Annotated

import typer

from flowgraphs import output
from flowgraphs.commands.options import AllowCode, names
from gvc.evaluation.metrics import DEFAULT_METRICS
from gvc.evaluation.service.session import KEEP


def link(
    clip: Annotated[str, typer.Option(help="Path of a video, or the bare name of a demo clip.")],
    radio: Annotated[str, typer.Option(help="Radio file or bare name.")] = "sim-tdl-c-900ns",
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting.")] = None,
    arms: Annotated[str, typer.Option(help="Receivers to compare, on the same symbols.")] = "jscc,jscc+cddm",
    metrics: Annotated[str, typer.Option(help="Comma-separated.")] = ",".join(DEFAULT_METRICS),
    pace: Annotated[str, typer.Option(help="none: as fast as it goes; source: at the clip's rate; both.")] = "both",
    frames: Annotated[int, typer.Option(help="How many frames; 0: the whole clip.")] = 0,
    keep: Annotated[int, typer.Option(help="First frames whose pictures and symbols stay in the run folder.")] = KEEP,
    seed: Annotated[int, typer.Option(help="Root seed of the channel.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Run folder; default runs/TIME.")] = None,
    report: Annotated[bool, typer.Option("--report", help="Also write a report into the run folder.")] = False,
    allow_code: AllowCode = False,
    json: Annotated[str | None, typer.Option("--json", metavar="PATH", help="Write JSON; - for stdout.")] = None,
) -> None:
    """Send a clip over a simulated channel, decode it by each arm, and measure."""
    from flowgraphs.commands.report import with_report
    from flowgraphs.experiment.run import Plan, run_link
    from flowgraphs.headline import headline

    with output.steps() as told:
        plan = Plan(clip, radio, set_ or [], names(arms), names(metrics), pace, frames, seed, out, keep, told)
        result = run_link(plan)
        shown = headline(result)
        for part in ("config", "versions", "machine", "weights", "command"):
            result.pop(part)
        if report:
            result = with_report(result, told, json, shown)
    output.emit(result, json, shown)
    if report and json is None:
        print(f"report: {result['report']}")
