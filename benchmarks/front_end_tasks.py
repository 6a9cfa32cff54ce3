"""The measurements of `benchmarks.front_end`, each run in a process of its own: python -m ... TASK JSON."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

GAP = 600
PACKET_BYTES = 480
SNR_DB = 20.0
STAGES = {"plain": "plain Python", "block": "gvc burst receiver block", "ofdm_rx": "digital.ofdm_rx"}


def make_ours(folder: str, bursts: int, **_: Any) -> dict[str, Any]:
    """A file of bursts and gaps with noise."""
    from gvc.phy import BurstTransmitter, Numerology, PictureShape, SymbolFrame

    u = Numerology.load("ofdm64")
    transmitter = BurstTransmitter(u)
    random = np.random.default_rng(0)
    gap = np.zeros(GAP - u.gap_symbols * u.symbol_samples, np.complex64)
    stream = []
    for i in range(bursts):
        symbols = random.standard_normal(2 * 3840, np.float32).view(np.complex64) / np.float32(2**0.5)
        stream += [*transmitter.bursts(SymbolFrame(i, symbols, PictureShape(240, 256, 32))), gap]
    return _write(Path(folder) / "ours.cf32", np.concatenate(stream), u.occupied_fraction)


def make_gnuradio(folder: str, bursts: int, **_: Any) -> dict[str, Any]:
    """The same from `digital.ofdm_tx`, gaps put between its packets."""
    from gnuradio import blocks, digital, gr

    top = gr.top_block()
    data = np.random.default_rng(0).integers(0, 256, bursts * PACKET_BYTES).tolist()
    source = blocks.vector_source_b(data)
    tagger = blocks.stream_to_tagged_stream(gr.sizeof_char, 1, PACKET_BYTES, "tx_len")
    transmitter = digital.ofdm_tx(packet_length_tag_key="tx_len")
    # With default buffers it hangs: "Buffer too small for min_noutput_items".
    for stage in (tagger, transmitter):
        stage.set_min_output_buffer(65536)
    sink = blocks.vector_sink_c()
    top.connect(source, tagger, transmitter, sink)
    top.run()
    samples = np.array(sink.data(), np.complex64).reshape(bursts, -1)
    samples /= np.sqrt(np.mean(np.abs(samples) ** 2))
    stream = np.concatenate([samples, np.zeros((bursts, GAP), np.complex64)], axis=1)
    return _write(Path(folder) / "gnuradio.cf32", stream.ravel(), 52 / 64)


def _write(path: Path, stream: np.ndarray, occupied: float) -> dict[str, Any]:
    random = np.random.default_rng(1)
    noise = random.standard_normal(2 * len(stream), np.float32).view(np.complex64)
    (stream + noise * np.float32((10 ** (-SNR_DB / 10) / occupied / 2) ** 0.5)).astype(np.complex64).tofile(path)
    return {"path": str(path), "samples": len(stream)}


def plain(path: str, bursts: int, repeats: int, chunk: int, **_: Any) -> dict[str, Any]:
    from gvc.phy import BurstReceiver, Numerology

    samples = np.fromfile(path, np.complex64)
    receiver = BurstReceiver(Numerology.load("ofdm64"))
    receiver.push(samples)
    found = 0
    clock = _Clock()
    for _repeat in range(repeats):
        for start in range(0, len(samples), chunk):
            found += len(receiver.push(samples[start : start + chunk]))
    return clock.row("plain", f"chunks of {chunk}", repeats * len(samples), found, repeats * bursts)


def block(path: str, samples: int, bursts: int, repeats: int, buffer: int, **_: Any) -> dict[str, Any]:
    from gnuradio import blocks, gr

    from gvc.phy import FrameAssembler
    from gvc_blocks.phy.burst_receiver import BurstReceiverBlock

    source = blocks.file_source(gr.sizeof_gr_complex, path, True)
    head = blocks.head(gr.sizeof_gr_complex, repeats * samples)
    receiver = BurstReceiverBlock()
    warm_up = FrameAssembler(receiver.demodulator.numerology)
    for burst in receiver.demodulator.push(np.fromfile(path, np.complex64)[: samples // 4]):
        warm_up.push(burst)
    if buffer:
        head.set_min_output_buffer(buffer)
    top = gr.top_block()
    top.connect(source, head, receiver)
    clock = _Clock()
    top.run()
    # The file is sent over and over: from the second time on its burst numbers count as duplicates.
    counters = receiver.assembler.counters
    found = counters.bursts_received + counters.bursts_duplicate
    name = f"buffer of {buffer}" if buffer else "default buffer"
    row = clock.row("block", name, repeats * samples, found, repeats * bursts)
    return {**row, "msps_block_cpu": repeats * samples / receiver.cpu_seconds / 1e6}


def ofdm_rx(path: str, samples: int, bursts: int, repeats: int, **_: Any) -> dict[str, Any]:
    from gnuradio import blocks, digital, gr

    repeats = max(1, repeats // 4)
    source = blocks.file_source(gr.sizeof_gr_complex, path, True)
    head = blocks.head(gr.sizeof_gr_complex, repeats * samples)
    head.set_min_output_buffer(65536)
    receiver = digital.ofdm_rx(packet_length_tag_key="rx_len")
    receiver.set_min_output_buffer(65536)
    sink = blocks.vector_sink_b()
    top = gr.top_block()
    top.connect(source, head, receiver, sink)
    clock = _Clock()
    top.run()
    return clock.row(
        "ofdm_rx", "buffer of 65536", repeats * samples, len(sink.data()) // PACKET_BYTES, repeats * bursts
    )


class _Clock:
    def __init__(self) -> None:
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def row(self, task: str, variant: str, samples: int, found: int, sent: int) -> dict[str, Any]:
        cpu, wall = time.process_time() - self._cpu, time.perf_counter() - self._wall
        return {
            "stage": STAGES[task],
            "variant": variant,
            "msps_cpu": samples / cpu / 1e6,
            "msps": samples / wall / 1e6,
            "bursts": f"{found} of {sent}",
        }


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](**json.loads(sys.argv[2]))))
