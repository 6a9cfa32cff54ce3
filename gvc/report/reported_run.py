"""A run as its report needs it. Only run.json must be there; what else is absent is said, not invented."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from gvc.errors import InputError
from gvc.evaluation.metrics.description import METRICS, Description, read
from gvc.storage.run import BURSTS_FILE, METRICS_FILE, REFERENCE, SIGNAL_FILE, SWEEP_FILE, SYMBOLS_FILE, Run

_Part = TypeVar("_Part")


class ReportedRun:
    """The parts of the run in `path`.

    Attributes:
        run: run.json, the result of the link with `config`, `versions`, `stages`, `counters`.
        evaluation: metrics.json of the evaluator, or {}.
        sweep: rows {snr_db, arm, psnr_db, psnr_db_ci95} of sweep.json, or [].
        sweep_failure: why the sweep has no rows, or empty.
        bursts, symbols, signal: arrays by name from bursts.npz, symbols.npz and signal.npz, or {}.
        arms: names of the arms that have metrics or pictures, in the order of the run.
        frame_ids: ids of the pictures in frames/reference, sorted.
        problems: what could not be read, in words.

    Raises InputError when `path` has no readable run.json.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.problems: list[str] = []
        try:
            self._stored = Run(self.path)
            self.run: dict[str, Any] = self._stored.result
        except InputError as error:
            raise InputError(f"{self.path} is no run folder: it has no readable run.json ({error})") from error
        self.evaluation: dict[str, Any] = self._part(METRICS_FILE, lambda run: run.metrics, {})
        sweep: Any = self._part(SWEEP_FILE, lambda run: run.sweep, [])
        self.sweep = [row for row in sweep if _is_sweep_row(row)] if isinstance(sweep, list) else []
        self.sweep_failure = str(sweep["failed"]) if isinstance(sweep, dict) and "failed" in sweep else ""
        self.signal: dict[str, np.ndarray] = self._part(SIGNAL_FILE, lambda run: run.arrays(SIGNAL_FILE), {})
        self.bursts: dict[str, np.ndarray] = self._part(BURSTS_FILE, lambda run: run.arrays(BURSTS_FILE), {})
        self.symbols: dict[str, np.ndarray] = self._part(SYMBOLS_FILE, lambda run: run.arrays(SYMBOLS_FILE), {})
        shown = [name for name in self._stored.arms if name != REFERENCE]
        self.arms = list(dict.fromkeys([*self.run.get("arms", {}), *self.evaluation.get("arms", {}), *shown]))
        self.frame_ids = self._stored.picture_ids(REFERENCE) if REFERENCE in self._stored.arms else []

    def metrics(self, arm: str) -> dict[str, Any]:
        """Means by metric name, over all frames sent; the evaluator's come first."""
        return {**self.run.get("arms", {}).get(arm, {}), **self.evaluation.get("arms", {}).get(arm, {})}

    def column(self, arm: str, metric: str) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """(frame ids, values, lost) of one metric frame by frame, or None."""
        rows = self.metrics(arm).get("per_frame") or {}
        values = rows.get(metric)
        if not values or len(values) != len(rows.get("frame_id", ())):
            return None
        lost = rows.get("lost") or [False] * len(values)
        return (
            np.asarray(rows["frame_id"], np.int64),
            np.array([math.nan if v is None else v for v in values], np.float64),
            np.asarray(lost, bool),
        )

    def not_measured(self) -> dict[str, str]:
        """Reasons for missing metrics, by name."""
        return {**self.run.get("not_measured", {}), **self.evaluation.get("not_measured", {})}

    def described(self) -> dict[str, Description]:
        """What each metric is, by name: ours in their order, then those from outside that the run has."""
        told = self.evaluation.get("described") or {}
        return METRICS | {name: read(name, found) for name, found in told.items() if name not in METRICS}

    def picture(self, name: str, frame_id: int) -> np.ndarray | None:
        """uint8 [height, width, 3] of arm `name` (or "reference") as displayed, or None when absent."""
        if name not in self._stored.arms or frame_id not in self._stored.picture_ids(name):
            return None
        try:
            return self._stored.picture(name, frame_id)
        except InputError as error:
            self.problems.append(str(error))
            return None

    def frame_snr_db(self) -> dict[int, float]:
        """Mean estimated SNR of each frame's bursts, in dB, by frame id."""
        if not {"frame_id", "snr_db"} <= set(self.bursts):
            return {}
        ids, snr = self.bursts["frame_id"].astype(np.int64), self.bursts["snr_db"].astype(np.float64)
        return {int(i): float(snr[ids == i].mean()) for i in np.unique(ids)}

    def _part(self, name: str, part: Callable[[Run], _Part], otherwise: _Part) -> _Part:
        """`otherwise` where there is no file `name`, or it is damaged; a report without that part is still a report."""
        if not (self.path / name).exists():
            return otherwise
        try:
            return part(self._stored)
        except InputError as error:
            self.problems.append(str(error))
            return otherwise


def _is_sweep_row(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and isinstance(row.get("arm"), str)
        and all(isinstance(row.get(key), (int, float)) for key in ("snr_db", "psnr_db"))
    )
