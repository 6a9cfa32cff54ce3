"""Files of samples: raw complex floats (`.cf32`), a SigMF pair (`.sigmf-data` with `.sigmf-meta`), or its archive."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gvc.errors import InputError, LinkError
from gvc.storage import files, sigmf
from gvc.version import __version__

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

    Args:
        scale: factor of every sample; None scales the whole file so that its peak is 1, at `commit`.

    Attributes:
        samples: how many were written. peak: the largest magnitude among them. scale: the factor, once it is known.

    Raises InputError when the file cannot be made, LinkError when it cannot be written on (disk full).
    """

    def __init__(
        self,
        path: str | Path,
        sample_rate_hz: float,
        center_frequency_hz: float,
        description: str = "",
        scale: float | None = 1.0,
    ):
        self.path, self._meta = sample_paths(path)
        self.samples = 0
        self.peak = 0.0
        self.scale = scale
        self._draft = files.draft_of(self.path)
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
            files.clear_drafts(self.path)
            self._file = open(self._draft, "wb", buffering=0)
        except OSError as error:
            raise InputError(f"{path} cannot be written: {error.strerror}") from error
        self._lock = files.locked(self._draft)

    def __enter__(self) -> "SampleWriter":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def write(self, samples: np.ndarray) -> None:
        """Append complex samples [n]."""
        scaled = np.ascontiguousarray(samples if self.scale in (None, 1.0) else samples * self.scale, "<c8")
        self.peak = max(self.peak, float(np.abs(scaled).max(initial=0.0)))
        data = scaled.data.cast("B")
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
            if self.scale is None:
                self._scale_to_full()
            if self._meta:
                files.write_json(self._meta, self._about, indent=2)
            files.put(self._draft, self.path)
        except OSError as error:
            raise LinkError(f"{self.path} cannot be written: {error.strerror}") from error

    def _scale_to_full(self) -> None:
        # A hair below 1: rounding must not lift a peak above it.
        self.scale = (1 - 2**-20) / self.peak if self.peak else 1.0
        for start in range(0, self.samples, CHUNK_SAMPLES):
            count = min(CHUNK_SAMPLES, self.samples - start)
            np.memmap(self._draft, "<c8", "r+", 8 * start, (count,))[:] *= np.float32(self.scale)
        self.peak *= self.scale

    def close(self) -> None:
        """Close, and remove what was not committed."""
        self._file.close()
        self._draft.unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


class SampleReader:
    """Samples of a recording, in chunks; `samples` is their number.

    A SigMF recording may hold complex integers or floats of any size and byte order: integers are scaled to a full
    scale of 1. Its rate may differ from `sample_rate_hz` by `sigmf.RATE_TOLERANCE`. A name in .sigmf is an archive
    where there is one of this name, else a pair.

    Raises InputError: no such file, empty, not a whole number of samples, or metadata that forbids it, see
    `gvc.storage.sigmf.pair`. Samples that are not finite are given as they are: the receiver counts them. `missing`:
    samples that were gone when they were to be read, because the file had become shorter.
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
        self.missing = 0

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
                    chunk = kind.convert(parts[: len(parts) // 2 * 2])
                    done += len(chunk)
                    if len(chunk):
                        yield chunk
                    if len(chunk) < wanted:
                        self.missing = self.samples - done
                        return
