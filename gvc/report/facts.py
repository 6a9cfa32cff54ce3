"""The tables at the end of a report: counters, mode marks, weights, settings."""

from typing import Any

from gvc.report.reported_run import ReportedRun
from gvc.report.style import title
from gvc.report.wording import number, words

MODES = {0: "analogue joint source-channel coding: received information, nothing generated"}


def counters(run: ReportedRun) -> list[tuple[str, list[tuple[str, str]]]]:
    """Groups of (name, count): the link's, each block's, the evaluator's."""
    keys: tuple[str, ...] = ("frames_sent", "frames_received", "frames_lost", "bursts_sent", "bursts_lost")
    groups = {"link": {key: run.run[key] for key in keys if key in run.run}}
    for name, value in (run.run.get("counters") or {}).items():
        if isinstance(value, dict):
            groups[str(name)] = value
        else:
            groups.setdefault("blocks", {})[name] = value
    keys = ("messages_sent", "messages_received", "messages_lost", "malformed", "frames_without_reference", "complete")
    found = {key: run.evaluation[key] for key in keys if key in run.evaluation}
    if found:
        groups["evaluator"] = {**groups.get("evaluator", {}), **found}
    return [(name, [(words(k), number(v)) for k, v in group.items()]) for name, group in groups.items() if group]


def modes(run: ReportedRun) -> list[tuple[str, int, str]]:
    """(arm, frames, meaning) for each coding mode that decoded frames were marked with."""
    rows = []
    for arm in run.arms:
        marks = (run.metrics(arm).get("per_frame") or {}).get("mode") or []
        for mode in sorted(set(marks)):
            rows.append((title(arm), marks.count(mode), f"mode {mode}: {MODES.get(mode, 'unknown')}"))
    return rows


def weights(run: ReportedRun) -> list[tuple[str, str, str]]:
    """(name, SHA-256, label) of each weights file in use."""
    found = run.run.get("weights")
    if not isinstance(found, dict):
        return []
    rows = []
    for name, entry in found.items():
        entry = entry if isinstance(entry, dict) else {"sha256": entry}
        rows.append((str(name), str(entry.get("sha256") or ""), str(entry.get("label") or "")))
    return rows


def tree(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as (dotted key, value) rows; None is left out."""
    if isinstance(value, dict):
        return [row for key, item in value.items() for row in tree(item, f"{prefix}.{key}" if prefix else str(key))]
    if value is None or not prefix:
        return []
    if isinstance(value, list):
        return [(prefix, ", ".join(number(item) for item in value))]
    return [(prefix, number(value))]


def versions(run: ReportedRun) -> list[tuple[str, str]]:
    """Machine and versions, each package once."""
    machine = {key: value for key, value in (run.run.get("machine") or {}).items() if key != "versions"}
    packages = {**((run.run.get("machine") or {}).get("versions") or {}), **(run.run.get("versions") or {})}
    return tree({**machine, **packages}, "")
