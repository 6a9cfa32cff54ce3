"""Measure the MCS table of a radio: block error rates of every scheme over SNR, through the whole waveform.

`awgn` and `rayleigh` instead of a radio are the symbol channels of `gvc score`, where a segment is one picture.

Each draw sends a segment of random QPSK symbols through channel and receiver; what the receiver adds to them is then
added to random code blocks of every scheme near its threshold, interleaved over the segment as
`gvc.coding.schemes.digital.scheme` does it. Code blocks of one segment share its fades, so intervals are bootstrapped
over draws.
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks import common
from gvc import seeds
from gvc.bootstrap import mean_ci95
from gvc.channel.symbol import SymbolChannel
from gvc.coding.schemes.digital.link_adaptation import LOST_BLOCKS, TABLES
from gvc.coding.schemes.digital.scheme import SEED
from gvc.config import LinkConfig, build
from gvc.noise_map import NU_MAX
from gvc.phy.fec.mcs import TABLE, Mcs
from gvc.phy.fec.transport_block import TransportBlock
from gvc.phy.frames import SymbolFrame
from gvc.phy.numerology import Numerology
from gvc.phy.sequences import interleaver
from gvc.phy.shape import PictureShape
from gvc.simulation.offline import channel_of, receiver_of, send


def draw_symbols(kind: str, snr_db: float, slots: int, pairs: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The same for a symbol channel."""
    sent = torch.ones(slots, pairs * 256, dtype=torch.complex64)
    received, noise_map = SymbolChannel(kind, snr_db)(sent, torch.Generator().manual_seed(seed))
    return (received - sent).numpy(), noise_map.float().numpy()


