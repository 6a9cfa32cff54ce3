"""`gvc rx`: samples to pictures."""

from pathlib import Path
from typing import Annotated

import typer

from flowgraphs import output
from flowgraphs.commands.options import AllowCode


def rx(
    samples: Annotated[str, typer.Argument(help="Recording: .cf32, or one of SigMF's endings.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write; pictures as displayed go to its frames/.")],
    radio: Annotated[str, typer.Option(help="Radio file or bare name.")] = "sim-tdl-c-900ns",
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting.")] = None,
    arm: Annotated[str, typer.Option(help="Which receiver: jscc, jscc+cddm, or the peer that was sent.")] = "jscc+cddm",
    allow_code: AllowCode = False,
    json: Annotated[str | None, typer.Option("--json", metavar="PATH", help="Write JSON; - for stdout.")] = None,
) -> None:
    """Receive frames from recorded samples. Picture size and losses are read from the bursts' headers."""
    from flowgraphs.experiment import configure
    from gvc.decibel import mean_db

    config = configure(radio, set_ or [], [arm], simulated=False)
    from flowgraphs.receive import ReceiveGraph
    from flowgraphs.runner import run
    from gvc.run import RunFolder

    with RunFolder(out) as folder, output.steps() as told:
        graph = ReceiveGraph(config, samples, folder, arm)
        run(graph, graph.flow, watch=lambda: told("frames received", graph.sink.frames_displayed, 0))
        graph.recorder.save()
        counters = graph.receiver.assembler.counters
        bursts = graph.recorder.bursts
        result = {
            "recording": samples,
            "out": str(out),
            "arm": arm,
            "samples": graph.source.samples,
            "frames_received": graph.sink.frames_displayed,
            "frames_lost": graph.sink.frames_lost,
            "bursts_received": counters.bursts_received,
            "bursts_lost": counters.bursts_lost,
            "snr_est_db": mean_db([burst.snr_db for burst in bursts]),
            "evm_db": mean_db([burst.evm_db for burst in bursts]),
            "not_measured": {} if bursts else {"snr_est_db": "no burst received", "evm_db": "no burst received"},
        }
        folder.commit(output.plain({**result, "config": config.model_dump()}))
    output.emit(result, json)
