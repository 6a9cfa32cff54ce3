"""No figure without the command that printed it."""

import dataclasses

import pytest

from benchmarks import evidence


@pytest.fixture(scope="module")
def rows() -> list[evidence.EvidenceRow]:
    return evidence.rows()


def test_every_section_with_figures_has_its_command(rows: list[evidence.EvidenceRow]) -> None:
    assert evidence.faults(rows) == []


def test_the_page_is_as_its_rows_are_written(rows: list[evidence.EvidenceRow]) -> None:
    lines = evidence.PAGE.read_text().splitlines()
    assert [line for line in lines if line.startswith("| [")] == [row.line() for row in rows]


def measured(rows: list[evidence.EvidenceRow]) -> int:
    return next(i for i, row in enumerate(rows) if "jscc/default@" in row.weights)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"figures": "3 00000000"}, "its figures changed"),
        ({"section": "README.md#nowhere"}, "no such section"),
        ({"commands": ["python -m benchmarks.nothing"]}, "no such command"),
        ({"commands": ["gvc fly"]}, "no such command"),
        ({"commit": "yesterday"}, "seven digits"),
        ({"weights": "jscc/default@00000000"}, "have changed"),
    ],
)
def test_what_does_not_hold_is_said(rows: list[evidence.EvidenceRow], change: dict, said: str) -> None:
    at = measured(rows)
    wrong = evidence.faults([*rows[:at], dataclasses.replace(rows[at], **change), *rows[at + 1 :]])
    assert len([fault for fault in wrong if said in fault]) == 1


def test_a_section_without_a_row_is_said(rows: list[evidence.EvidenceRow]) -> None:
    gone = rows[-1].section
    assert any(gone in fault and "no row" in fault for fault in evidence.faults([r for r in rows if r.section != gone]))


def test_older_weights_are_said_to_be_older(rows: list[evidence.EvidenceRow]) -> None:
    at = measured(rows)
    older = dataclasses.replace(rows[at], weights="before jscc/default@00000000")
    assert evidence.faults([*rows[:at], older, *rows[at + 1 :]]) == []


def test_figures_are_numbers_with_units_or_decimals_of_a_table() -> None:
    page = "# One\n12 dB and 3 of 4, `7 dB`\n```\n8 dB\n```\n| 1.5 | 2 |\n## Two: of it\n95 % in 3,000 s\n"
    assert {name: evidence._figures(text) for name, text in evidence._split(page).items()} == {
        "one": ["12 dB", "1.5"],
        "two-of-it": ["95 %", "3,000 s"],
    }
