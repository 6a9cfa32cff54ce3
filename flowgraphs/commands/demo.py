"""`gvc demo`: the link on the demo clip, and a report to look at."""

import json as json_text
from pathlib import Path
from typing import Annotated, Any

import typer

from flowgraphs import output
from flowgraphs.commands.options import AllowCode
from flowgraphs.experiment import DEFAULT_METRICS

CLIP = "bikes.mp4"
# DISTS takes seconds of computation a frame at this size: more than all the rest of the demo together.
METRICS = tuple(name for name in DEFAULT_METRICS if name != "dists")
HEADLINE = ("clip", "size", "frames_sent", "frames_lost", "snr_set_db", "realtime_factor", "latency_ms", "not_measured")


def demo(
    radio: Annotated[str, typer.Option(help="Radio file or bare name.")] = "sim-tdl-c-900ns",
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting.")] = None,
    frames: Annotated[int, typer.Option(help="How many frames; 0: the whole clip.")] = 0,
    metrics: Annotated[str, typer.Option(help="Comma-separated.")] = ",".join(METRICS),
    seed: Annotated[int, typer.Option(help="Root seed of the channel.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Run folder; default runs/TIME.")] = None,
    allow_code: AllowCode = False,
    json: Annotated[str | None, typer.Option("--json", metavar="PATH", help="Write JSON; - for stdout.")] = None,
) -> None:
    """Send bikes.mp4 over a fading channel, show it with and without the denoiser, and write a report.

    The report (HTML, pictures, a side-by-side video) lies in the run folder; its path is printed last.
    """
    from flowgraphs.experiment import Plan, configure, run_link
    from gvc.evaluation.report import write_report

    with output.steps() as told:
        plan = Plan(CLIP, radio, set_ or [], metrics=metrics.split(","), frames=frames, seed=seed, out=out, told=told)
        result = run_link(plan)
        # After `configure` has set the number of threads: it loads torch.
        from flowgraphs.snr_sweep import sweep

        rows = sweep(
            configure(radio, set_ or []),
            CLIP,
            list(result["arms"]),
            seed=seed,
            progress=lambda done, total: told("PSNR over SNR", done, total),
        )
        folder = Path(result["out"])
        (folder / "sweep.json").write_text(json_text.dumps(output.plain(rows)) + "\n", encoding="utf-8")
        told("writing the report", 0, 0)
        report = write_report(folder)
    if json is None:
        output.emit(_headline(result))
        print(f"report: {report}")
    else:
        output.emit({**result, "report": str(report)}, json)


def _headline(result: dict[str, Any]) -> dict[str, Any]:
    """What a person wants to see first, each arm's means in a row."""
    arms = [
        {"arm": name, **{metric: value for metric, value in arm.items() if metric in DEFAULT_METRICS}}
        for name, arm in result["arms"].items()
    ]
    return {"arms": arms, **{name: result[name] for name in HEADLINE}}
