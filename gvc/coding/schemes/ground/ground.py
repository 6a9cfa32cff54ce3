"""The linear ground: a picture in a given number of symbols by linear means alone, and what its estimate lacks.

`LinearGround((1,))` is the scheme `linear`: one class, no side information but the frame's word. With more sets of
classes (`linear-classes`) the map of classes travels beside it, and the encoder takes the set that leaves the least
expected error once the map has taken its symbols. Without the map the core of every block is still found.
"""

import functools
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from gvc.coding.schemes.ground import class_map
from gvc.coding.schemes.ground.classes import ClassSet, class_sets, decide, means
from gvc.coding.schemes.ground.layout import core_room, room
from gvc.coding.schemes.ground.link import Allocation, estimate, mix, plan, spread_back, values, water
from gvc.coding.schemes.ground.transform import BLOCK, COEFFICIENTS, analyse, grid, pad, synthesise
from gvc.errors import BudgetError, InputError, ParseError

BANDS = 16
"""Groups of coefficients whose errors are told apart: of brightness the mean, four octaves in three directions; of
colour the mean, the next, the rest."""
WORD_BYTES = 5
MOST_SCALE = 20
"""Of the binary logarithm of a scale: a picture of the mean colour alone has nothing to be scaled."""
_WORD = struct.Struct(">BBBH")
_BITS_PER_BLOCK = 4.0


@dataclass(frozen=True)
class Word:
    """What a receiver must know of a frame beside the map: whether it is `layered`, `count` classes, the designed noise
    in dB, the logarithm of q of the water-filling, and that of the frame's scale, both binary. As sent they are
    rounded: see `rounded`.
    """

    layered: bool
    count: int
    noise_db: float
    log_q: float
    log_scale: float

    def rounded(self) -> "Word":
        """As it arrives."""
        return Word.unpack(self.pack())

    def pack(self) -> bytes:
        """WORD_BYTES bytes."""
        noise = min(max(round(4 * self.noise_db) + 160, 0), 255)
        q = min(max(round(8 * self.log_q) + 64, 0), 255)
        scale = round(256 * min(max(self.log_scale, -MOST_SCALE), MOST_SCALE)) + 32768
        return _WORD.pack(128 * self.layered + self.count.bit_length() - 1, noise, q, scale)

    @staticmethod
    def unpack(data: bytes) -> "Word":
        """Raises ParseError for what is no word."""
        if len(data) < WORD_BYTES:
            raise ParseError(f"a frame's word of {len(data)} bytes: it has {WORD_BYTES}")
        first, noise, q, scale = _WORD.unpack_from(data)
        layered, count = divmod(first, 128)
        if 1 << count not in class_sets():
            raise ParseError(f"a frame's word with 2^{count} classes")
        log_scale = (scale - 32768) / 256
        if abs(log_scale) > MOST_SCALE:
            raise ParseError(f"a frame's word with a scale of 2^{log_scale:g}")
        return Word(bool(layered), 1 << count, (noise - 160) / 4, (q - 64) / 8, log_scale)


@dataclass(frozen=True)
class SentGround:
    """symbols complex64 [count], a multiple of 32, of unit mean power; `word` and `map` for the digital path."""

    symbols: np.ndarray
    word: Word
    map: bytes


@dataclass(frozen=True)
class GroundEstimate:
    """What a batch of pictures has arrived as.

    picture float32 [B, 3, 32 rows, 32 columns] in about 0..1; noise, truncation float32 [B, BANDS, rows, columns]:
    expected squared error per coefficient of each band, by noise on what was sent and by what was not.
    """

    picture: Tensor
    noise: Tensor
    truncation: Tensor

    def totals(self) -> Tensor:
        """Expected squared error per sample, by noise and by truncation: float32 [B, 2, rows, columns]."""
        share = band_shares(self.noise.device)[None, :, None, None]
        return torch.stack([(self.noise * share).sum(1), (self.truncation * share).sum(1)], 1)


