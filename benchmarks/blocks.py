"""Throughput and latency of each block of the digital, analogue and neural arms, one at a time on one thread.

A row: what one call handles, median CPU and wall milliseconds of a call, and the throughput that the CPU time allows.
Codecs work in processes of their own too, so theirs is by wall time. Pictures, slots and segments are those of the
results book: 256x256, CBR 1/48, 4096 symbols a slot, 16 slots a segment.
"""

import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from benchmarks import common
from gvc import registry, seeds
from gvc.coding.arms import bind
from gvc.coding.codecs.video.trials import TRIALS
from gvc.coding.scheme import ReceivedSlot, Slot
from gvc.config import LinkConfig, build
from gvc.phy import BurstTransmitter, Numerology, PictureShape, SymbolFrame
from gvc.phy.fec import ldpc, qam
from gvc.phy.fec.mcs import named
from gvc.phy.fec.transport_block import TransportBlock
from gvc.simulation.offline import channel_of, receiver_of
from gvc.video.clip import open_clip
from models.latents import latents_of

SEGMENT = 16
SIZE = 256
CODED = ("x264", "x265", "av1", "vvc")
SCHEMES = ("x265+ldpc@qpsk-1_2", "softcast", "hybrid@qpsk-1_2")
SNR_DB = 10.0
Row = dict[str, Any]


class Bench:
    """Times calls and words the rows."""

    def __init__(self, repeats: int, only: str):
        self.rows: list[Row] = []
        self._repeats, self._only = repeats, only

    def wants(self, block: str) -> bool:
        """Whether it is asked for."""
        return not self._only or self._only in block

    def time(self, block: str, of: str, amount: float, unit: str, work: Callable[[], Any], by: str = "cpu") -> None:
        """`work()` handles `of`, which is `amount` units of throughput."""
        if not self.wants(block):
            return
        print(block, file=sys.stderr, flush=True)
        spent = common.cpu_seconds(work, self._repeats)
        row = {
            "block": block,
            "of": of,
            "cpu_ms": 1e3 * spent["cpu_seconds"],
            "latency_ms": 1e3 * spent["wall_seconds"],
        }
        self.rows.append(row | {"throughput": amount / spent[f"{by}_seconds"], "unit": f"{unit}/s", "by": by})


