"""What SigMF metadata says of a recording: where its samples lie in which file, and in what form."""

import hashlib
import json
import math
import re
import tarfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gvc.errors import InputError

RATE_TOLERANCE = 1e-6
"""By so much, relatively, the stated sample rate may differ from the radio's: rates come out of dividers and floats."""
_MAX_META_BYTES = 1 << 20
_TYPE = re.compile(r"([cr])([fiu])(8|16|32|64)(_le|_be)?")
_ASK = "save the part that is meant as a recording of its own"


@dataclass(frozen=True)
class SampleType:
    """One complex sample: I, then Q, each a number `component`, scaled so that an integer's full scale is 1."""

    component: np.dtype

    @property
    def bytes(self) -> int:
        return 2 * self.component.itemsize

    def convert(self, components: np.ndarray) -> np.ndarray:
        """Components as read [2 n] -> samples complex64 [n]."""
        if self.component.kind == "f":
            with np.errstate(over="ignore"):
                return components.astype(np.float32).view(np.complex64)
        half = 2.0 ** (8 * self.component.itemsize - 1)
        shift = half if self.component.kind == "u" else 0.0
        return ((components.astype(np.float64) - shift) / half).astype(np.float32).view(np.complex64)


CF32 = SampleType(np.dtype("<f4"))


@dataclass(frozen=True)
class SampleLayout:
    """Samples in `file`: `segments` are (first byte, number of samples), to be read one behind the other."""

    file: Path
    kind: SampleType
    segments: tuple[tuple[int, int], ...]

    @property
    def samples(self) -> int:
        return sum(count for _, count in self.segments)