class LinearGround:
    """Encodes one picture, decodes one, on the CPU. counts: the sets of classes to choose among (1, 8, 64); layered:
    see `gvc.coding.schemes.ground.layout`.

    Raises InputError for a set that there is not.
    """

    def __init__(self, counts: tuple[int, ...] = (1, 8, 64), layered: bool = False):
        known = class_sets()
        unknown = [count for count in counts if count not in known]
        if unknown or not counts:
            raise InputError(f"no set of {unknown} classes (known: {', '.join(map(str, known))})")
        self.sets = [known[count] for count in counts]
        self.layered = layered

    @torch.inference_mode()
    def encode(
        self, picture: np.ndarray, symbols: int, snr_db: float, side: Callable[[int], int] = lambda length: 0
    ) -> SentGround:
        """uint8 [H, W, 3] -> at most `symbols` symbols designed for a mean Es/N0 of snr_db.

        side: how many symbols the digital path takes of them for so many bytes, the word's and the map's; by default
        none. Raises BudgetError when nothing is left.
        """
        coefficients = of_picture(torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255)
        made = [sent for each in self.sets if (sent := self._with(each, coefficients, picture, symbols, snr_db, side))]
        if not made:
            raise BudgetError(f"{symbols} symbols are too few for the linear scheme: use a larger frame or CBR")
        return min(made, key=lambda candidate: candidate[0])[1]

    def _with(
        self,
        classes: ClassSet,
        coefficients: Tensor,
        picture: np.ndarray,
        symbols: int,
        snr_db: float,
        side: Callable[[int], int],
    ) -> tuple[float, SentGround] | None:
        rows, columns = grid(*picture.shape[:2])
        blocks = rows * columns
        word = Word(self.layered, classes.count, -snr_db, 0.0, 0.0).rounded()
        noise = torch.tensor([10 ** (word.noise_db / 10)])
        guess = WORD_BYTES + (math.ceil(blocks * _BITS_PER_BLOCK / 8) if classes.count > 1 else 0)
        taken = side(guess)
        # a bit of the map takes so many real dimensions
        each = torch.tensor([(side(2 * guess) - taken) * 2 / (8 * guess)])
        labels = decide(coefficients.square(), classes, torch.tensor([2.0 * (symbols - taken)]), noise, each)
        packed = class_map.pack(labels[0], rows, columns, classes.count)
        left = room(symbols - side(WORD_BYTES + len(packed)))
        if left < core_room(blocks):
            return None
        reals = torch.tensor([left])
        q = water(labels, classes, reals, noise)
        word = replace(word, log_q=math.log2(q.item())).rounded()
        made = plan(labels, blocks, classes, reals, left, noise, torch.tensor([2**word.log_q]), self.layered)
        plain = values(coefficients, made)
        scale = (left / plain.square().sum().clamp_min(1e-12)).sqrt().item()
        word = replace(word, log_scale=math.log2(scale)).rounded()
        sent = mix(plain * 2**word.log_scale, made)[0].numpy()
        error = _expected(coefficients, plain, made, 2**word.log_scale, noise)
        return error, SentGround(sent, word, packed)

    @torch.inference_mode()
    def decode(
        self, symbols: np.ndarray, noise_map: np.ndarray, word: Word, packed: bytes | None, height: int, width: int
    ) -> GroundEstimate:
        """Received symbols complex64 [count] and their noise float32 [count], the frame's word, and its map or None
        where that was lost -> the picture (padded to whole blocks; crop it) and its expected error.

        Symbols that are missing at the end count as lost: hand them as 0 with NU_MAX. Raises ParseError for a number
        of symbols that no encoder sends.
        """
        rows, columns = grid(height, width)
        if 2 * len(symbols) != room(len(symbols)) or 2 * len(symbols) < core_room(rows * columns):
            raise ParseError(f"{len(symbols)} symbols are no frame of the linear scheme for {width}x{height}")
        classes = class_sets()[word.count]
        labels = None
        if packed is not None or word.count == 1:
            labels = class_map.unpack(packed or b"", rows, columns, word.count)[None]
        reals = torch.tensor([2 * len(symbols)])
        noise, q = torch.tensor([10 ** (word.noise_db / 10)]), torch.tensor([2**word.log_q])
        made = plan(labels, rows * columns, classes, reals, 2 * len(symbols), noise, q, word.layered)
        return received(
            torch.from_numpy(symbols)[None],
            torch.from_numpy(noise_map)[None],
            made,
            torch.tensor([2**word.log_scale]),
            labels,
            classes,
            rows,
            columns,
        )


