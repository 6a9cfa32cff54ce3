"""The gate: a measured table that says, frame by frame, whether the denoiser helps.

A frame is described by what the receiver has: the level and the spread of its noise map, and how unevenly the power of
the denoised symbols is spread. The table is made by `python -m models.cddm.measure_gate`, and holds for the weights
that it was measured with alone.
"""

import json
import math
import warnings
from dataclasses import dataclass

import numpy as np

from gvc.errors import WeightsError
from models import weights
from models.arms import AWARE, BEHIND, DENOISER, ENCODER, Places

GATE = "gate.json"
LEVEL_EDGES_DB = (-18.0, -14.0, -10.0, -6.0, -2.0)
SPREAD_EDGES_DB = (1.0, 4.0)
LEAST_FRAMES = 12
"""In a cell, for it to have a threshold of its own; with fewer the denoiser is always on."""
WEIGHTS = (("jscc", ENCODER), ("jscc", AWARE), ("cddm", DENOISER), ("cddm", BEHIND))
REBUILD = "measure it anew: python -m models.cddm.measure_gate --help"


@dataclass(frozen=True)
class Features:
    """Mean and standard deviation of the noise map in dB, and E|x|^4 / (E|x|^2)^2 of the denoised symbols."""

    level_db: float
    spread_db: float
    peakedness: float

    @property
    def cell(self) -> tuple[int, int]:
        """Row and column of the table."""
        row = np.searchsorted(LEVEL_EDGES_DB, self.level_db)
        return int(row), int(np.searchsorted(SPREAD_EDGES_DB, self.spread_db))


def describe(noise_map: np.ndarray, estimate: np.ndarray) -> Features:
    """Noise map float32 [n], above 0, and denoised symbols complex64 [n] -> what the table is looked up by."""
    noise_db = 10 * np.log10(noise_map)
    power = np.abs(estimate.astype(np.complex128)) ** 2
    return Features(
        float(noise_db.mean()), float(noise_db.std()), float((power**2).mean() / (power.mean() ** 2 + 1e-12))
    )


@dataclass(frozen=True)
class Gate:
    """`least[row][column]`: least peakedness for which the denoiser is on; 0 for always, None for never."""

    least: tuple[tuple[float | None, ...], ...]

    @classmethod
    def fit(cls, found: list[tuple[Features, float]]) -> "Gate":
        """From (features, gain in dB of the denoiser and its decoder over the decoder without): in each cell the
        threshold of most total gain, if that is clearly more than with the denoiser always on.
        """
        rows = []
        for row in range(len(LEVEL_EDGES_DB) + 1):
            cells = (
                [(f.peakedness, gain) for f, gain in found if f.cell == (row, column)]
                for column in range(len(SPREAD_EDGES_DB) + 1)
            )
            rows.append(tuple(_threshold(cell) if len(cell) >= LEAST_FRAMES else 0.0 for cell in cells))
        return cls(tuple(rows))

    @classmethod
    def load(cls, places: Places) -> "Gate | None":
        """The table beside the weights of `places`; None where there is none, and, with a warning, where it was
        measured for other weights or is not in their manifest. Raises WeightsError when it is altered or no table.
        """
        path = places.folders["cddm"] / GATE
        if not path.exists():
            return None
        try:
            listed = GATE in weights.manifest(path.parent)
            content = json.loads(weights.check(path)) if listed else {}
            if not listed or content["measured_for"] != hashes(places):
                warnings.warn(f"'{path}' was measured for other weights, so there is no gate; {REBUILD}", stacklevel=2)
                return None
            if (content["level_edges_db"], content["spread_edges_db"]) != (list(LEVEL_EDGES_DB), list(SPREAD_EDGES_DB)):
                raise ValueError("other edges")
            least = tuple(tuple(None if v is None else float(v) for v in row) for row in content["least_peakedness"])
            if [len(row) for row in least] != [len(SPREAD_EDGES_DB) + 1] * (len(LEVEL_EDGES_DB) + 1):
                raise ValueError("other dimensions")
            if not all(v is None or math.isfinite(v) for row in least for v in row):
                raise ValueError("a threshold that is no finite number")
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise WeightsError(f"'{path}' is no gate's table ({error}); {REBUILD}") from error
        return cls(least)

    def allows(self, features: Features) -> bool:
        """Whether to decode the denoised symbols of a frame of these features."""
        row, column = features.cell
        least = self.least[row][column]
        return least is not None and features.peakedness >= least

    def __call__(self, symbols: np.ndarray, noise_map: np.ndarray, estimate: np.ndarray) -> bool:
        """Received symbols, noise map and denoised symbols, all [n] -> whether to decode the denoised ones."""
        return self.allows(describe(noise_map, estimate))


def hashes(places: Places) -> dict[str, str | None]:
    """SHA-256 of the weights that a table depends on."""
    manifests = {network: weights.manifest(places.folders[network]) for network in ("jscc", "cddm")}
    return {f"{network}/{file}": manifests[network].get(file, {}).get("sha256") for network, file in WEIGHTS}


def _threshold(cell: list[tuple[float, float]]) -> float | None:
    peakedness, gain = np.array(sorted(cell, reverse=True)).T
    # a threshold cannot part frames of equal peakedness
    total = np.where(np.append(np.diff(peakedness), -1) < 0, np.cumsum(gain), -np.inf)
    kept = int(total.argmax()) + 1 if total.max() > 0 else 0
    left_out = gain[kept:]
    # off only where that gains more than twice the standard error
    if -left_out.sum() <= 2 * np.sqrt((left_out**2).sum()):
        return 0.0
    return float(peakedness[kept - 1 : kept + 1].mean()) if kept else None
