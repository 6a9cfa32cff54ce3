"""A run folder, opened in one line.

>>> import gvc
>>> run = gvc.load("runs/first")            # doctest: +SKIP
>>> print(run)                               # doctest: +SKIP
>>> run.frame(0).noise_map, run.evm_db       # doctest: +SKIP
>>> run.picture("jscc+cddm", 0)              # doctest: +SKIP
"""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gvc.errors import InputError
from gvc.phy.numerology import Numerology
from gvc.registry import nearest
from gvc.storage import files
from gvc.storage.arrays import read_arrays
from gvc.video import picture

RUN_FILE = "run.json"
SYMBOLS_FILE = "symbols.npz"
BURSTS_FILE = "bursts.npz"
SIGNAL_FILE = "signal.npz"
METRICS_FILE = "metrics.json"
SWEEP_FILE = "sweep.json"
REFERENCE = "reference"
"""The pictures that were sent, among those of the arms."""


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
        self._ids: dict[str, list[int]] = {}
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
        return files.read_mapping(self.folder / RUN_FILE)

    @functools.cached_property
    def metrics(self) -> dict[str, Any]:
        path = self.folder / METRICS_FILE
        return files.read_mapping(path) if path.exists() else {}

    @functools.cached_property
    def symbols(self) -> dict[str, np.ndarray]:
        return self._checked(SYMBOLS_FILE, _symbols_fit)

    @functools.cached_property
    def bursts(self) -> dict[str, np.ndarray]:
        return self._checked(BURSTS_FILE, _bursts_fit)

    @functools.cached_property
    def signal(self) -> dict[str, np.ndarray]:
        """What the probes of both ends measured, by name; {} where none did."""
        return self.arrays(SIGNAL_FILE) if (self.folder / SIGNAL_FILE).exists() else {}

    @functools.cached_property
    def sweep(self) -> Any:
        """sweep.json: rows {snr_db, arm, psnr_db, psnr_db_ci95}, or {failed: why}; [] where there is none."""
        path = self.folder / SWEEP_FILE
        return files.read_json(path) if path.exists() else []

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
        if arm not in self._ids:
            stems = [path.stem for path in self._shown[arm].glob("*.png")]
            self._ids[arm] = sorted(int(stem) for stem in stems if stem.isdecimal())
        return list(self._ids[arm])

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

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        """The arrays of one of the run's files by name, whether or not they fit together."""
        return read_arrays(self.folder / name)

    def _checked(self, name: str, fit: Callable[[dict[str, np.ndarray]], bool]) -> dict[str, np.ndarray]:
        arrays = self.arrays(name)
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
