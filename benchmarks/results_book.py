"""The results book: `docs/results/README.md` with its figures, from the sweeps' tables in `docs/results/data`.

`--run` first computes what is missing of the sweeps in `docs/results/sweeps` (hours on two cores the first time) and
takes over their tables; `--shards` says where their shards lie.
"""

import argparse
import shutil
import sys
from pathlib import Path

import matplotlib.pyplot as plt

from benchmarks.book import analysis, figures, page
from benchmarks.book.analysis import Row
from flowgraphs import output
from gvc.paths import ROOT
from gvc.report.style import DPI, LIGHT, applied
from gvc.sweep.config import load
from gvc.sweep.store import MERGED, read_table
from gvc.sweep.sweep import create_engine, sweep

BOOK = ROOT / "docs" / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", action="store_true", help="compute what is missing first")
    parser.add_argument("--only", help="of the sweeps, by name, comma-separated")
    parser.add_argument("--shards", type=Path, default=ROOT / "runs" / "book", help="where shards are kept")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--book", type=Path, default=BOOK, help="folder with sweeps/ and data/, where the page goes")
    options = parser.parse_args()
    if options.run:
        run(options.book, options.shards, options.workers, options.only.split(",") if options.only else [])
    tables = tables_of(options.book / "data")
    with applied(LIGHT):
        for name, figure in figures.all_of(tables).items():
            figure.savefig(options.book / f"{name}.png", dpi=DPI)
            plt.close(figure)
    (options.book / "README.md").write_text(page.write(tables, analysis.findings(tables), options.book))
    print(options.book / "README.md")


def tables_of(folder: Path) -> dict[str, list[Row]]:
    """Rows by table; a sweep in parts, NAME and NAME-..., is one table."""
    tables: dict[str, list[Row]] = {}
    for path in sorted(folder.glob("*.parquet"), key=lambda file: file.stem):
        tables.setdefault(path.stem.partition("-")[0], []).extend(read_table(path))
    return tables


def run(book: Path, shards: Path, workers: int, only: list[str]) -> None:
    """Compute the book's sweeps and put their tables into it."""
    for path in sorted((book / "sweeps").glob("*.yaml")):
        if only and path.stem not in only:
            continue
        engine = create_engine("local", workers=workers)
        try:
            with output.steps() as told:
                done = sweep(load(path), shards / path.stem, engine, told)
        finally:
            engine.close()
        print(
            f"{path.stem}: {done.points} points, {done.computed} computed, {len(done.failed)} failed", file=sys.stderr
        )
        (book / "data").mkdir(exist_ok=True)
        shutil.copyfile(shards / path.stem / MERGED, book / "data" / f"{path.stem}.parquet")


if __name__ == "__main__":
    main()
