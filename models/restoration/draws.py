"""What the restoration is trained on: pictures with what the linear ground made of them over random channels.

The linear part has nothing to learn, so it is computed ahead of the network, many pictures at a time, into a pool on
the device; a little of the pool is drawn anew all the time. The random numbers that choose conditions are the host's:
nothing here waits for the device.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from gvc.channel.symbol import erase
from gvc.coding.schemes.ground.classes import class_sets, decide
from gvc.coding.schemes.ground.ground import BANDS, WORD_BYTES, GroundEstimate, of_picture, received
from gvc.coding.schemes.ground.layout import STEP, core_room
from gvc.coding.schemes.ground.link import mix, plan, values, water
from gvc.coding.schemes.ground.transform import BLOCK
from gvc.noise_map import NU_MAX
from models.training.pictures import Crops

SNR_DB = (-5.0, 25.0)
CBR = (1 / 192, 1 / 24)
SETS = {64: 0.6, 8: 0.15, 1: 0.25}
"""How often each set of classes is met."""
# band i of brightness (after the mean) is octave i div 3 in direction i mod 3; a transposed picture swaps directions
TRANSPOSED = [0, *(1 + 3 * octave + direction for octave in range(4) for direction in (2, 1, 0)), 13, 14, 15]


@dataclass(frozen=True)
class DrawConditions:
    """Of a group of pictures: snr_db float [B] of the channel, design_db [B] what the transmitter took it for, fading
    int [B] (0 none, 1 independent, 2 in a few blocks), erasure float [B]; the rest is the group's.
    """

    snr_db: Tensor
    design_db: Tensor
    fading: Tensor
    erasure: Tensor
    classes: int = 64
    cbr: float = 1 / 48
    layered: bool = False
    map_lost: bool = False


def random_conditions(count: int, generator: torch.Generator) -> DrawConditions:
    """The training's: every SNR and CBR, known and mistaken design, erasures, now and then a lost map."""

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator)

    snr = SNR_DB[0] + (SNR_DB[1] - SNR_DB[0]) * uniform(count)
    mistaken = (uniform(count) < 0.4) * 3 * torch.randn(count, generator=generator)
    fading = torch.bucketize(uniform(count), torch.tensor([0.45, 0.85]))
    erasure = 0.15 * uniform(count) * (uniform(count) < 0.2)
    which, rate, half, lost, layered = uniform(5).tolist()
    classes, threshold = 1, 0.0
    for number, share in SETS.items():
        threshold += share
        if which < threshold:
            classes = number
            break
    cbr = CBR[0] * (CBR[1] / CBR[0]) ** rate if half < 0.6 else 1 / 48
    return DrawConditions(snr, snr + mistaken, fading, erasure, classes, cbr, layered < 0.2, lost < 0.015)


def fixed_conditions(count: int, kind: str, snr_db: float, cbr: float, classes: int = 64) -> DrawConditions:
    """A test's: `awgn` or `rayleigh` at one SNR, which the transmitter knows."""
    snr = torch.full((count,), snr_db)
    fading = torch.full((count,), int(kind == "rayleigh"))
    return DrawConditions(snr, snr, fading, torch.zeros(count), classes, cbr)


def side_symbols(length: Tensor, snr_db: Tensor, fading: Tensor) -> Tensor:
    """About what the digital path takes for so many bytes: a stand-in for the measured tables, for training alone."""
    margin = snr_db - 2.5 * (fading > 0)
    edges = torch.tensor([-1.0, 2.5, 5.5, 9.0, 12.0, 17.0])
    efficiency = torch.tensor([0.4, 0.667, 1.0, 1.333, 2.0, 3.0, 4.0])[torch.bucketize(margin, edges)]
    return (8 * (length + 4) / efficiency).ceil()


