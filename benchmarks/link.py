"""Where the time of a link goes: CPU seconds a frame in every block of the running flowgraph.

CPU seconds are those of the block's own thread. The whole process is a row too: what it has beyond the blocks is GNU
Radio's scheduler and torch. With --paced a second run at the clip's rate gives the latency.
"""

import os
import time
from pathlib import Path

from benchmarks.common import emit, parser
from flowgraphs.experiment.run import configure, percentiles_ms

_RAPL = Path("/sys/class/powercap/intel-rapl:0/energy_uj")
_MOST = _RAPL.with_name("max_energy_range_uj")


def joules() -> float | None:
    """The processor package's energy counter, or None where it cannot be read."""
    try:
        return int(_RAPL.read_text()) / 1e6
    except (OSError, ValueError):
        return None


def spent(before: float | None) -> float | None:
    """Joules since `before`, one wrap of the counter allowed for."""
    after = joules()
    if before is None or after is None:
        return None
    return after - before if after >= before else after - before + int(_MOST.read_text()) / 1e6


def main() -> None:
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--clip", default="bikes.mp4")
    options.add_argument("--radio", default="sim-tdl-c-900ns")
    options.add_argument("--size", default="256x256", help="or 'source'")
    options.add_argument("--frames", type=int, default=100)
    options.add_argument("--arm", default="jscc+cddm")
    options.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options.add_argument("--paced", action="store_true", help="measure latency too")
    arguments = options.parse_args()
    config = configure(arguments.radio, [f"video.size={arguments.size}", *arguments.set])

    from flowgraphs.link import LinkGraph
    from flowgraphs.runner import run

    def graph(paced: bool) -> LinkGraph:
        built = LinkGraph(config, arguments.clip, frames=arguments.frames, arm=arguments.arm, paced=paced)
        built.rehearse()
        return built

    link = graph(paced=False)
    energy, cpu = joules(), time.process_time()
    run(link, link.flow)
    cpu = time.process_time() - cpu
    energy = spent(energy)
    frames = link.source.sent
    seconds = link.sink.last_displayed_s - link.source.first_s
    samples = link.transmitter.samples_sent / frames
    rows = [
        {**row, "msps": samples / row["cpu_seconds_per_frame"] / 1e6 if row["cpu_seconds_per_frame"] else None}
        for row in link.timings()
    ]
    rows.append({"stage": "whole process", "cpu_seconds_per_frame": cpu / frames, "msps": samples * frames / cpu / 1e6})
    fields = {
        "size": list(link.source.clip.size),
        "frames_sent": frames,
        "frames_received": link.sink.frames_displayed,
        "realtime_factor": frames / link.source.clip.fps / seconds,
        "frames_per_second": frames / seconds,
        "load_average": os.getloadavg()[0],
        "dtype": getattr(getattr(link.decoder.arm.any_scheme, "receiver", None), "dtype", ""),
        "joules_per_frame": None if energy is None else energy / frames,
    }
    if energy is None:
        fields["not_measured"] = {"joules_per_frame": f"{_RAPL} cannot be read here"}
    if arguments.paced:
        paced = graph(paced=True)
        run(paced, paced.flow)
        fields["latency_ms"] = percentiles_ms(paced.sink.latencies_s)
    emit(rows, arguments.json, **fields)


if __name__ == "__main__":
    main()
