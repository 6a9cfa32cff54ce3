"""Run as a script: a long link into an evaluator; prints one JSON object of what it and its processes took.

Arguments: clip, run folder. The plain codec; pictures and symbols of the first 100 frames are kept.
"""

import json
import resource
import sys
import tracemalloc
from pathlib import Path

from flowgraphs import runner
from flowgraphs.experiment.run import configure

HERE = "tests.flowgraphs.plain_codec"
PLAIN = [f"model.encoder={HERE}:PlainEncoder", f"model.decoder={HERE}:PlainDecoder"]
KEEP = 100
EVERY = 125
TRACED_FROM = 400


def resident(pid: int | str) -> int:
    """Bytes of the process that are its own and in memory."""
    pages = Path(f"/proc/{pid}/statm").read_text().split()
    return (int(pages[1]) - int(pages[2])) * resource.getpagesize()


def main() -> None:
    clip, out = sys.argv[1:]
    config = configure("sim-awgn", [*PLAIN, "channel.snr_db=25"])
    from flowgraphs.link import LinkGraph
    from gvc.evaluation.service.process import EvaluatorProcess
    from gvc.storage.run_folder import RunFolder

    points: list[dict[str, int]] = []
    lows: list[int] = []
    with RunFolder(out) as folder:
        graph = LinkGraph(config, clip, arm="jscc", recording=folder, keep=KEEP)
        graph.rehearse()
        with EvaluatorProcess(folder.path, ["psnr_db"], keep=KEEP) as evaluator:
            graph.sink.attach(evaluator.endpoint, evaluator.token, evaluator.check)

            def watch() -> None:
                frames = graph.sink.frames_displayed
                if frames >= TRACED_FROM and not tracemalloc.is_tracing():
                    tracemalloc.start()
                    lows.clear()
                # The least of many looks: what is on its way comes and goes.
                lows.append(tracemalloc.get_traced_memory()[0])
                if tracemalloc.is_tracing() and frames >= (points[-1]["frames"] if points else TRACED_FROM) + EVERY:
                    disk = sum(path.stat().st_size for path in folder.path.rglob("*") if path.is_file())
                    traced = min(lows)
                    lows.clear()
                    ours = resident("self") - tracemalloc.get_tracemalloc_memory()
                    its = resident(evaluator.pid)
                    points.append({"frames": frames, "traced": traced, "link": ours, "evaluator": its, "disk": disk})

            seconds = runner.run(graph, graph.flow, watch=watch)
            tracemalloc.stop()
            graph.sink.finish()
            metrics = evaluator.wait()
        graph.recorder.save()
        folder.commit({"frames_sent": graph.source.sent})
    arm = metrics["arms"]["jscc"]
    seen = {"psnr_db": arm["psnr_db"], "lost": arm["frames_lost"], "kept": metrics["frames_kept"]}
    print(json.dumps({**seen, "sent": graph.source.sent, "seconds": seconds, "points": points}))


if __name__ == "__main__":
    main()
