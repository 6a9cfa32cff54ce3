"""Random waveforms that can be asked for anywhere: made in blocks on a fixed grid."""

from collections.abc import Callable

import numpy as np

from gvc.channel.impairments.impairment import Setting


class Blocks:
    """An endless sequence, of which `produce(b)` makes block number b, [length]. The last block is kept."""

    def __init__(self, length: int, produce: Callable[[int], np.ndarray]):
        self._length = length
        self._produce = produce
        self._index, self._block = -1, np.zeros(0)

    def block(self, index: int) -> np.ndarray:
        """Block number `index`, not to be written to."""
        if index != self._index:
            self._index, self._block = index, self._produce(index)
        return self._block

    def take(self, first: int, count: int) -> np.ndarray:
        """[count] from number `first` on."""
        parts, stop = [self.block(first // self._length)[:0]], first + count
        while first < stop:
            index, inside = divmod(first, self._length)
            parts.append(self.block(index)[inside : inside + stop - first])
            first += len(parts[-1])
        return np.concatenate(parts)


def white(setting: Setting, length: int) -> Blocks:
    """Circular complex white Gaussian noise of variance 1, complex128."""

    def produce(index: int) -> np.ndarray:
        return setting.random(f"white/{index}").standard_normal(2 * length).view(complex) / 2**0.5

    return Blocks(length, produce)
