"""`gvc rx`: samples to pictures."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from flowgraphs import output
from flowgraphs.commands.options import AllowCode


def rx(
    samples: Annotated[str, typer.Argument(help="Recording: .cf32, or one of SigMF's endings.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write; pictures as displayed go to its frames/.")],
    radio: Annotated[str, typer.Option(help="Radio file or bare name.")] = "sim-tdl-c-900ns",
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting.")] = None,
    arm: Annotated[str, typer.Option(help="Which receiver: jscc, jscc+cddm, av1+ldpc, mine:Scheme, ...")] = "jscc+cddm",
    reference: Annotated[str | None, typer.Option(help="The clip that was sent: PSNR and SSIM against it.")] = None,
    allow_code: AllowCode = False,
    json: Annotated[str | None, typer.Option("--json", metavar="PATH", help="Write JSON; - for stdout.")] = None,
) -> None:
    """Receive frames from recorded samples. Picture size and losses are read from the bursts' headers."""
    from flowgraphs.experiment.run import configure

    config = configure(radio, set_ or [], [arm], simulated=False)
    if reference is not None:
        from gvc.evaluation.against import against_clip
        from gvc.video.clip import open_clip

        # A clip that is not there is told before the work, not after it.
        open_clip(reference)
    from flowgraphs.hints import hints
    from flowgraphs.receive import ReceiveGraph
    from flowgraphs.runner import run
    from gvc.storage.run_folder import RunFolder

    with RunFolder(out) as folder, output.steps() as told:
        graph = ReceiveGraph(config, samples, folder, arm)
        run(graph, graph.flow, watch=lambda: told("frames received", graph.sink.frames_displayed, 0))
        graph.sink.hold(graph.receiver.assembler.places)
        graph.recorder.save()
        assembler, demodulator = graph.receiver.assembler, graph.receiver.demodulator
        counters = assembler.counters
        said = hints(config, graph)
        result = {
            "recording": samples,
            "out": str(out),
            "arm": arm,
            "samples": graph.source.samples,
            "frames_received": graph.sink.frames_displayed,
            "frames_undecodable": graph.decoder.undecodable.frames,
            **counters.as_dict(),
            "frames_lost": counters.frames_known - graph.sink.frames_displayed,
            "candidates": demodulator.candidates,
            "bad_headers": demodulator.bad_headers,
            "not_understood": demodulator.not_understood,
            "disturbed_bursts": demodulator.disturbed_bursts,
            "bursts_unknown": demodulator.unknown_bursts,
            "bad_samples": demodulator.bad_samples,
            "stream_table": assembler.streams,
            "hints": said,
            "snr_est_db": graph.recorder.snr_est_db,
            "evm_db": graph.recorder.evm_db,
            "not_measured": {}
            if graph.recorder.bursts_received
            else {"snr_est_db": "no burst received", "evm_db": "no burst received"},
        }
        if reference is not None:
            told("comparing with the reference", 0, 0)
            result["reference"] = against_clip(graph.sink.heard, reference)
        folder.commit({**result, "config": config.model_dump()})
    for hint in said:
        print(f"note: {hint}", file=sys.stderr)
    output.emit(result, json, _shown(result))


def _shown(result: dict[str, Any]) -> dict[str, Any]:
    """The result without a row for every frame."""
    if "reference" not in result:
        return result
    reference = {key: value for key, value in result["reference"].items() if key != "per_frame"}
    return {**result, "reference": reference}
