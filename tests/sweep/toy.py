"""Points that tests sweep over; a copy lies where a test's workers import it from."""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from gvc import seeds


def normal(parameters: dict, seed: int) -> list[dict]:
    """Two arms around `mean`: a value with its error count, and how long it took."""
    began = time.perf_counter()
    time.sleep(parameters.get("sleep", 0.0))
    draw = seeds.stream(seed, f"toy/{parameters['mean']}").normal(parameters["mean"], parameters.get("spread", 1.0))
    errors = np.int64(seed % 2)
    rows = [{"arm": arm, "value": draw + offset, "errors": errors} for arm, offset in (("a", 0), ("b", 5))]
    return [
        {**row, "omp": os.environ.get("OMP_NUM_THREADS"), "run_seconds": time.perf_counter() - began} for row in rows
    ]


def fails(parameters: dict, seed: int) -> dict:
    """Goes wrong at some seeds, in the way of `how`."""
    if seed in parameters["at"]:
        if parameters["how"] == "raise":
            raise Unpicklable(1, 2)
        if parameters["how"] == "exit":
            sys.exit("enough")
        if parameters["how"] == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        return {"value": [1, 2]}
    return {"value": seed}


def dies_once(parameters: dict, seed: int) -> dict:
    """Kills its worker the first time that a seed of `at` is run."""
    mark = Path(parameters["marks"]) / str(seed)
    if seed in parameters["at"] and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"value": seed}


class Unpicklable(Exception):
    """Cannot be made again from its text, as exceptions are on their way between processes."""

    def __init__(self, first: int, second: int):
        super().__init__(f"first {first}, second {second}")


def depends(parameters: dict, seed: int) -> dict:
    """Depends on a file."""
    return {"text": Path(parameters["file"]).read_text(), "seed_squared": seed**2}


depends.inputs = lambda parameters: [Path(parameters["file"])]
