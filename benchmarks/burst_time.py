"""How long after its last sample a burst is there, beside its time on the air and the slots of 5G.

The stream comes in pieces of one OFDM symbol. `burst_ms` is the time of the push that returns a burst: its last samples
go in, its symbols and noise map come out. `work_ms` is that of all pushes since the burst before: detection, header and
the silence between bursts too. Wall time of one thread; the first bursts, which compile kernels and design smoothers,
are not counted. A receiver keeps up with the air where `work_ms` is below `air_ms`.
"""

import time
from typing import Any

import numpy as np

from benchmarks.common import emit, parser
from flowgraphs.experiment.run import configure
from gvc import seeds
from gvc.config import LinkConfig
from gvc.errors import InputError, LinkError
from gvc.phy import BurstTransmitter, Numerology, PictureShape, SymbolFrame
from gvc.phy.layout import burst_layout, fragment_symbols
from gvc.simulation.offline import channel_of, receiver_of

SLOT_MS = {"15 kHz": 1.0, "30 kHz": 0.5}
"""A slot of 14 symbols by carrier spacing: 3GPP TS 38.211, Table 4.3.2-1 (one subframe of 1 ms holds 1 and 2)."""
WARM_UP = 20


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--radios", default="sim-tdl-c-900ns,sim-awgn")
    options.add_argument("--size", default="256x256")
    options.add_argument("--bursts", type=int, default=200)
    options.add_argument("--snr-db", type=float, default=12.0)
    options.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    arguments = options.parse_args()
    rows = []
    for radio in arguments.radios.split(","):
        own = [f"video.size={arguments.size}", f"channel.snr_db={arguments.snr_db}", "model.threads=1", *arguments.set]
        config = configure(radio, own)
        if config.video.size is None:
            raise InputError("--size is WIDTHxHEIGHT in pixels, for example 256x256")
        width, height = config.video.size
        rows.append({"radio": radio, **timed(config, PictureShape(height, width, 32), arguments.bursts)})
    emit(rows, arguments.json, slot_ms=SLOT_MS)


def timed(config: LinkConfig, shape: PictureShape, bursts: int) -> dict[str, Any]:
    """Percentiles over at least `bursts` bursts sent after those that warm up; raises LinkError if none comes."""
    u = Numerology.load(config.phy.numerology)
    samples = _stream(config, u, shape, bursts + WARM_UP)
    receiver = receiver_of(config)
    last, whole, work = [], [], 0.0
    for start in range(0, samples.shape[1], u.symbol_samples):
        piece = samples[:, start : start + u.symbol_samples]
        began = time.perf_counter()
        found = receiver.push(piece)
        spent = 1e3 * (time.perf_counter() - began)
        work += spent
        if found:
            last.append(spent)
            whole.append(work)
            work = 0.0
    if len(last) <= WARM_UP:
        raise LinkError(f"{len(last)} bursts came, {WARM_UP} of which warm up: raise --bursts or --snr-db")
    symbols = max(fragment_symbols(u, shape.elements))
    return {
        "bursts": len(last) - WARM_UP,
        "payload_symbols": symbols,
        "air_ms": 1e3 * burst_layout(u, symbols).samples / u.sample_rate_hz,
        "burst_ms": _percentiles(last[WARM_UP:]),
        "work_ms": _percentiles(whole[WARM_UP:]),
        "within_slot": {spacing: float(np.mean(np.array(last[WARM_UP:]) < ms)) for spacing, ms in SLOT_MS.items()},
    }


def _stream(config: LinkConfig, u: Numerology, shape: PictureShape, bursts: int) -> np.ndarray:
    """What the receiver hears of so many bursts or a few more, complex64 [rx, n]."""
    random = seeds.stream(0, "burst time")
    transmitter = BurstTransmitter(u)
    sent: list[np.ndarray] = []
    frame = 0
    while len(sent) < bursts:
        symbols = random.standard_normal(2 * shape.elements, np.float32).view(np.complex64) / np.float32(2**0.5)
        sent += transmitter.bursts(SymbolFrame(frame, symbols, shape))
        frame += 1
    channel = channel_of(config, config.channel.snr_db, 0)
    stream = np.concatenate([*sent, transmitter.flush_samples()])
    return np.concatenate([channel.process(stream), channel.flush()], axis=1)


def _percentiles(values: list[float]) -> dict[str, float]:
    return {f"p{p}": round(float(np.percentile(values, p)), 4) for p in (50, 99)}


if __name__ == "__main__":
    main()
