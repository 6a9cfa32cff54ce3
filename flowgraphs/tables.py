"""Results as a person reads them, in tables that fit the terminal."""

import re
from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

GAP = 2
PROSE = 20
"""A column of text that may be folded, at least this wide."""


def tables(result: Mapping[str, Any], width: int) -> list[RenderableType]:
    """Lists of records as a table each, in no more than `width` columns, and one of the single values.

    A table that is too wide first loses the columns that say the same in every row, to a line above it; then its
    records stand one below the other. No value is cut off; a SHA-256 is shown by its first 12 digits.
    """
    parts: list[RenderableType] = []
    singles = _pairs()
    for name, value in result.items():
        if _is_records(value):
            if singles.row_count:
                parts.append(singles)
                singles = _pairs()
            parts += _records(name, [dict(_flat(row)) for row in value], width)
        else:
            for key, item in _flat(value, name):
                singles.add_row(key, _word(item))
    return [*parts, singles] if singles.row_count else parts


def _records(name: str, rows: list[dict[str, Any]], width: int) -> list[RenderableType]:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = [[_word(row.get(column)) for column in columns] for row in rows]
    common = ""
    if not _fits(columns, cells, width) and len(rows) > 1:
        same = [at for at in range(1, len(columns)) if len({row[at] for row in cells}) == 1]
        common = ", ".join(f"{columns[at]} {cells[0][at]}" for at in same)
        kept = [at for at in range(len(columns)) if at not in same]
        columns, cells = [columns[at] for at in kept], [[row[at] for at in kept] for row in cells]
    title = Text(f"{name}: {common}" if common else name, style="italic")
    if _fits(columns, cells, width):
        return [title, _table(columns, cells, width)]
    stacked: list[RenderableType] = [title]
    for row in cells:
        record = _pairs()
        for column, cell in zip(columns, row, strict=True):
            record.add_row(f"  {column}", cell)
        stacked += [record, Text()]
    return stacked


def _fits(columns: list[str], cells: list[list[str]], width: int) -> bool:
    return sum(_widths(columns, cells)) + GAP * (len(columns) - 1) <= width


def _widths(columns: list[str], cells: list[list[str]]) -> list[int]:
    """The least width of each column: its widest cell, or a width to fold prose at, and its heading's widest part."""
    widths = []
    for at, column in enumerate(columns):
        widest = max((len(row[at]) for row in cells), default=0)
        heading = max(len(part) for part in _parts(column))
        widths.append(max(heading, min(widest, PROSE) if _is_prose(cells, at) else widest))
    return widths


def _table(columns: list[str], cells: list[list[str]], width: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), collapse_padding=True)
    widths = _widths(columns, cells)
    spare = width - sum(widths) - GAP * (len(columns) - 1)
    for at, (column, least) in enumerate(zip(columns, widths, strict=True)):
        prose = _is_prose(cells, at)
        widest = max(len(column), *(len(row[at]) for row in cells))
        chosen = min(widest, least + max(0, spare))
        spare -= chosen - least
        table.add_column(_heading(column, chosen), width=chosen, no_wrap=not prose)
    for row in cells:
        table.add_row(*map(Text, row))
    return table


def _pairs() -> Table:
    pairs = Table(show_header=False, box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    pairs.add_column(style="bold", no_wrap=True)
    pairs.add_column(overflow="fold")
    return pairs


def _parts(column: str) -> list[str]:
    """Where a heading may be broken: after a dot or an underscore."""
    return re.findall(r"[^_.]+[_.]?|[_.]+", column) or [""]


def _heading(column: str, width: int) -> str:
    lines = [""]
    for part in _parts(column):
        if len(lines[-1]) + len(part) > width and lines[-1]:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def _is_prose(cells: list[list[str]], at: int) -> bool:
    return any(len(row[at]) > PROSE and " " in row[at] for row in cells)


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _flat(value: Any, prefix: str = "") -> list[tuple[str, Any]]:
    """Nested keys written with dots."""
    if not isinstance(value, dict):
        return [(prefix, value)]
    return [row for key, item in value.items() for row in _flat(item, f"{prefix}.{key}" if prefix else key)]


def _word(value: Any) -> str:
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.5g}"
    if value is None:
        return "-"
    if isinstance(value, list):
        return ", ".join(_word(item) for item in value)
    return value[:12] if isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) else str(value)
