"""Files of samples: raw complex floats (`.cf32`) or a SigMF pair (`.sigmf-data` with `.sigmf-meta`)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gvc import __version__
from gvc.errors import InputError, LinkError

CHUNK_SAMPLES = 65536
_SIGMF = (".sigmf-data", ".sigmf-meta", ".sigmf")
_MAX_META_BYTES = 1 << 20
_SAMPLE_BYTES = 8


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

    Raises InputError: no such file, empty, not a whole number of samples, another sample type or rate than expected;
    while iterating: a sample that is not finite.
    """

    def __init__(self, path: str | Path, sample_rate_hz: float | None = None):
        self.path, meta = sample_paths(path)
        if meta is not None:
            _check(meta, sample_rate_hz)
        try:
            size = self.path.stat().st_size
            self._file = open(self.path, "rb")
        except OSError as error:
            raise InputError(f"recording {self.path} cannot be read: {error.strerror}") from error
        if size == 0:
            raise InputError(f"recording {self.path} is empty")
        if size % _SAMPLE_BYTES:
            raise InputError(
                f"recording {self.path} has {size} bytes, not a whole number of complex float samples of "
                f"{_SAMPLE_BYTES} bytes: is it truncated, or of another type?"
            )
        self.samples = size // _SAMPLE_BYTES

    def __iter__(self) -> Iterator[np.ndarray]:
        """Chunks complex64 [n], n <= CHUNK_SAMPLES."""
        with self._file:
            done = 0
            while done < self.samples:
                wanted = min(CHUNK_SAMPLES, self.samples - done)
                chunk = np.fromfile(self._file, "<c8", wanted)
                if len(chunk) < wanted:
                    raise InputError(f"recording {self.path} became shorter while it was read")
                finite = np.isfinite(chunk.view(np.float32)).reshape(-1, 2).all(axis=1)
                if not finite.all():
                    bad = done + int(np.argmin(finite))
                    raise InputError(f"recording {self.path}: sample {bad} is not a finite number")
                done += wanted
                yield chunk


def _check(meta: Path, sample_rate_hz: float | None) -> None:
    try:
        with open(meta, "rb") as file:
            text = file.read(_MAX_META_BYTES + 1)
        if len(text) > _MAX_META_BYTES:
            raise InputError(f"{meta} is larger than {_MAX_META_BYTES} bytes")
        about: Any = json.loads(text)["global"]
        datatype, rate = about["core:datatype"], about.get("core:sample_rate")
    except OSError as error:
        raise InputError(f"SigMF metadata {meta} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{meta} is not SigMF metadata with global.core:datatype") from error
    if datatype != "cf32_le":
        raise InputError(f"{meta}: datatype {datatype!r} cannot be read; convert the recording to cf32_le")
    if sample_rate_hz is not None and rate is not None and rate != sample_rate_hz:
        raise InputError(f"{meta}: sample rate {rate!r} Hz, but the radio has {sample_rate_hz:g} Hz")