def coding(bench: Bench, random: np.random.Generator) -> None:
    """QAM, LDPC near its waterfall and 5 dB above, and whole transport blocks."""
    for name, at in (("qpsk-1_2", 1.5), ("64qam-1_2", 11.0)):
        mcs = named(name)
        bits = random.integers(0, 2, 65536 * mcs.order, dtype=np.uint8)
        symbols = qam.modulate(bits, mcs.order)
        noise_map = np.full(len(symbols), 10 ** (-at / 10), np.float32)
        modulation = name.split("-")[0]
        amount = len(bits) / 1e6
        bench.time(f"QAM map {modulation}", "a segment", amount, "Mbit", partial(qam.modulate, bits, mcs.order))
        bench.time(
            f"QAM demap {modulation}",
            "a segment",
            amount,
            "Mbit",
            partial(qam.demodulate, symbols, noise_map, mcs.order),
        )
        code = ldpc.code(8448, 16896 // mcs.order * mcs.order, mcs.order)
        blocks = random.integers(0, 2, (20, code.k), dtype=np.uint8)
        amount = blocks.size / 1e6
        bench.time(f"LDPC encode {name}", "20 blocks", amount, "Mbit", partial(code.encode, blocks))
        for where, snr_db in (("near the waterfall", at), ("5 dB above", at + 5)):
            llr = _llr(code, blocks, snr_db, random)
            bench.time(f"LDPC decode {name}, {where}", "20 blocks", amount, "Mbit", partial(code.decode, llr))
        block = TransportBlock(mcs, SEGMENT * 4096)
        data = random.bytes(block.payload_bytes)
        sent = block.encode(data)
        variance = np.full(len(sent), 10 ** (-(at + 2) / 10), np.float32)
        received = sent + _noise(random, len(sent), at + 2)
        amount = 8 * len(data) / 1e6
        bench.time(f"transport block encode {name}", "a segment", amount, "Mbit", partial(block.encode, data))
        bench.time(
            f"transport block decode {name}, 2 dB above",
            "a segment",
            amount,
            "Mbit",
            partial(block.decode, received, variance),
        )


def sources(bench: Bench, pictures: np.ndarray, config: LinkConfig, fps: float) -> None:
    """Codecs at the bytes of QPSK 1/2, and whole schemes."""
    n, height, width = pictures.shape[:3]
    budget = TransportBlock(named("qpsk-1_2"), n * 4096).payload_bytes

    def fresh(encode: Callable[[], Any]) -> Any:
        TRIALS.clear()
        return encode()

    for name in filter(bench.wants, CODED):
        for preset in ("random-access", "low-delay"):
            codec = registry.create("codec", name, preset=preset)
            encode = partial(codec.encode, pictures, budget, fps)
            bench.time(f"{name} encode, {preset}", "a segment", n, "frame", partial(fresh, encode), "wall")
            data = encode()
            decode = partial(codec.decode, data, n, height, width)
            bench.time(f"{name} decode, {preset}", "a segment", n, "frame", decode, "wall")
    for arm in filter(bench.wants, SCHEMES):
        scheme = bind(arm, config, fps).scheme(4096)
        by = "cpu" if arm == "softcast" else "wall"
        encode = partial(scheme.encode, pictures, SNR_DB)
        bench.time(f"{arm} encode", "a segment", n, "frame", partial(fresh, encode), by)
        slots: list[ReceivedSlot | None] = [_received(slot, number) for number, slot in enumerate(encode())]
        decode = partial(scheme.decode, slots, height, width)
        bench.time(f"{arm} decode", "a segment", n, "frame", decode, by)


def waveform(bench: Bench, config: LinkConfig, random: np.random.Generator) -> None:
    """Slots to bursts, and the stream's samples to symbols and noise map, over a radio's channel."""
    numerology = Numerology.load(config.phy.numerology)
    transmitter = BurstTransmitter(numerology)
    symbols = qam.modulate(random.integers(0, 2, 2 * 4096, dtype=np.uint8), 2)
    shape = PictureShape(SIZE, SIZE, latents_of(config.model.cbr))
    frames = [SymbolFrame(i, symbols, shape) for i in range(SEGMENT)]
    bursts = [np.concatenate(transmitter.bursts(frame)) for frame in frames]
    amount = sum(map(len, bursts)) / 1e6
    bench.time(
        "OFDM transmitter", "a segment", amount, "Msample", lambda: [transmitter.bursts(frame) for frame in frames]
    )
    stream = np.concatenate([*bursts, transmitter.flush_samples()])
    for radio in ("sim-awgn", "sim-tdl-c-900ns"):
        own = build(radio, [])
        channel = lambda o=own: channel_of(o, SNR_DB, 1).process(stream)  # noqa: E731
        bench.time(f"channel {radio}", "a segment", amount, "Msample", channel)
        received = channel()
        receive = lambda o=own, r=received: receiver_of(o).push(r)  # noqa: E731
        bench.time(f"OFDM receiver {radio}", "a segment", amount, "Msample", receive)


def neural(bench: Bench, picture: np.ndarray, config: LinkConfig) -> None:
    """The networks, a frame a call."""
    from models.stages import FrameDecoder, FrameDenoiser, FrameEncoder

    height, width = picture.shape[:2]
    model = config.model
    encoder = FrameEncoder(model.preset, cbr=model.cbr)
    about = height, width, encoder.latents
    symbols = encoder.encode(picture)
    noise_map = np.full(len(symbols), 10 ** (-SNR_DB / 10), np.float32)
    denoiser, decoder = FrameDenoiser(model.preset), FrameDecoder(model.preset, "jscc+cddm")
    bench.time("JSCC encoder", "a frame", 1, "frame", lambda: encoder.encode(picture))
    bench.time("CDDM denoiser, 1 step", "a frame", 1, "frame", lambda: denoiser.denoise(symbols, noise_map, *about))
    bench.time("JSCC decoder", "a frame", 1, "frame", lambda: decoder.decode(symbols, noise_map, *about))


def _noise(random: np.random.Generator, count: int, snr_db: float) -> np.ndarray:
    parts = random.standard_normal(2 * count, dtype=np.float32).view(np.complex64)
    return parts * np.float32((10 ** (-snr_db / 10) / 2) ** 0.5)


def _llr(code: ldpc.LdpcCode, bits: np.ndarray, snr_db: float, random: np.random.Generator) -> np.ndarray:
    sent = qam.modulate(code.encode(bits).ravel(), code.order)
    received = sent + _noise(random, len(sent), snr_db)
    variance = np.full(len(sent), 10 ** (-snr_db / 10), np.float32)
    return qam.demodulate(received, variance, code.order).reshape(len(bits), code.n)


def _received(slot: Slot, number: int) -> ReceivedSlot:
    noise = _noise(seeds.stream(1, f"benchmark/blocks/{number}"), len(slot.symbols), SNR_DB)
    noise_map = np.full(len(slot.symbols), 10 ** (-SNR_DB / 10), np.float32)
    return ReceivedSlot(slot.symbols + noise, noise_map, slot.payload_type, slot.mode, SNR_DB)


def _parts(bench: Bench, given: Any) -> Iterator[Callable[[], None]]:
    config = build("sim-awgn", [])
    clip = open_clip(given.clip, (SIZE, SIZE), SEGMENT)
    pictures = np.stack(list(clip))
    random = seeds.stream(1, "benchmark/blocks")
    yield lambda: coding(bench, random)
    yield lambda: waveform(bench, config, random)
    yield lambda: neural(bench, pictures[0], config)
    yield lambda: sources(bench, pictures, config, clip.fps)


def main() -> None:
    options = common.parser(__doc__.partition("\n")[0])
    options.add_argument("--clip", default="bigbuckbunny.mp4")
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--only", default="", help="blocks with this in their name, such as LDPC, av1 or softcast")
    given = options.parse_args()
    bench = Bench(given.repeats, given.only)
    for part in _parts(bench, given):
        part()
    common.emit(bench.rows, given.json)


if __name__ == "__main__":
    main()
