"""What a flowgraph did, from its blocks: the result that a graph made by GNU Radio Companion prints at its end."""

from typing import Any

from flowgraphs.experiment.run import percentiles_ms
from flowgraphs.output import emit
from gvc_blocks.evaluation.png_video_sink import PngVideoSink
from gvc_blocks.evaluation.zmq_video_sink import ZmqVideoSink
from gvc_blocks.phy.burst_receiver import BurstReceiver
from gvc_blocks.phy.burst_transmitter import BurstTransmitter
from gvc_blocks.runtime.flow import Flow
from gvc_blocks.video.video_source import VideoSource


def summary(flow: Flow) -> dict[str, Any]:
    """Counts of the blocks that are there: frames and bursts sent, received and lost, latency of a paced source, CPU
    seconds a block. Pictures are measured by an evaluator, not here.
    """
    result: dict[str, Any] = {}
    for block in flow.blocks:
        if isinstance(block, VideoSource):
            result["frames_sent"] = block.sent
        elif isinstance(block, BurstTransmitter):
            result["bursts_sent"] = block.modulator.bursts_sent
            result["peak"] = block.probe.peak
        elif isinstance(block, BurstReceiver):
            counters = block.assembler.counters.as_dict()
            result |= {key: counters[key] for key in ("bursts_received", "bursts_lost") if key in counters}
            counts = ("candidates", "bad_headers", "not_understood", "disturbed_bursts")
            result |= {name: getattr(block.demodulator, name) for name in counts}
        elif isinstance(block, (PngVideoSink, ZmqVideoSink)):
            result["frames_displayed"] = block.frames_displayed
            if isinstance(block, ZmqVideoSink) and block.latencies_s:
                result["latency_ms"] = percentiles_ms(block.latencies_s)
    result["blocks"] = [
        {"block": block.name().removeprefix("gvc "), "cpu_seconds": block.cpu_seconds} for block in flow.blocks
    ]
    return result


def show(flow: Flow) -> None:
    """Print the summary as tables."""
    emit(summary(flow))
