"""`gvc tx`: a clip to samples."""

from typing import Annotated

import typer

from flowgraphs import output
from flowgraphs.commands.options import AllowCode
from gvc.errors import InputError


def tx(
    clip: Annotated[str, typer.Argument(help="Path of a video, or the bare name of a demo clip.")],
    out: Annotated[str, typer.Option("--out", "-o", help="Samples to write: .cf32, or .sigmf-data for a SigMF pair.")],
    radio: Annotated[str, typer.Option(help="Radio file or bare name.")] = "sim-tdl-c-900ns",
    frames: Annotated[int, typer.Option(min=0, help="How many frames; 0: the whole clip.")] = 0,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting.")] = None,
    arm: Annotated[str, typer.Option(help="Whose encoder: jscc, av1+ldpc, softcast, mine:Scheme, ...")] = "jscc",
    seed: Annotated[int, typer.Option(help="Root seed; the stream's identity follows from it.")] = 1,
    scale: Annotated[str, typer.Option(help="Factor of every sample, or `peak`: the largest becomes 1.")] = "1",
    allow_code: AllowCode = False,
    json: Annotated[str | None, typer.Option("--json", metavar="PATH", help="Write JSON; - for stdout.")] = None,
) -> None:
    """Encode a clip and write what the antenna sends, before any channel: complex floats, mean power 1 in a burst.

    A radio clips samples beyond 1: scale them for it.
    """
    factor = _factor(scale)
    from flowgraphs.experiment.run import configure, rates

    config = configure(radio, set_ or [], [arm], simulated=False)
    from flowgraphs.runner import run
    from flowgraphs.transmit import TransmitGraph

    graph = TransmitGraph(config, clip, out, frames, arm, seed, factor)
    with graph.sink.writer, output.steps() as told:
        run(graph, graph.flow, watch=lambda: told("frames sent", graph.source.sent, frames))
    width, height = graph.source.clip.size
    peak = graph.sink.writer.peak
    if peak > 1:
        output.say(f"note: the largest sample is {peak:.2f}; a radio clips at 1: use --scale")
    output.emit(
        {
            "clip": clip,
            "out": out,
            "arm": arm,
            "size": [width, height],
            "seed": seed,
            "samples": graph.sink.writer.samples,
            "peak": peak,
            "scale": graph.sink.writer.scale,
            "sample_rate_hz": config.sample_rate_hz,
            "frames_sent": graph.source.sent,
            "bursts_sent": graph.transmitter.modulator.bursts_sent,
            **rates(graph.transmitter, graph.source.sent, width, height),
        },
        json,
    )


def _factor(scale: str) -> float:
    """The factor that `--scale` asks for; 0 for the peak."""
    try:
        factor = 0.0 if scale == "peak" else float(scale)
    except ValueError:
        factor = -1.0
    if not (0 < factor < 1e6 or scale == "peak"):
        raise InputError(f"--scale {scale}: write `peak`, or a factor above 0 such as 0.3")
    return factor
