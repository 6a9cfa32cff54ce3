"""`gvc rx`: samples to pictures."""

from pathlib import Path
from typing import Annotated

import typer

from flowgraphs import output


def rx(
    samples: Annotated[str, typer.Argument(help="Recording: .cf32, or one of SigMF's endings.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write; pictures as displayed go to its frames/.")],
    radio: Annotated[str, typer.Option(help="Radio file or bare name.")] = "sim-tdl-c-900ns",
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting.")] = None,
    arm: Annotated[str, typer.Option(help="Which receiver: jscc, jscc+cddm, or the peer that was sent.")] = "jscc+cddm",
    json: Annotated[str | None, typer.Option("--json", metavar="PATH", help="Write JSON; - for stdout.")] = None,
) -> None:
    """Receive frames from recorded samples. Picture size and losses are read from the bursts' headers."""
    from flowgraphs.experiment import configure

    config = configure(radio, set_ or [])
    from flowgraphs.receive import ReceiveGraph
    from flowgraphs.runner import run
    from gvc.run import RunFolder

    with RunFolder(out) as folder, output.steps() as told:
        graph = ReceiveGraph(config, samples, folder, arm)
        run(graph, graph.flow, watch=lambda: told("frames received", graph.sink.frames_displayed, 0))
        graph.recorder.save()
        counters = graph.receiver.assembler.counters
        result = {
            "recording": samples,
            "out": str(out),
            "arm": arm,
            "samples": graph.source.samples,
            "frames_received": graph.sink.frames_displayed,
            "frames_lost": graph.sink.frames_lost,
            "bursts_received": counters.bursts_received,
            "bursts_lost": counters.bursts_lost,
            "snr_est_db": graph.recorder.snr_est_db,
            "evm_db": graph.recorder.evm_db,
            "not_measured": {}
            if graph.recorder.bursts_received
            else {"snr_est_db": "no burst received", "evm_db": "no burst received"},
        }
        folder.commit(output.plain({**result, "config": config.model_dump()}))
    output.emit(result, json)
