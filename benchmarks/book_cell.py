"""One cell of the results book, computed again: is the book's path still the one that its figures came by?

Of the cells of `--sweep` the one with the values `--where` (clip=..., radio=..., snr_db=..., cbr=...), its first
`--seeds` draws of the channel. A row an arm: mean of `--column` in the book and anew over these draws, their mean
difference with its 95 % interval (bootstrap over draws), the type that networks computed in, and the weights' hash.
"""

import json

import numpy as np

from benchmarks.common import emit, parser
from benchmarks.results_book import BOOK
from gvc.bootstrap import mean_ci95
from gvc.errors import InputError
from gvc.sweep.config import load
from gvc.sweep.store import read_table
from gvc.sweep.task import run

CELL = "clip=bikes.mp4 radio=sim-awgn snr_db=10 cbr=1/48"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--sweep", default="main", help="of docs/results/sweeps, by name")
    options.add_argument("--where", default=CELL, help="KEY=VALUE ... of one cell")
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--column", default="psnr_db")
    arguments = options.parse_args()
    config = load(BOOK / "sweeps" / f"{arguments.sweep}.yaml")
    cell = chosen(config.cells, arguments.where)
    seeds = range(1, min(arguments.seeds, config.seeds.min) + 1)
    book = [
        row
        for row in read_table(BOOK / "data" / f"{arguments.sweep}.parquet")
        if row["seed"] in seeds and all(row[key] == value for key, value in cell.items() if key in config.grid)
    ]
    anew = [{**row, "seed": seed} for seed in seeds for row in run(config.point, cell, seed)]
    rows = []
    for arm in dict.fromkeys(row["arm"] for row in anew):
        old, new = (
            {row["seed"]: float(row[arguments.column]) for row in rows_of if row["arm"] == arm}
            for rows_of in (book, anew)
        )
        apart = np.array([new[seed] - old[seed] for seed in seeds if seed in old])
        interval = mean_ci95(apart, 0) if len(apart) else None
        of_arm = next(row for row in anew if row["arm"] == arm)
        rows.append(
            {
                "arm": arm,
                "seeds": len(apart),
                "book": float(np.mean(list(old.values()))) if old else None,
                "anew": float(np.mean(list(new.values()))),
                "apart": float(apart.mean()) if len(apart) else None,
                "apart_ci95": [round(end, 3) for end in interval] if interval else None,
                "dtype": of_arm["dtype"],
                "weights": of_arm["weights"][:8],
            }
        )
    emit(rows, arguments.json, cell=cell)


def chosen(cells: list[dict], where: str) -> dict:
    """The one cell with these values; raises InputError for none or several."""
    wanted = {}
    for word in where.split():
        key, _, value = word.partition("=")
        try:
            wanted[key] = json.loads(value)
        except json.JSONDecodeError:
            wanted[key] = value
    found = [cell for cell in cells if all(cell.get(key) == value for key, value in wanted.items())]
    if len(found) != 1:
        raise InputError(f"{len(found)} cells have {where}: give a value of each of {', '.join(cells[0])}")
    return found[0]


if __name__ == "__main__":
    main()