def draw(config: LinkConfig, snr_db: float, slots: int, pairs: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Error and noise map [slots, count] that channel and receiver leave on a segment; lost slots at NU_MAX."""
    count = pairs * 256
    random = seeds.stream(seed, "mcs-table")
    bits = 1 - 2 * random.integers(0, 2, (slots, 2 * count)).astype(np.float32)
    sent = (bits / np.float32(2**0.5)).view(np.complex64)
    frames = [SymbolFrame(i, s, PictureShape(256, 256, 2 * pairs), last=i == slots - 1) for i, s in enumerate(sent)]
    error = np.zeros((slots, count), np.complex64)
    noise_map = np.full((slots, count), NU_MAX, np.float32)
    channel = channel_of(config, snr_db, seeds.integer(seed, "channel"))
    for frame in send(Numerology.load(config.phy.numerology), frames, channel, receiver_of(config)):
        if frame.frame_id < slots:
            noise_map[frame.frame_id] = frame.noise_map
            error[frame.frame_id] = frame.symbols - sent[frame.frame_id]
    return error, noise_map


class BlockErrors:
    """Code blocks of a scheme, each at places all over the segment, as those of a full transport block are."""

    def __init__(self, mcs: Mcs, symbols: int):
        self.share = symbols // len(TransportBlock(mcs, symbols).block_bytes)
        self.block = TransportBlock(mcs, self.share)

    def fails(self, error: np.ndarray, noise_map: np.ndarray, number: int, random: np.random.Generator) -> bool:
        """Whether the `number`-th code block fails; error and noise map are interleaved."""
        start = number * self.share % (len(error) - self.share + 1)
        span = slice(start, start + self.share)
        received = self.block.encode(random.bytes(self.block.payload_bytes)) + error[span]
        received[noise_map[span] >= NU_MAX] = 0
        return not self.block.decode(received, noise_map[span]).blocks_ok.all()


def main() -> None:
    options = common.parser(__doc__)
    options.add_argument("radio")
    options.add_argument("--snr-db", default="-6:30:1", help="first:last:step")
    options.add_argument("--draws", type=int, default=60, help="segments an SNR")
    options.add_argument("--blocks", type=int, default=2, help="code blocks a segment and scheme")
    options.add_argument("--slots", type=int, default=16)
    options.add_argument("--pairs", type=int, default=16, help="complex symbols for 16 x 16 pixels: 16 is CBR 1/48")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--out", type=Path, help="default: the shipped table of this radio")
    given = options.parse_args()
    make: Callable[[float, int, int, int], tuple[np.ndarray, np.ndarray]]
    if given.radio in ("awgn", "rayleigh"):
        make = partial(draw_symbols, given.radio)
    else:
        make = partial(draw, build(given.radio))
    first, last, step = map(float, given.snr_db.split(":"))
    grid = np.arange(first, last + step / 2, step)
    total = given.slots * given.pairs * 256
    order = interleaver(SEED, total)
    schemes = {mcs: BlockErrors(mcs, total) for mcs in TABLE.values()}
    curves: dict[Mcs, dict[float, list[float]]] = {mcs: {} for mcs in schemes}
    for snr in grid.tolist():
        # hopeless 3 dB below Shannon; done once two SNRs in a row lost nothing
        near = [m for m in schemes if 2**m.efficiency - 1 < 10 ** ((snr + 1) / 10) and not _done(curves[m])]
        if not near:
            continue
        lost: dict[Mcs, list[float]] = {mcs: [] for mcs in near}
        for segment in range(given.draws):
            seed = seeds.integer(given.seed, f"{given.radio}/{snr}/{segment}")
            error, noise_map = make(snr, given.slots, given.pairs, seed)
            error, noise_map = error.ravel()[order], noise_map.ravel()[order]
            random = seeds.stream(seed, "blocks")
            for mcs in near:
                # nothing gets through any more: a few draws say so
                if segment >= 10 and min(lost[mcs]) == 1:
                    continue
                fails = [schemes[mcs].fails(error, noise_map, block, random) for block in range(given.blocks)]
                lost[mcs].append(float(np.mean(fails)))
        for mcs in near:
            curves[mcs][snr] = lost[mcs]
        print(f"{snr:g} dB", {m.name: round(float(np.mean(v)), 3) for m, v in lost.items()}, flush=True)
    rows = [_row(mcs, curve, given.blocks, given.seed) for mcs, curve in curves.items()]
    command = f"python -m benchmarks.mcs_table {given.radio} --snr-db {given.snr_db} --draws {given.draws}"
    table = {"radio": given.radio, "slots": given.slots, "pairs": given.pairs, "command": command, "rows": rows}
    path = given.out or TABLES / f"{given.radio}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(table, indent=None).replace('{"mcs"', '\n{"mcs"') + "\n")
    common.emit([{k: row[k] for k in ("mcs", "snr_db_at_1e-2")} for row in rows], given.json)


def _done(curve: dict[float, list[float]]) -> bool:
    return len(curve) > 1 and all(np.mean(lost) == 0 for lost in list(curve.values())[-2:])


def _row(mcs: Mcs, curve: dict[float, list[float]], blocks: int, seed: int) -> dict:
    snrs, rates = list(curve), [float(np.mean(lost)) for lost in curve.values()]
    counts = [len(lost) * blocks for lost in curve.values()]
    intervals = [[round(b, 4) for b in mean_ci95(np.array(lost), seed)] for lost in curve.values()]
    return {
        "mcs": mcs.name,
        "efficiency": round(mcs.efficiency, 4),
        "snr_db_at_1e-2": _crossing(snrs, rates),
        "snr_db": snrs,
        "blocks": counts,
        "bler": [round(rate, 4) for rate in rates],
        "bler_ci95": intervals,
    }


def _crossing(snrs: list[float], rates: list[float]) -> float | None:
    """The lowest SNR from which on the rate stays below LOST_BLOCKS, between two points by its logarithm."""
    if not rates or rates[-1] > LOST_BLOCKS:
        return None
    place = max((i for i, rate in enumerate(rates) if rate > LOST_BLOCKS), default=-1)
    if place < 0:
        return snrs[0]
    high, low = np.log10(rates[place]), np.log10(max(rates[place + 1], LOST_BLOCKS / 10))
    share = (high - np.log10(LOST_BLOCKS)) / (high - low)
    return round(float(snrs[place] + share * (snrs[place + 1] - snrs[place])), 2)


if __name__ == "__main__":
    main()
