"""Run as a script: a LinkGraph with the plain codec; prints one JSON object of what it saw.

Arguments: clip, frames, arm, then KEY=VALUE overrides.
"""

import json
import resource
import sys
from pathlib import Path

from flowgraphs import runner
from flowgraphs.experiment.run import configure

HERE = "tests.flowgraphs.plain_codec"
PLAIN = [f"model.encoder={HERE}:PlainEncoder", f"model.decoder={HERE}:PlainDecoder"]


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def main() -> None:
    clip, frames, radio, *overrides = sys.argv[1:]
    config = configure(radio, [*PLAIN, *overrides])
    from flowgraphs.link import LinkGraph
    from gvc.storage.run_folder import RunFolder

    with RunFolder(Path(clip).parent / "run") as folder:
        graph = LinkGraph(config, clip, frames=int(frames), arm="jscc", recording=folder)
        graph.rehearse()
        lead, memory = [0], []

        def watch() -> None:
            lead.append(graph.source.sent - graph.sink.frames_displayed)
            memory.append(resident_mb())

        shown = []
        decoder = graph.decoder.arm.any_scheme.receiver.decoder
        decode = decoder.decode

        def decoding(*arguments):
            pixels = decode(*arguments)
            shown.append(int(round(float(pixels.mean()))))
            return pixels

        decoder.decode = decoding
        seconds = runner.run(graph, graph.flow, stall_s=20, watch=watch)
        counters = graph.receiver.assembler.counters.as_dict()
        seen = {
            "seconds": seconds,
            "sent": graph.source.sent,
            "displayed": graph.sink.frames_displayed,
            "bursts_sent": graph.transmitter.modulator.bursts_sent,
            "samples_sent": graph.transmitter.samples_sent,
            "counters": counters,
            "most_in_flight": graph.flight.most_in_flight,
            "most_parcels": graph.flow.most_parcels,
            "parcels_left": sum(parcel.content.frame_id >= 0 for parcel in graph.flow.parcels.values()),
            "lead": max(lead),
            "memory_mb": memory,
            "shown": shown,
            "recorded": len(graph.recorder.frames),
        }
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
