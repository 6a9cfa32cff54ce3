"""Softcast at symbol level: PSNR over SNR and channels, share of the metadata, what its estimator is worth.

    python -m benchmarks.softcast --clips bigbuckbunny.mp4

`inverted_psnr_db` is of a receiver that does not shrink: it takes every symbol for nearly free of noise.
"""

import time

import numpy as np
import torch

from benchmarks import common
from gvc import registry, seeds
from gvc.channel.symbol import SymbolChannel
from gvc.coding.scheme import ReceivedSlot, Slot
from gvc.coding.schemes.softcast.analogue import SHARES, SIZES
from gvc.content.clips import installed_clips
from gvc.evaluation.metrics.psnr import psnr_db
from gvc.noise_map import NU_MIN
from gvc.phy.shape import frame_symbols
from gvc.video.clip import open_clip


def receive(slots: list[Slot], channel: SymbolChannel, loss: float, seed: int) -> list[ReceivedSlot | None]:
    """The slots behind a symbol channel, each lost with probability `loss`."""
    sent = torch.from_numpy(np.stack([slot.symbols for slot in slots]))
    symbols, noise_map = channel(sent, torch.Generator().manual_seed(seed))
    lost = seeds.stream(seed, "lost").random(len(slots)) < loss
    received = zip(slots, symbols.numpy(), noise_map.expand(symbols.shape).float().numpy(), lost, strict=True)
    return [
        None if gone else ReceivedSlot(row, noise, slot.payload_type, slot.mode, channel.snr_db)
        for slot, row, noise, gone in received
    ]


def measure(pictures: np.ndarray, count: int, channel: SymbolChannel, loss: float, seed: int) -> dict[str, float]:
    """The figures of one segment."""
    n, height, width = pictures.shape[:3]
    began = time.process_time()
    slots = registry.create("scheme", "softcast", count=count, segment_frames=n).encode(pictures, channel.snr_db)
    encoded = time.process_time()
    received = receive(slots, channel, loss, seed)
    before = time.process_time()
    shown = registry.create("scheme", "softcast", count=count, segment_frames=n).decode(received, height, width)
    decoded = time.process_time()
    for slot in received:
        if slot is not None:
            # only what is sure to be lost stays so
            slot.noise_map[slot.symbols != 0] = NU_MIN
    inverted = registry.create("scheme", "softcast", count=count, segment_frames=n).decode(received, height, width)
    return {
        "psnr_db": float(np.mean(psnr_db(list(pictures), list(shown.pictures)))),
        "inverted_psnr_db": float(np.mean(psnr_db(list(pictures), list(inverted.pictures)))),
        "concealed": int(shown.concealed.sum()),
        "metadata_share": SHARES[0] * (SHARES[1] / SHARES[0]) ** ((slots[0].mode - 1) / (SIZES - 1)),
        "encode_cpu_seconds": encoded - began,
        "decode_cpu_seconds": decoded - before,
    }


def main() -> None:
    options = common.parser(__doc__.partition("\n")[0])
    options.add_argument("--clips", nargs="+", help="default: all that are installed")
    options.add_argument("--snr-db", nargs="+", type=float, default=[-5, 0, 5, 10, 15, 20])
    options.add_argument("--pairs", nargs="+", type=int, default=[16], help="complex symbols for 16 x 16 pixels")
    options.add_argument("--frames", type=int, default=16)
    options.add_argument("--size", type=int, default=256, help="pixels a side, a multiple of 16")
    options.add_argument("--loss", type=float, default=0.1, help="of slots, in the rows that have loss")
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    rows = []
    for clip in given.clips or installed_clips():
        pictures = np.stack(list(open_clip(clip, (given.size, given.size), given.frames)))
        for pairs in given.pairs:
            count = frame_symbols(given.size, given.size, 2 * pairs)
            for kind, loss in (("awgn", 0.0), ("rayleigh", 0.0), ("awgn", given.loss)):
                for snr_db in given.snr_db:
                    row = {"clip": clip, "cbr": f"{pairs}/768", "channel": kind, "slots_lost": loss, "snr_db": snr_db}
                    rows.append(row | measure(pictures, count, SymbolChannel(kind, snr_db), loss, given.seed))
    common.emit(rows, given.json)


if __name__ == "__main__":
    main()
