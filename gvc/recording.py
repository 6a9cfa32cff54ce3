"""Files of samples: raw complex floats (`.cf32`), a SigMF pair (`.sigmf-data` with `.sigmf-meta`), or its archive."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gvc import __version__, sigmf
from gvc.errors import InputError, LinkError

CHUNK_SAMPLES = 65536
_SIGMF = (".sigmf-data", ".sigmf-meta", ".sigmf")


def sample_paths(path: str | Path) -> tuple[Path, Path | None]:
    """(file of samples, SigMF metadata or None) for a name that ends in .cf32 or one of SigMF's endings."""
    path = Path(path)
    if path.suffix in _SIGMF:
        return path.with_suffix(".sigmf-data"), path.with_suffix(".sigmf-meta")
    return path, None


class SampleWriter:
    """Writes samples under a temporary name; `commit` gives the file its own, `close` alone leaves nothing behind.

    Raises InputError when the file cannot be made, LinkError when it cannot be written on (disk full).
    """

    def __init__(self, path: str | Path, sample_rate_hz: float, center_frequency_hz: float, description: str = ""):
        self.path, self._meta = sample_paths(path)
        self.samples = 0
        self._draft = self.path.with_name(self.path.name + ".part")
        self._about = {
            "global": {
                "core:datatype": "cf32_le",
                "core:sample_rate": sample_rate_hz,
                "core:version": "1.0.0",
                "core:recorder": f"gvc {__version__}",
                "core:description": description,
            },
            "captures": [{"core:sample_start": 0, "core:frequency": center_frequency_hz}],
            "annotations": [],
        }
        try:
            self._file = open(self._draft, "wb", buffering=0)
        except OSError as error:
            raise InputError(f"{path} cannot be written: {error.strerror}") from error

    def __enter__(self) -> "SampleWriter":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def write(self, samples: np.ndarray) -> None:
        """Append complex samples [n]."""
        data = np.ascontiguousarray(samples, "<c8").data.cast("B")
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError as error:
            raise LinkError(f"{self.path} cannot be written: {error.strerror}") from error
        self.samples += len(samples)

    def commit(self) -> None:
        """The recording is complete: it takes its name, replacing an older one."""
        try:
            self._file.close()
            if self._meta:
                draft = self._meta.with_name(self._meta.name + ".part")
                draft.write_text(json.dumps(self._about, indent=2) + "\n")
                draft.replace(self._meta)
            self._draft.replace(self.path)
        except OSError as error:
            raise LinkError(f"{self.path} cannot be written: {error.strerror}") from error

    def close(self) -> None:
        """Close, and remove what was not committed."""
        self._file.close()
        self._draft.unlink(missing_ok=True)


class SampleReader:
    """Samples of a recording, in chunks; `samples` is their number.

    A SigMF recording may hold complex integers or floats of any size and byte order: integers are scaled to a full
    scale of 1. Its rate may differ from `sample_rate_hz` by `sigmf.RATE_TOLERANCE`. A name in .sigmf is an archive
    where there is one of this name, else a pair.

    Raises InputError: no such file, empty, not a whole number of samples, or metadata that forbids it, see
    `gvc.sigmf.pair`; while iterating: a sample that is not finite.
    """

    def __init__(self, path: str | Path, sample_rate_hz: float | None = None, center_frequency_hz: float | None = None):
        self.path, meta = sample_paths(path)
        try:
            if Path(path).suffix == ".sigmf" and Path(path).is_file():
                self._layout = sigmf.archive(Path(path), sample_rate_hz, center_frequency_hz)
            elif Path(path).suffix == ".sigmf-collection":
                raise InputError(f"{path} is a list of recordings: give one of them")
            elif meta is not None:
                self._layout = sigmf.pair(meta, sample_rate_hz, center_frequency_hz)
            else:
                self._layout = sigmf.plain(self.path, 0, self.path.stat().st_size)
            self.path = self._layout.file
            self._file = open(self.path, "rb")
        except OSError as error:
            raise InputError(f"recording {self.path} cannot be read: {error.strerror}") from error
        self.samples = self._layout.samples

    def __iter__(self) -> Iterator[np.ndarray]:
        """Chunks complex64 [n], n <= CHUNK_SAMPLES."""
        kind = self._layout.kind
        with self._file:
            done = 0
            for start, count in self._layout.segments:
                self._file.seek(start)
                for first in range(0, count, CHUNK_SAMPLES):
                    wanted = min(CHUNK_SAMPLES, count - first)
                    parts = np.fromfile(self._file, kind.component, 2 * wanted)
                    if len(parts) < 2 * wanted:
                        raise InputError(f"recording {self.path} became shorter while it was read")
                    chunk = kind.convert(parts)
                    finite = np.isfinite(chunk.view(np.float32)).reshape(-1, 2).all(axis=1)
                    if not finite.all():
                        bad = done + int(np.argmin(finite))
                        raise InputError(f"recording {self.path}: sample {bad} is not a finite number")
                    done += wanted
                    yield chunk
