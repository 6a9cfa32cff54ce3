"""Run folders: written whole or not at all, opened in one line.

>>> import gvc
>>> run = gvc.load("runs/first")            # doctest: +SKIP
>>> print(run)                               # doctest: +SKIP
>>> run.frame(0).noise_map, run.evm_db       # doctest: +SKIP
>>> run.picture("jscc+cddm", 0)              # doctest: +SKIP
"""

import contextlib
import fcntl
import functools
import glob
import json
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gvc import stored
from gvc.errors import InputError, LinkError
from gvc.phy.numerology import Numerology
from gvc.registry import nearest
from gvc.video import picture

RUN_FILE = "run.json"
SYMBOLS_FILE = "symbols.npz"
BURSTS_FILE = "bursts.npz"
SIGNAL_FILE = "signal.npz"


_SYMBOLS = "equalised", "noise_map", "true", "denoised"


@dataclass(frozen=True)
class FrameRecord:
    """One received frame. All arrays [n]: `equalised`, `true`, `denoised` complex64 (the last two may be NaN where not
    recorded), `noise_map` float32.
    """

    frame_id: int
    equalised: np.ndarray
    noise_map: np.ndarray
    true: np.ndarray
    denoised: np.ndarray


class Run:
    """A run folder; `print(run)` says what is in it, iterating gives a `FrameRecord` for each received frame.

    Attributes, read when first asked for: `result` (run.json), `metrics` (metrics.json or {}), `symbols` and `bursts`
    (dictionaries of arrays), and of each received burst `evm_db`, `snr_db`, `cfo_hz` float [B] and `channel`, the
    estimate complex64 [B, rx_antennas, carriers].

    Raises InputError when the folder is no run, or what is asked for is not in it or damaged.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        try:
            there = (self.folder / RUN_FILE).is_file()
        except OSError as error:
            raise InputError(f"run folder '{folder}' cannot be read: {error.strerror}") from error
        if not there:
            raise InputError(f"'{folder}' is no run folder: it has no {RUN_FILE}")

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r}, {len(self)} frames, {len(self.evm_db)} bursts)"

    def __str__(self) -> str:
        return "\n".join([repr(self), *(f"  {name}: {what}" for name, what in self.contents().items())])

    def __len__(self) -> int:
        return len(self.frame_ids)

    def __iter__(self) -> Iterator[FrameRecord]:
        return (self.frame(index) for index in range(len(self)))

    @functools.cached_property
    def result(self) -> dict[str, Any]:
        return stored.read_mapping(self.folder / RUN_FILE)

    @functools.cached_property
    def metrics(self) -> dict[str, Any]:
        path = self.folder / "metrics.json"
        return stored.read_mapping(path) if path.exists() else {}

    @functools.cached_property
    def symbols(self) -> dict[str, np.ndarray]:
        return self._checked(SYMBOLS_FILE, _symbols_fit)

    @functools.cached_property
    def bursts(self) -> dict[str, np.ndarray]:
        return self._checked(BURSTS_FILE, _bursts_fit)

    @property
    def frame_ids(self) -> np.ndarray:
        return self.symbols["frame_id"]

    @property
    def evm_db(self) -> np.ndarray:
        return self.bursts["evm_db"]

    @property
    def snr_db(self) -> np.ndarray:
        return self.bursts["snr_db"]

    @property
    def cfo_hz(self) -> np.ndarray:
        return self.bursts["cfo_hz"]

    @property
    def channel(self) -> np.ndarray:
        return self.bursts["channel"]

    @property
    def true_magnitude(self) -> np.ndarray:
        """|H| of the simulated channel in the middle of each burst's long training: float32 [B, rx_antennas, carriers],
        to hold |`channel`| against.
        """
        if "true_magnitude" not in self.bursts:
            raise InputError(f"{self.folder} has no true channel: it is known where `gvc link` simulates one")
        return self.bursts["true_magnitude"]

    @property
    def arms(self) -> list[str]:
        """Names of the arms of which there are pictures; "reference" is what was sent."""
        return sorted(self._shown)

    @functools.cached_property
    def _shown(self) -> dict[str, Path]:
        """The folder of pictures of each arm."""
        folder = self.folder / "frames"
        found = {path.name: path for path in folder.iterdir() if path.is_dir()} if folder.is_dir() else {}
        if any(folder.glob("*.png")):
            # `gvc rx` has one arm, and no folder for it
            found[str(self.result.get("arm", "received"))] = folder
        return found

    def frame(self, index: int) -> FrameRecord:
        """The `index`-th received frame; -1 is the last one."""
        if not -len(self) <= index < len(self):
            raise InputError(f"{self.folder} has {len(self)} received frames: there is no frame({index})")
        index %= len(self)
        start, end = self.symbols["offsets"][index : index + 2]
        return FrameRecord(int(self.frame_ids[index]), *(self.symbols[name][start:end] for name in _SYMBOLS))

    def picture_ids(self, arm: str) -> list[int]:
        """Ids of the frames of which there are pictures of an arm, or of "reference"."""
        if arm not in self.arms:
            raise InputError(f"{self.folder} has no pictures of '{arm}'{nearest(arm, self.arms)} (has: {self.arms})")
        return sorted(int(path.stem) for path in self._shown[arm].glob("*.png") if path.stem.isdecimal())

    def picture(self, arm: str, frame_id: int) -> np.ndarray:
        """uint8 [height, width, 3], a frame as displayed by an arm; `arm` "reference": as sent. Of `gvc rx`, the
        `frame_id`-th picture shown.
        """
        ids = self.picture_ids(arm)
        if frame_id not in ids:
            has = f"{ids[0]} to {ids[-1]}" if ids else "none"
            raise InputError(f"{self.folder} has no picture {frame_id} of '{arm}' (has: {has})")
        return picture.read(self._shown[arm] / f"{frame_id:05d}.png")

    def grid(self) -> np.ndarray:
        """complex64 [OFDM symbols, data carriers]: received resource elements of the first frames before the
        equaliser, in the order of the air.
        """
        try:
            carriers = len(Numerology.load(self.result["config"]["phy"]["numerology"]).data_index)
            return self.symbols["received"].reshape(-1, carriers)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{self.folder} holds no resource elements before the equaliser: {error!r}") from error

    def contents(self) -> dict[str, str]:
        """What there is, by the expression that gives it: shapes and types of arrays, numbers of pictures."""
        arrays = {"symbols": self.symbols, "bursts": self.bursts}
        found = {"result": f"{RUN_FILE}: {', '.join(self.result)}"}
        if self.metrics:
            found["metrics"] = f"metrics.json: {', '.join(self.metrics)}"
        for group, members in arrays.items():
            found |= {f"{group}[{name!r}]": f"{array.dtype} {list(array.shape)}" for name, array in members.items()}
        found["frame(0)"] = f"one of {len(self)} received frames: {', '.join(FrameRecord.__dataclass_fields__)}"
        found |= {f"picture({arm!r}, id)": f"{len(self.picture_ids(arm))} pictures" for arm in self.arms}
        return found

    def _checked(self, name: str, fit: Callable[[dict[str, np.ndarray]], bool]) -> dict[str, np.ndarray]:
        arrays = stored.read_arrays(self.folder / name)
        try:
            whole = fit(arrays)
        except (KeyError, IndexError, TypeError) as error:
            raise InputError(f"{self.folder / name} is damaged: it lacks {error}") from error
        if not whole:
            raise InputError(f"{self.folder / name} is damaged: its arrays do not fit together")
        return arrays


def _symbols_fit(arrays: dict[str, np.ndarray]) -> bool:
    ids, offsets, parts = arrays["frame_id"], arrays["offsets"], [arrays[name] for name in _SYMBOLS]
    return (
        ids.ndim == offsets.ndim == 1
        and ids.dtype.kind in "iu"
        and offsets.dtype.kind in "iu"
        and len(offsets) == len(ids) + 1
        and offsets[0] == 0
        and bool((offsets[1:] >= offsets[:-1]).all())
        and all(part.shape == (offsets[-1],) for part in parts)
    )


def _bursts_fit(arrays: dict[str, np.ndarray]) -> bool:
    channel = arrays["channel"]
    return channel.ndim == 3 and all(arrays[name].shape == channel.shape[:1] for name in ("evm_db", "snr_db", "cfo_hz"))


def load(folder: str | Path) -> Run:
    """Open a run folder; see `Run`."""
    return Run(folder)


class ArrayLog:
    """An array that grows on disk instead of in memory. Raises LinkError when the disk is full."""

    def __init__(self, path: Path, dtype: Any):
        self.path = path
        self.dtype = np.dtype(dtype)
        self._file = open(path, "wb")

    def append(self, values: np.ndarray) -> None:
        """Add `values` at the end."""
        try:
            self._file.write(np.ascontiguousarray(values, self.dtype).data)
        except OSError as error:
            raise _full(self.path, error) from error

    def read(self) -> np.ndarray:
        """Everything so far, one-dimensional; a view of the file."""
        try:
            self._file.flush()
        except OSError as error:
            raise _full(self.path, error) from error
        if not self.path.stat().st_size:
            return np.zeros(0, self.dtype)
        return np.memmap(self.path, self.dtype, "r")

    def remove(self) -> None:
        """Close and delete the file."""
        try:
            self._file.close()
        finally:
            self.path.unlink(missing_ok=True)


def _on_stderr(sentence: str) -> None:
    print(sentence, file=sys.stderr)


class RunFolder:
    """A run folder in the making, beside its final place; only `commit` or `keep` put it there.

    Use as a context manager: what is not committed is removed, and what a killed process left of earlier drafts too.
    Its name is new each time and locked while its process lives, so that a process with the same number, in a container
    started anew, cannot mistake it. `tell` is given a sentence when a run is replaced.

    Raises InputError when `out` exists and is no run folder, or cannot be made.
    """

    def __init__(self, out: str | Path, tell: Callable[[str], None] = _on_stderr):
        self.out = Path(out)
        self._tell = tell
        _clear_drafts(self.out)
        if self.out.exists() and not ((self.out / RUN_FILE).is_file() or _is_empty(self.out)):
            raise InputError(f"--out {out} exists and is no run folder; give another name")
        self.path = self.out.with_name(f".{self.out.name}.part-{secrets.token_hex(4)}")
        try:
            self.out.parent.mkdir(parents=True, exist_ok=True)
            self.path.mkdir()
        except OSError as error:
            raise InputError(f"--out {out} cannot be made: {error.strerror}") from error
        self._lock = _lock(self.path)

    def __enter__(self) -> "RunFolder":
        return self

    def __exit__(self, *exception: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def log(self, name: str, dtype: Any) -> ArrayLog:
        """A growing array in this folder."""
        return ArrayLog(self.path / f"{name}.log", dtype)

    def save(self, name: str, **arrays: np.ndarray) -> None:
        """Write `name`, an npz of `arrays`."""
        try:
            np.savez(self.path / name, **arrays)
        except OSError as error:
            raise _full(self.path / name, error) from error

    def commit(self, result: dict[str, Any] | None = None) -> Path:
        """Write `result` as run.json, if given, and take the final place; an older run there is replaced, and told of.

        Raises LinkError when that fails, for example on a full disk.
        """
        if (self.out / RUN_FILE).is_file():
            self._tell(f"the run that was in {self.out} is replaced")
        return self._move(self.out, result)

    def keep(self, result: dict[str, Any]) -> Path:
        """Keep what there is of a run that is not complete, with `result` and `complete: false` as run.json; the path:
        the final place when nothing is there, else NAME-incomplete beside it. Raises as `commit`.
        """
        out = self.out
        if out.exists() and not _is_empty(out):
            out = out.with_name(f"{out.name}-incomplete")
        return self._move(out, {**result, "complete": False})

    def _move(self, out: Path, result: dict[str, Any] | None) -> Path:
        try:
            if result is not None:
                (self.path / RUN_FILE).write_text(json.dumps(result, indent=1, allow_nan=False) + "\n")
            old = out.with_name(f".{out.name}.old-{secrets.token_hex(4)}")
            if out.exists():
                out.rename(old)
            self.path.rename(out)
            shutil.rmtree(old, ignore_errors=True)
        except OSError as error:
            raise _full(out, error) from error
        return out


def _clear_drafts(out: Path) -> None:
    """Remove the drafts of `out` whose process is gone; give back the run that one was about to replace."""
    for draft in out.parent.glob(f".{glob.escape(out.name)}.part-*"):
        lock = _lock(draft)
        if lock is not None:
            shutil.rmtree(draft, ignore_errors=True)
            os.close(lock)
    for old in out.parent.glob(f".{glob.escape(out.name)}.old-*"):
        if not out.exists():
            with contextlib.suppress(OSError):
                old.rename(out)
        else:
            shutil.rmtree(old, ignore_errors=True)


def _lock(folder: Path) -> int | None:
    """A descriptor that keeps `folder` locked until it is closed or its process ends; None when another one has it, or
    the file system knows no locks.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


def _full(path: Path, error: OSError) -> LinkError:
    return LinkError(f"{path} cannot be written: {error.strerror or error}")
