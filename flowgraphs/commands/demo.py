"""`gvc demo`: the link on the demo clip, and a report to look at."""

from pathlib import Path
from typing import Annotated, Any

import typer

from flowgraphs import output
from flowgraphs.commands.options import AllowCode, names
from gvc.evaluation.metrics import DEFAULT_METRICS
from gvc.storage import files

CLIP = "bikes.mp4"
ARMS = ("jscc", "control", "jscc+cddm")
# DISTS takes seconds of computation a frame at this size: more than all the rest of the demo together.


def demo(
    clip: Annotated[str, typer.Option(help="Path of a video, or the bare name of a demo clip.")] = CLIP,
    radio: Annotated[str, typer.Option(help="Radio file or bare name.")] = "sim-tdl-c-900ns",
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting.")] = None,
    arms: Annotated[
        str, typer.Option(help="Receivers to compare, on the same symbols; the last one is the headline.")
    ] = ",".join(ARMS),
    frames: Annotated[int, typer.Option(help="How many frames; 0: the whole clip.")] = 0,
    metrics: Annotated[str, typer.Option(help="Comma-separated.")] = ",".join(DEFAULT_METRICS),
    seed: Annotated[int, typer.Option(help="Root seed of the channel.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Run folder; default runs/TIME.")] = None,
    allow_code: AllowCode = False,
    json: Annotated[str | None, typer.Option("--json", metavar="PATH", help="Write JSON; - for stdout.")] = None,
) -> None:
    """Send a clip over a fading channel, show it with and without the denoiser, and write a report.

    The arms are the plain decoder, the fair control (trained as long as the decoder behind the denoiser, and as wide as
    both), and the decoder behind the denoiser. The report (HTML, pictures, a side-by-side video) lies in the run
    folder; its path is printed last.
    """
    from flowgraphs.commands.report import with_report
    from flowgraphs.experiment.run import Plan, run_link
    from flowgraphs.headline import headline

    with output.steps() as told:
        chosen, missing = _with_weights(names(arms), radio, set_ or [])
        plan = Plan(
            clip, radio, set_ or [], chosen, metrics=names(metrics), frames=frames, seed=seed, out=out, told=told
        )
        result = run_link(plan)
        result["not_measured"] |= missing | _over_snr(plan, result, told)
        result = with_report(result, told, json, headline(result))
    output.emit(result, json, headline(result))
    if json is None:
        print(f"report: {result['report']}")


def _over_snr(plan: Any, result: dict[str, Any], told: Any) -> dict[str, str]:
    """Write the sweep over SNR into the run folder; a sweep that fails costs its figure, and the reason is returned."""
    # After `configure` has set the number of threads: it loads torch.
    from flowgraphs.experiment.run import configure
    from flowgraphs.experiment.snr_sweep import sweep
    from gvc.coding.arms import bind

    try:
        config = configure(plan.radio, plan.overrides)
        senders = {name: bind(name, config).sender for name in result["arms"]}
        rows: Any = sweep(
            config,
            plan.clip,
            [name for name, sender in senders.items() if sender == senders[result["timed_arm"]]],
            seed=plan.seed,
            progress=lambda done, total: told("PSNR over SNR", done, total),
        )
    except Exception as error:
        rows = {"failed": f"{type(error).__name__}: {error}"}
        output.say(f"the sweep over SNR failed: {rows['failed']}")
    files.write_json(Path(result["out"]) / "sweep.json", rows, indent=None)
    return {"psnr_over_snr": rows["failed"]} if isinstance(rows, dict) else {}


def _with_weights(arms: list[str], radio: str, overrides: list[str]) -> tuple[list[str], dict[str, str]]:
    """The arms, without a control that has no weights in the preset, and the reason when it is left out."""
    from gvc.config import build
    from models.arms import Places

    preset = build(radio, overrides).model.preset
    if "control" not in arms or arms == ["control"] or Places(preset).file("control").is_file():
        return arms, {}
    reason = f"no control weights for preset {preset}: gains are against other arms"
    output.say(reason)
    return [name for name in arms if name != "control"], {"control": reason}