def _expected(coefficients: Tensor, plain: Tensor, made: Allocation, scale: float, noise: Tensor) -> float:
    """Squared error that the receiver of these very coefficients will have on the mean over the noise."""
    gain = made.gain * scale
    sum_of = gain.square() * made.variances + noise
    content = (plain / made.gain.clamp_min(1e-9)).square()
    sent = content * (noise / sum_of).square() + noise * (gain * made.variances / sum_of).square()
    return (coefficients.square().sum() - content.sum() + sent.sum()).item()


def of_picture(picture: Tensor) -> Tensor:
    """Pictures float32 [B, 3, H, W] in 0..1 -> coefficients less their means [B, blocks, COEFFICIENTS]."""
    return analyse(pad(picture)) - means(picture.device)


def received(
    symbols: Tensor,
    noise_map: Tensor,
    made: Allocation,
    scale: Tensor,
    labels: Tensor | None,
    classes: ClassSet,
    rows: int,
    columns: int,
) -> GroundEstimate:
    """Received symbols complex64 [B, most / 2] and noise map -> what the receiver can say of the pictures."""
    found, left = estimate(symbols, noise_map, made, scale)
    blocks = rows * columns
    coefficients = spread_back(found, made, blocks) + means(found.device)
    noise = spread_back(left, made, blocks)
    # what was not sent has the variance of its class, or of any block
    every = classes.variances[labels] if labels is not None else class_sets(found.device)[1].variances[0]
    every = every.expand(len(found), blocks, COEFFICIENTS)
    unsent = torch.nn.functional.pad(every.flatten(1), (0, 1)).scatter(1, made.source, 0.0)[:, :-1]
    mean = band_means(found.device)

    def by_band(errors: Tensor) -> Tensor:
        return (errors.reshape(len(found), blocks, COEFFICIENTS) @ mean).transpose(1, 2).unflatten(2, (rows, columns))

    return GroundEstimate(synthesise(coefficients, rows, columns), by_band(noise), by_band(unsent))


@functools.lru_cache(maxsize=8)
def band_means(device: torch.device) -> Tensor:
    """float32 [COEFFICIENTS, BANDS]: the mean over each band's coefficients."""
    row, column = torch.meshgrid(torch.arange(BLOCK), torch.arange(BLOCK), indexing="ij")
    octave = torch.bucketize(torch.maximum(row, column), torch.tensor([1, 3, 7, 14]), right=True)
    angle = torch.atan2(row.float(), column.float())
    direction = torch.bucketize(angle, torch.tensor([0.5, 1.07]))
    bright = torch.where(octave == 0, 0, 1 + 3 * (octave - 1) + direction)
    colour = 13 + torch.bucketize(torch.maximum(row, column), torch.tensor([1, 4]), right=True)
    bands = torch.cat([bright.flatten(), colour.flatten(), colour.flatten()])
    member = torch.nn.functional.one_hot(bands, BANDS).float()
    return (member / member.sum(0)).to(device)


def band_shares(device: torch.device) -> Tensor:
    """float32 [BANDS]: the share of each band in a block's coefficients."""
    return (band_means(device) > 0).float().mean(0)
