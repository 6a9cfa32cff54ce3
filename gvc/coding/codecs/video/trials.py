"""Trial encodes remembered: a sweep codes the same pictures for many budgets and channels, and so does the next one."""

import functools
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path

import numpy as np

from gvc.coding.codecs.video.versions import codec_versions
from gvc.storage.files import whole

_CHECK = 16
"""Bytes of a file that are the digest of the rest."""


class Trials:
    """Bytes by key; the longest unused go first.

    Args:
        most_bytes: that are kept in memory.
    """

    def __init__(self, most_bytes: int):
        self._most = most_bytes
        self._known: OrderedDict[Hashable, bytes] = OrderedDict()
        self._size = 0
        self._folder: Path | None = None

    def keep_in(self, folder: Path, most_bytes: int = 4 << 30) -> None:
        """Also keep what is made in files of `folder`, for other processes and days.

        A file is found by its key, the encoders' versions and this package's own code. The oldest go first when there
        are more than `most_bytes` now. Raises OSError where the folder cannot be made.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        files = sorted(((f.stat().st_mtime, f.stat().st_size, f) for f in folder.glob("*.trial")), reverse=True)
        size = 0
        for _, bytes_in, file in files:
            size += bytes_in
            if size > most_bytes:
                file.unlink(missing_ok=True)

    def get(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        """What is kept under `key`, else what `make` gives, which is kept from then on."""
        if key not in self._known:
            self._known[key] = self._stored(key, make)
            self._size += len(self._known[key])
            while self._size > self._most and len(self._known) > 1:
                self._size -= len(self._known.popitem(last=False)[1])
        self._known.move_to_end(key)
        return self._known[key]

    def clear(self) -> None:
        """Forget all, and look into no files from here on, as before a timing."""
        self._known.clear()
        self._size = 0
        self._folder = None

    def _stored(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        if self._folder is None:
            return make()
        file = self._folder / f"{_digest(repr((key, _maker())).encode()).hex()}.trial"
        try:
            stored = file.read_bytes()
        except OSError:
            stored = b""
        if len(stored) > _CHECK and stored[:_CHECK] == _digest(stored[_CHECK:]):
            return stored[_CHECK:]
        data = make()
        try:
            with whole(file) as draft:
                draft.write_bytes(_digest(data) + data)
        except OSError:  # a full disk costs time, not the result
            pass
        return data


@functools.cache
def _maker() -> tuple[object, ...]:
    """What the bytes depend on beside the key."""
    code = b"".join(file.read_bytes() for file in sorted(Path(__file__).parent.glob("*.py")))
    return (*sorted(codec_versions().items()), _digest(code))


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_CHECK).digest()


def fingerprint(pictures: np.ndarray) -> bytes:
    """16 bytes that tell arrays apart by shape, type and content."""
    digest = hashlib.blake2b(f"{pictures.shape}{pictures.dtype}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(pictures).data)
    return digest.digest()


TRIALS = Trials(64 << 20)