def linear(pictures: Tensor, conditions: DrawConditions, generator: torch.Generator | None = None) -> GroundEstimate:
    """Pictures float32 [B, 3, H, W] in 0..1, whole blocks, through encoder, channel and linear receiver.

    generator: of the channel, on the pictures' device.
    """
    device = pictures.device
    batch, _, height, width = pictures.shape
    rows, columns = height // BLOCK, width // BLOCK
    blocks = rows * columns
    classes = class_sets(device)[conditions.classes]
    length = torch.full((batch,), WORD_BYTES + (0.575 * blocks if conditions.classes > 1 else 0.0))
    symbols = round(conditions.cbr * 3 * height * width)
    left = symbols - side_symbols(length, conditions.design_db, conditions.fading)
    room = (left / (STEP // 2)).floor().long() * STEP
    # a picture of few blocks gets more than its share
    room = room.clamp_min(2 * core_room(blocks))
    most = int(room.max())
    # real dimensions that a further bit of the map takes
    more = side_symbols(length + 100, conditions.design_db, conditions.fading)
    each = 2 * (more - (symbols - left)) / 800
    room, each = room.to(device), each.to(device)
    design = (10 ** (-conditions.design_db / 10)).to(device)
    coefficients = of_picture(pictures)
    labels = decide(coefficients.square(), classes, room.float(), design, each)
    q = water(labels, classes, room, design)
    made = plan(labels, blocks, classes, room, most, design, q, conditions.layered)
    plain = values(coefficients, made)
    scale = (room / plain.square().sum(1).clamp_min(1e-12)).sqrt()
    sent = mix(plain * scale[:, None], made)
    symbols_in, noise_map = _channel(sent, conditions, generator)
    known = None if conditions.map_lost else labels
    if conditions.map_lost:
        made = plan(None, blocks, classes, room, most, design, q, conditions.layered)
    return received(symbols_in, noise_map, made, scale, known, classes, rows, columns)


def _channel(sent: Tensor, conditions: DrawConditions, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """Complex symbols [B, n] -> equalised symbols and their noise map, what the receiver claims of it half a dB off."""
    device = sent.device

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, device=device, generator=generator)

    def normal(*shape: int, dtype: torch.dtype = torch.complex64) -> Tensor:
        return torch.randn(*shape, dtype=dtype, device=device, generator=generator)

    batch, count = sent.shape
    variance = (10 ** (-conditions.snr_db / 10)).to(device)[:, None]
    fading, erasure = conditions.fading.to(device)[:, None], conditions.erasure.to(device)[:, None]
    fades = normal(batch, count)
    held = 2 ** (uniform(batch, 1) * 5)
    which = (uniform(batch, count) * held).long().clamp_max(count - 1)
    gain = torch.where(fading == 2, fades.gather(1, which), fades).abs().square()
    gain = torch.where(fading == 0, 1.0, gain).clamp_min(1e-6)
    true = variance / gain
    noise = normal(batch, count) * true.sqrt()
    claimed = true * 10 ** (0.04 * normal(batch, 1, dtype=torch.float32))
    lost = uniform(batch, count) < erasure
    return erase(sent + noise, torch.where(lost, 2 * NU_MAX, claimed))


class Pool:
    """`size` pictures cut from `crops` with their linear estimates, on the device.

    `refresh` draws some anew, oldest first; `draw` gives a random batch, turned and mirrored at random, and can be
    part of a captured graph.
    """

    def __init__(self, crops: Crops, size: int, group: int, seed: int):
        self.crops, self.group, self.next = crops, min(group, size), 0
        self.size = size // self.group * self.group
        self.generator = torch.Generator().manual_seed(seed)
        self.device, cells = crops.device, crops.crop // BLOCK
        self.pictures = torch.zeros(self.size, 3, crops.crop, crops.crop, dtype=torch.uint8, device=self.device)
        self.linear = torch.zeros(self.pictures.shape, dtype=torch.float16, device=self.device)
        self.noise = torch.zeros(self.size, BANDS, cells, cells, device=self.device)
        self.truncation = torch.zeros_like(self.noise)
        self.swap = torch.tensor(TRANSPOSED, device=self.device)
        for _ in range(self.size // self.group):
            self.refresh()

    @torch.no_grad()
    def refresh(self) -> None:
        """Replace the oldest group."""
        pictures = self._varied(self.crops.draw(self.group))
        made = linear(pictures, random_conditions(self.group, self.generator))
        where = slice(self.next, self.next + self.group)
        self.pictures[where] = (pictures * 255).round().to(torch.uint8)
        self.linear[where] = made.picture.half()
        self.noise[where], self.truncation[where] = made.noise, made.truncation
        self.next = (self.next + self.group) % self.size

    def _varied(self, pictures: Tensor) -> Tensor:
        """Now and then enlarged, or with more or less contrast, so that few photos go further."""
        enlarge, side, contrast = torch.rand(3, generator=self.generator).tolist()
        crop = self.crops.crop
        if enlarge < 0.25:
            part = round(crop * (0.65 + 0.33 * side))
            pictures = F.interpolate(pictures[:, :, :part, :part], size=(crop, crop), mode="bicubic").clamp(0, 1)
        if contrast < 0.5:
            gain = 0.7 + 0.6 * torch.rand(len(pictures), 1, 1, 1, generator=self.generator)
            shift = 0.1 * torch.randn(len(pictures), 1, 1, 1, generator=self.generator)
            pictures = ((pictures - 0.5) * gain.to(self.device) + 0.5 + shift.to(self.device)).clamp(0, 1)
        return pictures

    @torch.no_grad()
    def draw(self, batch: int) -> tuple[Tensor, GroundEstimate]:
        """Pictures float32 [batch, 3, crop, crop] in 0..1 and what the receiver has of them."""
        index = (torch.rand(batch, device=self.device) * self.size).long().clamp_max(self.size - 1)
        turns = torch.rand(3, batch, 1, 1, 1, device=self.device) < 0.5

        def turned(maps: Tensor) -> Tensor:
            maps = torch.where(turns[0], maps.flip(3), maps)
            maps = torch.where(turns[1], maps.flip(2), maps)
            return torch.where(turns[2], maps.transpose(2, 3), maps)

        def bands(maps: Tensor) -> Tensor:
            maps = turned(maps)
            return torch.where(turns[2], maps[:, self.swap], maps)

        target = turned(self.pictures[index].float() / 255)
        return target, GroundEstimate(
            turned(self.linear[index].float()), bands(self.noise[index]), bands(self.truncation[index])
        )
