"""The results book says what its tables say."""

import math

import pytest

from benchmarks.book import analysis, page
from benchmarks.book.analysis import Curve, crossing, curve, mean_and_tenth, outage
from benchmarks.results_book import BOOK, tables_of


def line(*values: float) -> Curve:
    return Curve([0.0, 5.0, 10.0], list(values), list(values), list(values))


def test_the_page_is_what_the_tables_give() -> None:
    tables = tables_of(BOOK / "data")
    assert page.write(tables, analysis.findings(tables), BOOK) == (BOOK / "README.md").read_text()


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (line(0, 10, 20), line(5, 5, 5), 2.5),
        (line(6, 7, 8), line(5, 5, 5), 0.0),  # above from the start
        (line(9, 4, 6), line(5, 5, 5), 7.5),  # the last crossing counts
        (line(9, 9, 4), line(5, 5, 5), None),  # below in the end
    ],
)
def test_crossing_is_where_the_first_stays_above(first: Curve, second: Curve, expected: float | None) -> None:
    assert crossing(first, second) == (None if expected is None else pytest.approx(expected))


def test_the_cliff_is_the_steepest_step() -> None:
    assert analysis.cliff(line(11, 30, 31)) == (0, 5)


def test_curves_average_the_rows_asked_for() -> None:
    rows = [{"snr_db": snr, "arm": arm, "psnr_db": value} for snr, arm, value in
            [(5, "a", 20.0), (0, "a", 10.0), (0, "a", 14.0), (0, "b", 99.0), (5, "a", None)]]  # fmt: skip
    found = curve(rows, "psnr_db", arm="a")
    assert found.x == [0, 5] and found.mean == [12, 20]
    assert found.low[0] <= 12 <= found.high[0]
    assert found.at(2.5) == pytest.approx(16) and math.isnan(found.at(7))


def test_outage_and_the_tenth_percentile_are_over_draws() -> None:
    rows = [{"arm": "a", "psnr_db": float(value)} for value in range(11, 22)]
    assert outage(rows, arm="a") == pytest.approx(7 / 11)
    assert mean_and_tenth(rows, arm="a") == (pytest.approx(16), pytest.approx(12))
    assert math.isnan(outage(rows, arm="b"))
