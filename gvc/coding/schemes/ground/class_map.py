"""The class of every block in few bytes: an integer range coder whose start is what neighbours usually say.

Classes are numbered by rising energy. Each is coded as a walk down a binary tree, most significant bit first, in the
context of the mean of its left and upper neighbours. Everything is integer: both ends agree on every machine.
"""

import functools

import torch
from safetensors.torch import load_file
from torch import Tensor

from gvc.coding.schemes.ground.classes import FILE
from gvc.coding.schemes.softcast.arithmetic import BITS, Decoder, Encoder

NEIGHBOURHOODS = 12
RATE = 6


def pack(labels: Tensor, rows: int, columns: int, count: int) -> bytes:
    """Classes int64 [rows * columns], each below `count` -> bytes."""
    if count == 1:
        return b""
    start = _start(count)
    coder = Encoder(len(start), start, RATE)
    _walk(coder, labels.reshape(rows, columns).tolist(), count)
    return coder.finish()


def unpack(data: bytes, rows: int, columns: int, count: int) -> Tensor:
    """The classes int64 [rows * columns] from bytes, which zeros may follow; anything decodes to something."""
    labels = [[0] * columns for _ in range(rows)]
    if count > 1:
        start = _start(count)
        _walk(Decoder(data, len(start), start, RATE), labels, count)
    return torch.tensor(labels, dtype=torch.long).flatten()


def context(left: int | None, above: int | None, count: int) -> int:
    """0 to NEIGHBOURHOODS: what two neighbours' classes say of a block's."""
    near = [label for label in (left, above) if label is not None]
    return 1 + sum(near) * NEIGHBOURHOODS // (len(near) * count) if near else 0


def fit(maps: list[Tensor], count: int) -> Tensor:
    """Probabilities of a 0 at each node of the tree in each context, int16 in 2^-BITS [(NEIGHBOURHOODS + 1) * count],
    from maps of classes int64 [rows, columns].
    """
    seen = torch.full((NEIGHBOURHOODS + 1, count, 2), 0.4)
    for known in maps:
        labels = known.tolist()
        for row, line in enumerate(labels):
            for column, label in enumerate(line):
                left = line[column - 1] if column else None
                above = labels[row - 1][column] if row else None
                where, node = context(left, above, count), 1
                for shift in range(count.bit_length() - 2, -1, -1):
                    bit = label >> shift & 1
                    seen[where, node, bit] += 1
                    node = 2 * node + bit
    zero = seen[..., 0] / seen.sum(2) * (1 << BITS)
    return zero.round().clamp(32, (1 << BITS) - 32).flatten().to(torch.int16)


@functools.lru_cache(maxsize=8)
def _start(count: int) -> list[int]:
    return load_file(FILE)[f"tree-{count}"].tolist()


def _walk(coder: Encoder | Decoder, labels: list[list[int]], count: int) -> None:
    """Code every class; a decoder writes into `labels` what the encoder read."""
    for row, line in enumerate(labels):
        for column, label in enumerate(line):
            left = line[column - 1] if column else None
            above = labels[row - 1][column] if row else None
            where, node = context(left, above, count) * count, 1
            for shift in range(count.bit_length() - 2, -1, -1):
                node = 2 * node + coder.code(label >> shift & 1, where + node)
            line[column] = node - count
