"""Bursts found: in AWGN, in fading by instantaneous SNR, under CFO up to +-4 carriers with the sampling offset of one
oscillator; false bursts in noise alone; samples that preamble and header take; and the rate of the search for bursts.

`preambles` is the share of bursts with one that could be synchronised, `found` that with its header read. The
instantaneous SNR of a burst is its mean SNR over the occupied carriers and antennas from the true channel, over the
time of its preamble or over that of its header, whichever is lower: it takes both to find a burst.
"""

import time

import numpy as np

from benchmarks.common import emit, parser
from benchmarks.phy_links import CENTER_FREQUENCY_HZ, CHANNELS
from gvc import registry, seeds
from gvc.errors import InputError
from gvc.phy import BurstReceiver, BurstTransmitter, Numerology, PictureShape, SymbolFrame
from gvc.phy.receiver.genie import ChannelGenie

ROWS = (
    "awgn:-8,awgn:-5,awgn:-3,awgn:-1,awgn:0,awgn:3,awgn:5,tdl-a-30ns:5,tdl-a-30ns:15,"
    "tdl-c-900ns:-5,tdl-c-900ns:0,tdl-c-900ns:2,tdl-c-900ns:5,tdl-c-900ns:15"
)
LEVELS_DB = (-8, -5, 0)
SPOTS = (np.arange(4) + 0.5) / 4
"""Where the channel is looked at, in shares of the preamble and of the header."""
STRETCH = 2048


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--bursts", type=int, default=2000, help="a row")
    options.add_argument("--rows", default=ROWS, metavar="CHANNEL:SNR_DB,...")
    options.add_argument("--noise-samples", type=float, default=2e7)
    options.add_argument("--numerology", default="ofdm64")
    options.add_argument("--rx-antennas", type=int, default=1)
    arguments = options.parse_args()
    u = Numerology.load(arguments.numerology)
    rows = [overhead(u), detector_rate(u, arguments.rx_antennas)]
    for row in filter(None, arguments.rows.split(",")):
        channel, _, snr_db = row.partition(":")
        if channel not in CHANNELS:
            raise InputError(f"no channel '{channel}' (known: {', '.join(CHANNELS)})")
        rows.append(found(u, channel, float(snr_db), arguments.bursts, arguments.rx_antennas))
    rows.append(false_bursts(u, int(arguments.noise_samples), arguments.rx_antennas))
    emit(rows, arguments.json)


def overhead(u: Numerology) -> dict:
    """Samples of a burst before its payload."""
    header = u.header_symbols * u.symbol_samples
    return {
        "preamble_samples": u.preamble_samples,
        "header_samples": header,
        "milliseconds": 1e3 * (u.preamble_samples + header) / u.sample_rate_hz,
    }


def detector_rate(u: Numerology, rx_antennas: int, seconds: float = 2.0) -> dict:
    """Samples of noise searched a second of one core, in stretches as the receiver does."""
    synchroniser = registry.create("synchroniser", u.synchroniser, numerology=u, rx_antennas=rx_antennas)
    random = seeds.stream(0, "detection/rate")
    size = synchroniser.reach + STRETCH
    noise = random.standard_normal((rx_antennas, 2 * size), np.float32).view(np.complex64)
    synchroniser.detect(noise, 0, size)
    calls, started = 0, time.process_time()
    while (spent := time.process_time() - started) < seconds:
        synchroniser.detect(noise, 0, size)
        calls += 1
    return {"synchroniser": u.synchroniser, "detector_msps": calls * STRETCH / spent / 1e6}


def found(u: Numerology, channel: str, snr_db: float, bursts: int, rx_antennas: int) -> dict:
    """One burst of one payload symbol through each of `bursts` independent channels."""
    name, parameters = CHANNELS[channel]
    random = seeds.stream(0, f"detection/{channel}/{snr_db}")
    limit = 4 * u.carrier_spacing_hz
    instantaneous = np.zeros(bursts)
    right, synchronised = np.zeros(bursts, bool), np.zeros(bursts, bool)
    wrong = 0
    for draw in range(bursts):
        symbols = random.standard_normal(32, np.float32).view(np.complex64) / np.float32(2**0.5)
        transmitter = BurstTransmitter(u)
        (burst,) = transmitter.bursts(SymbolFrame(draw, symbols, PictureShape(16, 16, 32)))
        lead = int(random.integers(300, 900))
        stream = np.concatenate([np.zeros(lead, np.complex64), burst, transmitter.flush_samples()])
        air = registry.create(
            "channel",
            name,
            sample_rate_hz=u.sample_rate_hz,
            center_frequency_hz=CENTER_FREQUENCY_HZ,
            occupied_fraction=u.occupied_fraction,
            snr_db=snr_db,
            seed=seeds.integer(0, f"detection/{channel}/{draw}"),
            rx_antennas=rx_antennas,
            cfo_hz=float(random.uniform(-limit, limit)),
            **parameters,
        )
        samples = np.concatenate([air.process(stream), air.flush()], axis=1)
        receiver = BurstReceiver(u, rx_antennas=rx_antennas)
        received = receiver.push(samples)
        synchronised[draw] = receiver.headers_read + receiver.bad_headers > 0
        right[draw] = any(b.header.frame == draw for b in received)
        wrong += len(received) - right[draw]
        genie = ChannelGenie(u, air, [(lead, 1)])
        header = u.preamble_samples + u.header_symbols * u.symbol_samples * SPOTS
        times = lead + np.concatenate([u.preamble_samples * SPOTS, header]).astype(int)
        power = np.mean(np.abs(genie.response(times, 0.0, 0)) ** 2, axis=(0, 2))
        instantaneous[draw] = 10 * np.log10(np.min(np.mean(power.reshape(2, -1), axis=1))) + snr_db
    row = {
        "channel": channel,
        "snr_db": snr_db,
        "bursts": bursts,
        "preambles": float(np.mean(synchronised)),
        "found": float(np.mean(right)),
    }
    for level in LEVELS_DB:
        strong = instantaneous >= level - 0.01
        row[f"above_{level}db"] = int(np.sum(strong))
        row[f"found_above_{level}db"] = float(np.mean(right[strong])) if np.any(strong) else None
    return {**row, "false_bursts": int(wrong)}


def false_bursts(u: Numerology, count: int, rx_antennas: int) -> dict:
    """Bursts reported in `count` samples of noise on each antenna."""
    random = seeds.stream(0, "detection/noise")
    receiver = BurstReceiver(u, rx_antennas=rx_antennas)
    wrong, spent = 0, 0.0
    while receiver.samples < count:
        noise = random.standard_normal((rx_antennas, 1 << 17), np.float32).view(np.complex64)
        started = time.process_time()
        wrong += len(receiver.push(noise))
        spent += time.process_time() - started
    return {
        "channel": "noise alone",
        "samples": receiver.samples,
        "candidates": receiver.candidates,
        "bad_headers": receiver.bad_headers,
        "false_bursts": wrong,
        "receiver_msps": receiver.samples / spent / 1e6,
    }


if __name__ == "__main__":
    main()
