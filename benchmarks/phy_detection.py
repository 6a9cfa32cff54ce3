"""Bursts found, header CRC included: in AWGN, in fading by instantaneous SNR, under CFO up to +-4 carriers with the
sampling offset of one oscillator; and false bursts in noise alone.

The instantaneous SNR of a burst is its mean SNR over the occupied carriers and antennas from the true channel, in the
middle of its preamble or in that of its header, whichever is lower: it takes both to find a burst.
"""

import numpy as np

from benchmarks.common import emit, parser
from benchmarks.phy_links import CENTER_FREQUENCY_HZ, CHANNELS
from gvc import registry, seeds
from gvc.phy import BurstReceiver, BurstTransmitter, Numerology, PictureShape, SymbolFrame
from gvc.phy.genie import ChannelGenie


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--bursts", type=int, default=2000, help="a row")
    options.add_argument("--noise-samples", type=float, default=2e7)
    options.add_argument("--numerology", default="ofdm64")
    options.add_argument("--rx-antennas", type=int, default=1)
    arguments = options.parse_args()
    u = Numerology.load(arguments.numerology)
    rows = []
    for channel, snr_db in (
        ("awgn", -3.0), ("awgn", -1.0), ("awgn", 0.0), ("awgn", 3.0), ("awgn", 5.0),
        ("tdl-a-30ns", 5.0), ("tdl-a-30ns", 15.0), ("tdl-c-900ns", 2.0), ("tdl-c-900ns", 5.0), ("tdl-c-900ns", 15.0),
    ):  # fmt: skip
        rows.append(found(u, channel, snr_db, arguments.bursts, arguments.rx_antennas))
    rows.append(false_bursts(u, int(arguments.noise_samples), arguments.rx_antennas))
    emit(rows, arguments.json)


def found(u: Numerology, channel: str, snr_db: float, bursts: int, rx_antennas: int) -> dict:
    """One burst of one payload symbol through each of `bursts` independent channels."""
    name, parameters = CHANNELS[channel]
    random = seeds.stream(0, f"detection/{channel}/{snr_db}")
    limit = 4 * u.carrier_spacing_hz
    strong = strong_found = all_found = wrong = 0
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
        received = [b for b in BurstReceiver(u, rx_antennas=rx_antennas).push(samples)]
        right = any(b.header.frame == draw for b in received)
        wrong += len(received) - right
        genie = ChannelGenie(u, air, [(lead, 1)])
        preamble = lead + u.preamble_samples // 2
        header = lead + u.preamble_samples + u.header_symbols * u.symbol_samples // 2
        response = genie.response(np.array([preamble, header]), 0.0, 0)
        gain = float(np.min(np.mean(np.abs(response) ** 2, axis=(0, 2))))
        above = 10 * np.log10(gain) + snr_db >= -0.01
        strong += above
        strong_found += above and right
        all_found += right
    return {
        "channel": channel,
        "snr_db": snr_db,
        "bursts": bursts,
        "found": all_found / bursts,
        "above_0db": int(strong),
        "found_above_0db": float(strong_found / strong) if strong else None,
        "false_bursts": int(wrong),
    }


def false_bursts(u: Numerology, count: int, rx_antennas: int) -> dict:
    """Bursts reported in `count` samples of noise on each antenna."""
    random = seeds.stream(0, "detection/noise")
    receiver = BurstReceiver(u, rx_antennas=rx_antennas)
    wrong = 0
    while receiver.samples < count:
        wrong += len(receiver.push(random.standard_normal((rx_antennas, 1 << 17), np.float32).view(np.complex64)))
    return {
        "channel": "noise alone",
        "samples": receiver.samples,
        "candidates": receiver.candidates,
        "bad_headers": receiver.bad_headers,
        "false_bursts": wrong,
    }


if __name__ == "__main__":
    main()
