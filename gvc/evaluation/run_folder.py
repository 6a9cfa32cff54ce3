"""Reading a run folder for its report. Only run.json must be there; what else is absent is said, not invented."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gvc import stored
from gvc.errors import InputError
from gvc.video import picture

REFERENCE = "reference"


class RunFolder:
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
        run = self._json("run.json")
        if not isinstance(run, dict):
            why = f" ({self.problems[0]})" if self.problems else ""
            raise InputError(f"{self.path} is no run folder: it has no readable run.json{why}")
        self.run: dict[str, Any] = run
        evaluation = self._json("metrics.json")
        self.evaluation: dict[str, Any] = evaluation if isinstance(evaluation, dict) else {}
        sweep = self._json("sweep.json")
        self.sweep = [row for row in sweep if _is_sweep_row(row)] if isinstance(sweep, list) else []
        self.sweep_failure = str(sweep["failed"]) if isinstance(sweep, dict) and "failed" in sweep else ""
        self.signal = self._arrays("signal.npz")
        self.bursts = self._arrays("bursts.npz")
        self.symbols = self._arrays("symbols.npz")
        named = [*self.run.get("arms", {}), *self.evaluation.get("arms", {}), *self._picture_folders()]
        self.arms = list(dict.fromkeys(named))
        self.frame_ids = self._pictures(REFERENCE)

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

    def picture(self, name: str, frame_id: int) -> np.ndarray | None:
        """uint8 [height, width, 3] of arm `name` (or "reference") as displayed, or None when absent."""
        path = self.path / "frames" / name / f"{frame_id:05d}.png"
        if not path.exists():
            return None
        try:
            return picture.read(path, f"frames/{name}/{path.name}")
        except InputError as error:
            self._note(str(error))
            return None

    def frame_snr_db(self) -> dict[int, float]:
        """Mean estimated SNR of each frame's bursts, in dB, by frame id."""
        if not {"frame_id", "snr_db"} <= set(self.bursts):
            return {}
        ids, snr = self.bursts["frame_id"].astype(np.int64), self.bursts["snr_db"].astype(np.float64)
        return {int(i): float(snr[ids == i].mean()) for i in np.unique(ids)}

    def _pictures(self, name: str) -> list[int]:
        return sorted(int(p.stem) for p in (self.path / "frames" / name).glob("*.png") if p.stem.isdecimal())

    def _picture_folders(self) -> list[str]:
        folder = self.path / "frames"
        return sorted(p.name for p in folder.iterdir() if p.is_dir() and p.name != REFERENCE) if folder.is_dir() else []

    def _json(self, name: str) -> Any:
        return self._read(stored.read_json, name)

    def _arrays(self, name: str) -> dict[str, np.ndarray]:
        return self._read(stored.read_arrays, name) or {}

    def _read(self, reader: Callable[[Path], Any], name: str) -> Any:
        """None when there is no such file, or it is damaged; a report without that part is still a report."""
        path = self.path / name
        if not path.exists():
            return None
        try:
            return reader(path)
        except InputError as error:
            self._note(str(error))
            return None

    def _note(self, problem: str) -> None:
        self.problems.append(problem)


def _is_sweep_row(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and isinstance(row.get("arm"), str)
        and all(isinstance(row.get(key), (int, float)) for key in ("snr_db", "psnr_db"))
    )
