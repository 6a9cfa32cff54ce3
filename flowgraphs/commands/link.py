"""`gvc link`: the whole chain over a simulated channel."""

from pathlib import Path
from typing import Annotated

import typer

from flowgraphs import output
from flowgraphs.commands.options import AllowCode


def link(
    clip: Annotated[str, typer.Option(help="Path of a video, or the bare name of a demo clip.")],
    radio: Annotated[str, typer.Option(help="Radio file or bare name.")] = "sim-tdl-c-900ns",
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting.")] = None,
    arms: Annotated[str, typer.Option(help="Receivers to compare, on the same symbols.")] = "jscc,jscc+cddm",
    metrics: Annotated[str, typer.Option(help="Comma-separated.")] = "psnr_db,ssim,ms_ssim,lpips,dists,vmaf",
    pace: Annotated[str, typer.Option(help="none: as fast as it goes; source: at the clip's rate; both.")] = "both",
    frames: Annotated[int, typer.Option(help="How many frames; 0: the whole clip.")] = 0,
    seed: Annotated[int, typer.Option(help="Root seed of the channel.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Run folder; default runs/TIME.")] = None,
    allow_code: AllowCode = False,
    json: Annotated[str | None, typer.Option("--json", metavar="PATH", help="Write JSON; - for stdout.")] = None,
) -> None:
    """Send a clip over a simulated channel, decode it by each arm, and measure."""
    from flowgraphs.experiment import Plan, run_link

    with output.steps() as told:
        result = run_link(Plan(clip, radio, set_ or [], _names(arms), _names(metrics), pace, frames, seed, out, told))
    for part in ("config", "versions", "machine", "weights", "command"):
        result.pop(part)
    output.emit(result, json)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
