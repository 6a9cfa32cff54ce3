"""What channel estimation costs in the picture: PSNR against perfect channel state on the same received samples.

A frame of which a receiver recovers nothing is left out on both sides and counted.
"""

import numpy as np

from benchmarks.common import emit, parser
from benchmarks.phy_links import CENTER_FREQUENCY_HZ, CHANNELS
from gvc import registry, seeds
from gvc.evaluation.metrics.psnr import psnr_db as psnr_of
from gvc.phy import BurstReceiver, BurstTransmitter, FrameAssembler, Numerology, PictureShape, SymbolFrame
from gvc.phy.layout import fragment_symbols
from gvc.phy.receiver.genie import ChannelGenie
from gvc.video.clip import open_clip
from models.stages import FrameDecoder, FrameDenoiser, FrameEncoder


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--draws", type=int, default=40, help="independent fades a row, one frame each")
    options.add_argument("--clip", default="bikes.mp4")
    options.add_argument("--preset", default="default")
    arguments = options.parse_args()
    pictures = list(open_clip(arguments.clip, size=(256, 256), frames=arguments.draws))
    encoder = FrameEncoder(arguments.preset)
    denoiser = FrameDenoiser(arguments.preset)
    decoders = {arm: FrameDecoder(arguments.preset, arm) for arm in ("jscc", "jscc+cddm")}
    u = Numerology.load("ofdm64")
    rows = []
    for channel, (name, own) in CHANNELS.items():
        for snr_db in (10.0, 20.0):
            values: dict[tuple[str, str], list[float]] = {}
            lost = 0
            for draw in range(arguments.draws):
                picture = pictures[draw % len(pictures)]
                frame = SymbolFrame(0, encoder.encode(picture), PictureShape(256, 256, encoder.latents), last=True)
                received = _receive(u, frame, name, own, snr_db, draw)
                if len(received) < 2:
                    lost += 1
                    continue
                for side, (symbols, noise_map) in received.items():
                    for arm, decoder in decoders.items():
                        about = noise_map, 256, 256, encoder.latents
                        estimate = denoiser.denoise(symbols, *about) if decoder.expects_denoised else symbols
                        decoded = decoder.decode(estimate, *about)
                        values.setdefault((arm, side), []).append(psnr_of([picture], [decoded])[0])
            for arm in decoders:
                estimated, genie = (float(np.mean(values[arm, side])) for side in ("estimated", "genie"))
                rows.append(
                    {
                        "channel": channel, "snr_db": snr_db, "arm": arm, "frames": len(values[arm, "genie"]),
                        "frames_lost": lost, "psnr_db": estimated, "genie_psnr_db": genie, "loss_db": genie - estimated,
                    }
                )  # fmt: skip
    emit(rows, arguments.json)


Received = tuple[np.ndarray, np.ndarray]


def _receive(u: Numerology, frame: SymbolFrame, name: str, own: dict, snr_db: float, draw: int) -> dict[str, Received]:
    """{estimated, genie} -> (symbols, noise map), None where nothing was recovered."""
    transmitter = BurstTransmitter(u)
    bursts = transmitter.bursts(frame)
    lead = 500
    stream = np.concatenate([np.zeros(lead, np.complex64), *bursts, transmitter.flush_samples()])
    air = registry.create(
        "channel", name, sample_rate_hz=u.sample_rate_hz, center_frequency_hz=CENTER_FREQUENCY_HZ,
        occupied_fraction=u.occupied_fraction, snr_db=snr_db, seed=seeds.integer(draw, "genie_psnr"), cfo_hz=4800.0,
        **own,
    )  # fmt: skip
    samples = np.concatenate([air.process(stream), air.flush()], axis=1)
    starts = lead + np.cumsum([0, *(len(b) for b in bursts[:-1])])
    state = ChannelGenie(u, air, list(zip(starts.tolist(), fragment_symbols(u, len(frame.symbols)), strict=True)))
    result: dict[str, Received] = {}
    for side, genie in (("estimated", None), ("genie", state)):
        assembler = FrameAssembler(u)
        receiver = BurstReceiver(u, center_frequency_hz=CENTER_FREQUENCY_HZ, genie=genie)
        frames = [f for burst in receiver.push(samples) for f in assembler.push(burst)] + assembler.flush()
        if frames:
            result[side] = frames[0].symbols, frames[0].noise_map
    return result


if __name__ == "__main__":
    main()
