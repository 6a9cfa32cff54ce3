"""What a receiver's counts say to a person."""

from typing import Any

from gvc.config import LinkConfig
from gvc.phy.receiver.assembler import MAX_HELD
from models.identity import sender_of


def hints(config: LinkConfig, graph: Any) -> list[str]:
    """Sentences about a `flowgraphs.receive.ReceiveGraph` that has run: why nothing was read, or not everything."""
    demodulator, assembler = graph.receiver.demodulator, graph.receiver.assembler
    counters, undecodable = assembler.counters, graph.decoder.undecodable
    said = []
    if graph.source.reader.missing:
        said.append(f"the recording became shorter while it was read: {graph.source.reader.missing} samples missing")
    if demodulator.bad_samples:
        said.append(f"{demodulator.bad_samples} samples were no finite numbers, or above 1e15, and counted as 0")
    if not demodulator.candidates:
        said.append(
            f"found no preamble in {demodulator.samples} samples: is the sample rate the radio file's, the numerology "
            f"the sender's ('{config.phy.numerology}' here), the CFO within {_max_cfo_khz(demodulator):.0f} kHz?"
        )
    elif not demodulator.headers_read:
        said.append(
            f"found {demodulator.candidates} preambles, read no header: is the spectrum inverted (I and Q swapped), "
            "the sample rate or numerology another, the SNR below 0 dB, or is this noise alone?"
        )
    if demodulator.not_understood:
        said.append(
            f"{demodulator.not_understood} bursts were not understood, and do not count as received: header, pilots "
            "and noise contradict each other (another transmitter over them, samples missing, I and Q out of step?)"
        )
    if demodulator.unknown_bursts:
        said.append(f"{demodulator.unknown_bursts} bursts are of another version of the testbed, or of an unknown kind")
    said += [_foreign(config, kind, count) for kind, count in assembler.foreign.most_common(3)]
    heard = counters.frames_heard
    if heard and not graph.sink.frames_displayed and not undecodable.frames:
        said.append(f"{heard} frames were heard and none could be decoded: too much noise for the code that was sent")
    if undecodable.frames:
        said.append(f"{undecodable.frames} frames were received and could not be decoded: {undecodable.reason}")
    if counters.bursts_misplaced:
        said.append(f"{counters.bursts_misplaced} bursts have numbers that contradict those before, and were left out")
    if counters.restarts:
        said.append(f"a stream began again {counters.restarts} times: a loop, or a transmitter that starts alike")
    for stream in assembler.streams[:3]:
        if not stream["ended"]:
            last = int(stream["first_frame"]) + int(stream["frames"]) - 1
            said.append(f"the end of stream {stream['stream']} was not heard: what came after frame {last} is unknown")
    if assembler.places < counters.frames_known:
        said.append(f"outages are shown as at most {MAX_HELD} pictures each")
    return said


def _foreign(config: LinkConfig, kind: tuple[str, int, int, int, int], count: int) -> str:
    reason, payload_type, coder, width, height = kind
    if reason == "size":
        limit = config.phy.max_pixels
        return f"{count} bursts of {width}x{height} pixels were refused: above phy.max_pixels ({limit}), or 16 of them"
    sender = sender_of(config, payload_type, coder)
    unknown = f"something unknown here (payload type {payload_type}, coder {coder:03x})"
    return f"{count} bursts were left out: they were made by {sender or unknown}"


def _max_cfo_khz(demodulator: Any) -> float:
    u = demodulator.numerology
    return u.max_cfo_carriers * u.carrier_spacing_hz / 1e3
