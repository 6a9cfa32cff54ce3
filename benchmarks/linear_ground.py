"""The linear ground at symbol level, with and without restoration, beside the JSCC pair.

    python -m benchmarks.linear_ground --images photos/ --list photos/validation.txt

PSNR in dB of 8-bit pictures, whole, mean over pictures. The arms: `linear`, `linear-classes` and `linear-layered` (the
same, but each layer mixed on its own), with `+default` and `+small` where that network restores them, and `pair` (arm
A+ of the shipped `default` pair). All have the same symbols.
Charged to the linear ones, out of these: the frame's word (5 bytes: set of classes, designed noise, water level,
scale), the map of classes as coded, and a CRC-32, in a transport block of the most efficient scheme of the channel's
measured table that the SNR exceeds by --margin-db (more for short blocks, see `gvc.coding.schemes.ground.side`); the
block is decoded from its noisy symbols, and a frame whose block fails is shown grey (`lost`). Not charged, as for the
pair: preamble and burst header, the transmitter's knowledge of the mean SNR, and the length of the block and its scheme
(a burst header has room for both).
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from benchmarks.common import emit, parser
from gvc import seeds
from gvc.channel.symbol import SymbolChannel
from gvc.coding.schemes.digital.link_adaptation import Measured
from gvc.coding.schemes.ground.ground import WORD_BYTES, GroundEstimate, LinearGround, Word
from gvc.coding.schemes.ground.side import Side, decode
from models import weights
from models.ablation.networks import Scorer
from models.arms import Places
from models.latents import grid as latent_grid
from models.latents import latents_of
from models.layers import placed
from models.restoration.network import SIZES, Restoration, restore
from models.restoration.train import FILE
from models.training import pictures

GROUNDS = {
    "linear": LinearGround((1,)),
    "linear-classes": LinearGround((1, 8, 64)),
    "linear-layered": LinearGround((1, 8, 64), layered=True),
}


class Arrived(NamedTuple):
    """estimate None: the side block failed. side: symbols that it took."""

    estimate: GroundEstimate | None
    side: int


def send(
    ground: LinearGround, picture: np.ndarray, symbols: int, channel: SymbolChannel, margin_db: float, seed: int
) -> Arrived:
    """One picture uint8 [H, W, 3] in `symbols` symbols through the channel, side information included."""
    height, width = picture.shape[:2]
    side = Side(Measured(channel.kind, margin_db).choose, channel.snr_db)
    sent = ground.encode(picture, symbols, channel.snr_db, side.symbols)
    packed = sent.word.pack() + sent.map
    block = side.encode(packed)
    both = np.concatenate([block, sent.symbols])
    if len(both) > symbols:
        raise AssertionError(f"{len(both)} symbols instead of {symbols}")
    generator = torch.Generator().manual_seed(seed)
    received, noise_map = (x[0].numpy() for x in channel(torch.from_numpy(both)[None], generator))
    data = decode(side.mcs(len(packed)), received[: len(block)], noise_map[: len(block)])
    if data is None:
        return Arrived(None, len(block))
    word = Word.unpack(data)
    estimate = ground.decode(received[len(block) :], noise_map[len(block) :], word, data[WORD_BYTES:], height, width)
    return Arrived(estimate, len(block))


def shown(picture: torch.Tensor, height: int, width: int) -> np.ndarray:
    """float32 [1, 3, H', W'] -> uint8 [height, width, 3]."""
    return (picture[0, :, :height, :width].clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()


def psnr(decoded: np.ndarray, original: np.ndarray) -> float:
    """In dB; a perfect picture has 100."""
    error = np.mean((decoded.astype(np.float64) - original) ** 2)
    return float(min(100.0, 10 * np.log10(255**2 / max(error, 1e-9))))


def main() -> None:
    """Command line."""
    options = parser(__doc__ or "")
    options.add_argument("--images", type=Path, required=True, help="folder or .tar of pictures")
    options.add_argument("--list", type=Path, help="names of those to take")
    options.add_argument("--every", type=int, default=1, help="take every N-th picture")
    options.add_argument("--cbr", default="1/96,1/48,1/24")
    options.add_argument("--channel", default="awgn,rayleigh")
    options.add_argument("--snr-db", default="0,10,20")
    options.add_argument("--arms", default="linear,linear-classes", help=f"linear grounds: {', '.join(GROUNDS)}")
    options.add_argument("--restore", default="small,default", help="presets of the restoration; empty: none")
    options.add_argument("--pair", action="store_true", help="the JSCC pair, too")
    options.add_argument("--margin-db", type=float, default=0.5)
    chosen = options.parse_args()
    only = pictures.listed(chosen.list) if chosen.list else None
    content = list(pictures.read(chosen.images, only=only).values())[:: chosen.every]
    networks = {
        preset: placed(weights.load(Restoration(SIZES[preset]), weights.folder("restoration", preset) / FILE), cpu)
        for preset in filter(None, chosen.restore.split(","))
        for cpu in [torch.device("cpu")]
    }
    grounds = {name: GROUNDS[name] for name in chosen.arms.split(",")}
    scorer = Scorer(["A+"], Places()) if chosen.pair else None
    rows: list[dict[str, Any]] = []
    for ratio in chosen.cbr.split(","):
        cbr = float(ratio.split("/")[0]) / float(ratio.split("/")[1])
        for kind in chosen.channel.split(","):
            for snr_db in map(float, chosen.snr_db.split(",")):
                rows += condition(content, grounds, networks, scorer, cbr, kind, snr_db, chosen.margin_db)
    emit(rows, chosen.json, pictures=len(content))


@torch.inference_mode()
def condition(
    content: list[torch.Tensor],
    grounds: dict[str, LinearGround],
    networks: dict[str, Restoration],
    scorer: Scorer | None,
    cbr: float,
    kind: str,
    snr_db: float,
    margin_db: float,
) -> list[dict[str, Any]]:
    """A row for each arm over all pictures uint8 [3, H, W]."""
    channel = SymbolChannel(kind, snr_db)
    found: dict[str, list[float]] = {}
    side: dict[str, list[float]] = {}
    for number, tensor in enumerate(content):
        picture = np.ascontiguousarray(tensor.permute(1, 2, 0).numpy())
        height, width = picture.shape[:2]
        rows, columns = latent_grid(height, width)
        symbols = latents_of(cbr) // 2 * rows * columns
        seed = seeds.integer(1, f"linear-ground/{number}") % (1 << 62)
        for name, ground in grounds.items():
            arrived = send(ground, picture, symbols, channel, margin_db, seed)
            side.setdefault(name, []).append(arrived.side / symbols)
            grey = torch.full((1, 3, height, width), 0.5)
            plain = arrived.estimate.picture if arrived.estimate else grey
            found.setdefault(name, []).append(psnr(shown(plain, height, width), picture))
            for preset, network in networks.items():
                better = restore(network, arrived.estimate) if arrived.estimate else grey
                found.setdefault(f"{name}+{preset}", []).append(psnr(shown(better, height, width), picture))
            found.setdefault(f"lost {name}", []).append(float(arrived.estimate is None))
        if scorer is not None:
            for outcome in scorer.run(tensor, channel, cbr, seed).values():
                found.setdefault("pair", []).append(psnr(outcome.decoded.numpy(), picture))
    result = []
    for arm, values in found.items():
        if not arm.startswith("lost "):
            ground_name = arm.partition("+")[0]
            row: dict[str, Any] = {"cbr": f"1/{1 / cbr:.0f}", "channel": kind, "snr_db": snr_db, "arm": arm}
            row["psnr_db"] = round(float(np.mean(values)), 3)
            if ground_name in side:
                row["side_share"] = round(float(np.mean(side[ground_name])), 4)
                row["lost"] = int(sum(found[f"lost {ground_name}"]))
            result.append(row)
    return result


if __name__ == "__main__":
    main()