def plain(file: Path, first: int, size: int, kind: SampleType = CF32) -> SampleLayout:
    """`size` bytes of samples from byte `first` on. Raises InputError when they are no whole number of samples."""
    if size == 0:
        raise InputError(f"recording {file} is empty")
    if size % kind.bytes:
        raise InputError(
            f"recording {file} has {size} bytes, not a whole number of complex samples of "
            f"{kind.bytes} bytes: is it truncated, or of another type?"
        )
    return SampleLayout(file, kind, ((first, size // kind.bytes),))


def pair(meta: Path, sample_rate_hz: float | None = None, center_frequency_hz: float | None = None) -> SampleLayout:
    """The samples that `meta` describes, in the file beside it.

    Raises InputError: unreadable, no SigMF, another rate than `sample_rate_hz`, several channels or a retune, samples
    that are no complex numbers, or a file that is not the one described. A centre frequency other than
    `center_frequency_hz`, and gaps between captures, are warned of.
    """
    try:
        with open(meta, "rb") as file:
            about = _Metadata(str(meta), file.read(_MAX_META_BYTES + 1))
    except OSError as error:
        raise InputError(f"SigMF metadata {meta} cannot be read: {error.strerror}") from error
    named = about.text("core:dataset")
    if named is not None and (Path(named).name != named or named in ("", ".", "..")):
        raise InputError(f"{meta}: core:dataset {named!r} is no name of a file beside it")
    data = meta.with_name(named) if named else meta.with_suffix(".sigmf-data")
    about.check(sample_rate_hz, center_frequency_hz)
    try:
        size = data.stat().st_size
        about.check_content(data, 0, size)
    except (OSError, ValueError) as error:
        # ValueError: the metadata names a file as no file system does
        why = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"recording {str(data)!r} cannot be read: {why}") from error
    return about.layout(data, 0, size)


def archive(path: Path, sample_rate_hz: float | None = None, center_frequency_hz: float | None = None) -> SampleLayout:
    """The samples in a SigMF archive, a tar of one recording; see `pair`."""
    try:
        with tarfile.open(path, "r:") as file:
            members = {member.name: member for member in file if member.isfile()}
            metas = [name for name in members if name.endswith(".sigmf-meta")]
            if len(metas) != 1:
                raise InputError(f"{path} holds {len(metas)} recordings: unpack it, and give one of them")
            content = file.extractfile(members[metas[0]])
            about = _Metadata(f"{path}: {metas[0]}", content.read(_MAX_META_BYTES + 1) if content else b"")
            data = members.get(metas[0].removesuffix("-meta") + "-data")
    except (tarfile.TarError, OSError, ValueError) as error:
        raise InputError(f"{path} is no SigMF archive, which is an uncompressed tar: {error}") from error
    about.check(sample_rate_hz, center_frequency_hz)
    if data is None:
        raise InputError(f"{path} holds no .sigmf-data beside {metas[0]}")
    try:
        if data.sparse is not None or data.offset_data + data.size > path.stat().st_size:
            raise InputError(f"{path} is truncated: get a complete file")
        about.check_content(path, data.offset_data, data.size)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    return about.layout(path, data.offset_data, data.size)


class _Metadata:
    """Parsed metadata; `name` is for messages."""

    def __init__(self, name: str, text: bytes):
        self.name = name
        if len(text) > _MAX_META_BYTES:
            raise InputError(f"{name} is larger than {_MAX_META_BYTES} bytes")
        try:
            about: Any = json.loads(text)
            self._global: dict[str, Any] = dict(about["global"])
            self._captures: list[dict[str, Any]] = [dict(capture) for capture in about.get("captures") or [{}]]
            datatype = str(self._global["core:datatype"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(f"{name} is not SigMF metadata with global.core:datatype") from error
        self.kind = _sample_type(name, datatype)

    def text(self, key: str) -> str | None:
        value = self._global.get(key)
        if value is not None and not isinstance(value, str):
            raise InputError(f"{self.name}: {key} {value!r} is no text")
        return value

    def check(self, sample_rate_hz: float | None, center_frequency_hz: float | None) -> None:
        """Whether the radio can make anything of it."""
        if self._global.get("core:metadata_only"):
            raise InputError(f"{self.name} states that it has no samples (core:metadata_only): get the data file too")
        channels = self._count(self._global, "core:num_channels", 1)
        if channels != 1:
            raise InputError(f"{self.name} has {channels} channels in turns, one can be received: {_ASK}")
        rate = self._number(self._global, "core:sample_rate")
        if _differ(rate, sample_rate_hz):
            raise InputError(
                f"{self.name}: sample rate {rate!r} Hz, but the radio has {sample_rate_hz:g} Hz: "
                "choose the radio of the recording, or resample it"
            )
        tuned = [self._number(capture, "core:frequency") for capture in self._captures]
        if len({frequency for frequency in tuned if frequency is not None}) > 1:
            changed = next(i for i, frequency in enumerate(tuned) if frequency != tuned[0])
            start = self._count(self._captures[changed], "core:sample_start", 0)
            raise InputError(f"{self.name} is tuned to another frequency from sample {start} on; {_ASK}")
        if len(tuned) > 1:
            warnings.warn(f"{self.name}: {len(tuned)} captures are read as one, without the time between", stacklevel=4)
        if _differ(tuned[0], center_frequency_hz):
            warnings.warn(
                f"{self.name} was recorded at {tuned[0]:g} Hz, the radio is for {center_frequency_hz:g} Hz; at "
                "baseband both are read alike",
                stacklevel=4,
            )

    def check_content(self, file: Path, first: int, size: int) -> None:
        """Whether the bytes are those that were described. Raises OSError when they cannot be read."""
        stated = self.text("core:sha512")
        if stated is None:
            return
        digest, left = hashlib.sha512(), size
        with open(file, "rb") as stream:
            stream.seek(first)
            while left and (part := stream.read(min(left, 1 << 20))):
                digest.update(part)
                left -= len(part)
        if digest.hexdigest() != stated.lower():
            raise InputError(
                f"{file} is not what {self.name} describes (its SHA-512 differs from core:sha512): get both files "
                "anew, or take core:sha512 out of the metadata"
            )

    def layout(self, file: Path, first: int, size: int) -> SampleLayout:
        """Where the samples are in `size` bytes from byte `first` on, between the headers of captures."""
        headers = [self._count(capture, "core:header_bytes", 0) for capture in self._captures]
        trailing = self._count(self._global, "core:trailing_bytes", 0)
        payload = size - trailing - sum(headers)
        if size and payload <= 0:
            raise InputError(f"{self.name}: header and trailing bytes leave no sample of {file}'s {size} bytes")
        whole = plain(file, first, max(payload, 0), self.kind)
        offset = self._count(self._global, "core:offset", 0)
        starts = [self._count(capture, "core:sample_start", offset) - offset for capture in self._captures[1:]]
        borders = [0, *starts, whole.samples]
        if borders != sorted(borders):
            raise InputError(f"{self.name}: captures start at {starts}, in a file of {whole.samples} samples")
        segments = []
        for header, start, end in zip(headers, borders[:-1], borders[1:], strict=True):
            first += header
            segments.append((first, end - start))
            first += (end - start) * self.kind.bytes
        return SampleLayout(file, self.kind, tuple(segments))

    def _count(self, where: dict[str, Any], key: str, default: int) -> int:
        value = where.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
            raise InputError(f"{self.name}: {key} {value!r} is no count")
        return value

    def _number(self, where: dict[str, Any], key: str) -> float | None:
        value = where.get(key)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < 1e18:
            raise InputError(f"{self.name}: {key} {value!r} is no number of Hz")
        return float(value)


def _differ(stated: float | None, wanted: float | None) -> bool:
    return stated is not None and wanted is not None and not math.isclose(stated, wanted, rel_tol=RATE_TOLERANCE)


def _sample_type(name: str, datatype: str) -> SampleType:
    found = _TYPE.fullmatch(datatype)
    if found is None or (found[2] == "f" and found[3] in ("8", "16")) or (found[2] != "f" and found[3] == "64"):
        raise InputError(f"{name}: datatype {datatype!r} cannot be read; convert the recording to cf32_le")
    if found[1] == "r":
        raise InputError(f"{name}: datatype {datatype!r} is of real samples: convert the recording to complex baseband")
    if (found[3] == "8") == bool(found[4]):
        raise InputError(f"{name}: datatype {datatype!r}: from 16 bits on, and only there, it ends with _le or _be")
    order = ">" if found[4] == "_be" else "<"
    return SampleType(np.dtype(f"{order}{found[2]}{int(found[3]) // 8}"))
