"""What comes of an evaluation: every metric of every arm, the pictures, and metrics.json."""

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gvc.evaluation.metrics import description
from gvc.evaluation.service.frame_store import REFERENCE, Displayed
from gvc.evaluation.service.freezes import freezes
from gvc.evaluation.service.patience import STALL_S, measure_patiently
from gvc.evaluation.service.session import LIVE, Session
from gvc.storage.files import write_json

Told = Callable[[str, int, int], None]
"""Progress: (what, frames done, of how many)."""
Column = list[float] | None


def results(
    session: Session,
    metrics: Sequence[str],
    fps: float = 25.0,
    told: Told = lambda what, done, total: None,
    stall_s: float = STALL_S,
) -> dict[str, Any]:
    """Compute `metrics` for every arm, publish the pictures, and describe it all.

    Values are means over all frames sent, lost ones as displayed; those of `received` leave lost frames out. Where only
    the first `frames_kept` frames have pictures, metrics other than the live ones are over those, and `partly_measured`
    says so. A metric that could not run, failed or stood still for `stall_s` is None, with its reason under
    `not_measured`; it is not tried again for further arms. `told` is called several times a second.
    """
    while session.work():
        told("live metrics", 0, 0)
    session.finish_tails()
    first = session.first or 0
    indices = session.references.indices()
    frame_ids = [first + index for index in indices]
    reference = Displayed(session.store, REFERENCE, frame_ids, set(frame_ids))
    sent = len(indices) + session.later_references
    seconds: dict[str, float] = {}
    not_measured: dict[str, str] = {}
    arms: dict[str, Any] = {}
    for arm, table in sorted(session.arms.items()):
        tail = session.tails[arm]
        shown = {first + index for index in indices if session.paired(arm, index)}
        lost = np.array([first + i not in shown or table.lost(i) for i in indices], bool)
        displayed = Displayed(session.store, arm, frame_ids, shown)
        columns: dict[str, Column] = {}
        means: dict[str, float | None] = {}
        received: dict[str, float | None] = {}
        for name in metrics:
            began = time.monotonic()
            column: Column
            reason: str | None
            if name in not_measured:
                column, reason = None, not_measured[name]
            else:
                column, reason = _column(session, name, arm, indices, reference, displayed, fps, told, stall_s)
            seconds[name] = seconds.get(name, 0.0) + time.monotonic() - began
            if reason is not None:
                not_measured[name] = reason
            columns[name] = column
            later = (tail.sums.get(name, 0.0), tail.counts.get(name, 0))
            means[name] = _mean(column, np.ones(len(lost), bool), *later)
            later = (tail.received_sums.get(name, 0.0), tail.received_counts.get(name, 0))
            received[name] = _mean(column, ~lost, *later)
        all_lost = np.concatenate([lost, np.frombuffer(bytes(tail.lost), bool)])
        frozen = freezes(~all_lost, fps)
        arms[arm] = {
            "frames_received": int(np.count_nonzero(~all_lost)),
            "frames_lost": sent - int(np.count_nonzero(~all_lost)),
            **means,
            "received": received,
            "freezes": frozen.count,
            "frozen_s": frozen.seconds,
            "per_frame": {
                "frame_id": frame_ids,
                "lost": lost.tolist(),
                "mode": [table.mode(index) for index in indices],
                **columns,
            },
        }
        told(f"{arm} pictures", 0, 0)
        session.store.publish(arm, frame_ids, displayed)
    session.store.publish(REFERENCE, frame_ids, reference)
    known = set(indices)
    orphans = {i for table in session.arms.values() for i in table.indices()} - known
    partly = [name for name in metrics if name not in LIVE and name not in not_measured]
    return {
        **summary(session),
        "frames_sent": sent,
        "frames_kept": len(indices),
        "size": _sizes(session),
        "arms": arms,
        "not_measured": not_measured,
        "described": {name: description.told(name) for name in metrics},
        "partly_measured": {
            name: f"over the first {len(indices)} of {sent} frames, whose pictures were kept"
            for name in (partly if session.later_references else [])
        },
        "frames_without_reference": len(orphans) + session.unreferenced,
        "seconds": seconds,
    }


def summary(session: Session) -> dict[str, Any]:
    """Whether everything came, and the counts of messages."""
    counts = session.streams.values()
    lost = sum(count.lost for count in counts)
    return {
        "complete": bool(counts) and not lost and not session.refused and all(count.ended for count in counts),
        "messages_sent": sum(count.sent for count in counts),
        "messages_received": sum(count.received for count in counts),
        "messages_lost": lost,
        "malformed": session.malformed,
        "foreign": session.foreign,
        "refused": session.refused,
        "repeated": session.repeated,
        "streams": {f"{stream:016x}": count.record() for stream, count in session.streams.items()},
        "resumed": session.resumed,
    }


def commit(session: Session, found: dict[str, Any]) -> Path:
    """Write `found` to metrics.json in one step, then drop the journal and the raw frames."""
    path = session.out / "metrics.json"
    write_json(path, found)
    session.discard()
    return path


def salvage(
    out: Path,
    metrics: Sequence[str],
    fps: float,
    keep: int,
    arms: int,
    told: Told = lambda what, done, total: None,
) -> dict[str, Any] | None:
    """What an evaluator that is gone had stored in `out`: its pictures, and metrics.json with the live metrics, which
    says `complete: false`. None where it had stored nothing, or was done.
    """
    if not (out / "journal.jsonl").exists():
        return None
    session = Session(out, keep=keep, arms=arms, metrics=metrics)
    try:
        found = {**results(session, session.live, fps, told), "complete": False}
        for name in metrics:
            if name not in session.live:
                found["not_measured"][name] = "the evaluation was cut off"
        commit(session, found)
        return found
    finally:
        session.close()


def _column(
    session: Session,
    name: str,
    arm: str,
    indices: list[int],
    reference: Displayed,
    displayed: Displayed,
    fps: float,
    told: Told,
    stall_s: float,
) -> tuple[Column, str | None]:
    """Values of the kept frames, or None and why not."""
    if name in LIVE and indices:
        values = []
        for index in indices:
            value = session.arms[arm].value(name, index)
            if math.isnan(value) or not session.paired(arm, index):
                break
            values.append(value)
        if len(values) == len(indices):
            return values, None
    told(f"{arm} {name}", 0, len(indices))
    measured, reason = measure_patiently(
        name, reference, displayed, fps, lambda done, total: told(f"{arm} {name}", done, total), stall_s
    )
    return (None, reason) if measured is None else (measured.tolist(), None)


def _mean(column: Column, counted: np.ndarray, later_sum: float, later_count: int) -> float | None:
    """Mean of the kept frames that are counted, together with those judged later."""
    if column is None and not later_count:
        return None
    values = np.zeros(0) if column is None else np.array(column)[counted]
    count = len(values) + later_count
    return float((values.sum() + later_sum) / count) if count else None


def _sizes(session: Session) -> str | list[str]:
    written = [f"{width}x{height}" for height, width in sorted(session.sizes)]
    return written[0] if len(written) == 1 else written
