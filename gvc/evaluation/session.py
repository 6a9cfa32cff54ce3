"""What the evaluator knows of a run: pairs of frames, live metrics, counts, and a journal to resume from."""

import json
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from gvc.errors import ParseError
from gvc.evaluation.accounting import StreamCount
from gvc.evaluation.frame_store import REFERENCE, Displayed, FrameStore
from gvc.evaluation.metrics import measure
from gvc.evaluation.results import write_json
from gvc.evaluation.wire import Flag, FrameMessage, Kind, decode

LIVE = ("psnr_db", "ssim")
MAX_STREAMS = 64
MAX_ARMS = 16


class Session:
    """The state of one evaluation in the folder `out`.

    Every accepted message is stored and then journalled, so that an evaluator started again with the same `out`
    goes on where a killed one stopped; what was lost in between shows in the sequence numbers.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self.store = FrameStore(out)
        self.streams: dict[int, StreamCount] = {}
        self.malformed = 0
        self.values: dict[str, dict[int, dict[str, float]]] = {}
        self._references: dict[int, tuple[int, int]] = {}
        self._arms: dict[str, dict[int, dict[str, Any]]] = {}
        self._pending: deque[tuple[str, int]] = deque()
        self._journal_path = out / "journal.jsonl"
        out.mkdir(parents=True, exist_ok=True)
        self.resumed = self._resume()
        self._journal = open(self._journal_path, "a", encoding="utf-8")

    @property
    def ended_streams(self) -> int:
        """How many streams have said that they are complete."""
        return sum(count.ended for count in self.streams.values())

    def accept(self, data: bytes) -> None:
        """Take one message from the socket; what is not one is counted as malformed."""
        try:
            message = decode(data)
            self._admit(message)
        except ParseError:
            self.malformed += 1
            return
        if message.pixels is not None:
            self.store.put(message.arm or REFERENCE, message.frame_id, message.pixels)
        entry = _entry(message)
        self._journal.write(json.dumps(entry) + "\n")
        self._journal.flush()
        self._apply(entry)

    def work(self) -> bool:
        """Compute the live metrics of one waiting pair; False when none waits."""
        if not self._pending:
            return False
        arm, frame_id = self._pending.popleft()
        pair = [self.store.get(REFERENCE, frame_id)], [self.store.get(arm, frame_id)]
        known = self.values.setdefault(arm, {}).setdefault(frame_id, {})
        for name in LIVE:
            per_frame, _ = measure(name, *pair)
            if per_frame is not None:
                known[name] = float(per_frame[0])
        return True

    def live(self) -> dict[str, dict[str, float | None]]:
        """Mean of the live metrics so far, by arm."""
        return {
            arm: {n: _mean(v[n] for v in frames.values() if n in v) for n in LIVE}
            for arm, frames in self.values.items()
        }

    def results(
        self, metrics: list[str], fps: float, advance: Callable[[str], None] = lambda _: None
    ) -> dict[str, Any]:
        """Compute `metrics` for every arm over all frames sent, publish the pictures, and describe it all.

        `advance` is told "ARM METRIC" before each computation. Values are means over frames, lost ones as displayed;
        those of `received` leave lost frames out. A metric that could not run is None, with its reason under
        `not_measured`.
        """
        while self.work():
            pass
        frame_ids = sorted(self._references)
        reference = Displayed(self.store, REFERENCE, frame_ids, set(frame_ids))
        seconds: dict[str, float] = {}
        not_measured: dict[str, str] = {}
        arms: dict[str, Any] = {}
        for arm, frames in sorted(self._arms.items()):
            shown = {i for i, f in frames.items() if f["pixels"] and f["size"] == self._references.get(i)}
            arrived = np.array([i in shown and not frames[i]["lost"] for i in frame_ids], bool)
            displayed = Displayed(self.store, arm, frame_ids, shown)
            columns: dict[str, list[float] | None] = {}
            for name in metrics:
                advance(f"{arm} {name}")
                started = time.monotonic()
                per_frame, reason = self._column(name, arm, frame_ids, reference, displayed, fps)
                seconds[name] = seconds.get(name, 0.0) + time.monotonic() - started
                columns[name] = None if per_frame is None else [float(v) for v in per_frame]
                if reason is not None:
                    not_measured[name] = reason
            arms[arm] = {
                "frames_received": int(arrived.sum()),
                "frames_lost": int((~arrived).sum()),
                **{name: _mean(column) for name, column in columns.items()},
                "received": {name: _mean_where(column, arrived) for name, column in columns.items()},
                "per_frame": {
                    "frame_id": frame_ids,
                    "lost": [bool(v) for v in ~arrived],
                    "mode": [frames.get(i, {}).get("mode", 0) for i in frame_ids],
                    **columns,
                },
            }
            advance(f"{arm} pictures")
            self.store.publish(arm, frame_ids, displayed)
        self.store.publish(REFERENCE, frame_ids, reference)
        sizes = sorted(set(self._references.values()))
        lost = sum(count.lost for count in self.streams.values())
        return {
            "complete": bool(self.streams) and lost == 0 and all(count.ended for count in self.streams.values()),
            "frames_sent": len(frame_ids),
            "size": f"{sizes[0][1]}x{sizes[0][0]}" if len(sizes) == 1 else [f"{w}x{h}" for h, w in sizes],
            "arms": arms,
            "not_measured": not_measured,
            "frames_without_reference": len({i for f in self._arms.values() for i in f} - set(frame_ids)),
            "messages_sent": sum(count.sent for count in self.streams.values()),
            "messages_received": sum(count.received for count in self.streams.values()),
            "messages_lost": lost,
            "malformed": self.malformed,
            "streams": {f"{stream:016x}": count.record() for stream, count in self.streams.items()},
            "resumed": self.resumed,
            "seconds": seconds,
        }

    def commit(self, results: dict[str, Any]) -> Path:
        """Write `results` to metrics.json in one step, then drop the journal and the raw frames."""
        path = self.out / "metrics.json"
        write_json(path, results)
        self.close()
        self._journal_path.unlink(missing_ok=True)
        self.store.clear()
        return path

    def close(self) -> None:
        """Close the journal; it stays for a later evaluator."""
        self._journal.close()

    def _column(
        self, name: str, arm: str, frame_ids: list[int], reference: Displayed, displayed: Displayed, fps: float
    ) -> tuple[Any, str | None]:
        known = self.values.get(arm, {})
        if name in LIVE and all(name in known.get(i, {}) for i in frame_ids):
            return [known[i][name] for i in frame_ids], None
        return measure(name, reference, displayed, fps=fps)

    def _admit(self, message: FrameMessage) -> None:
        if message.stream not in self.streams and len(self.streams) >= MAX_STREAMS:
            raise ParseError("too many streams")
        if message.kind == Kind.DECODED and message.arm not in self._arms and len(self._arms) >= MAX_ARMS:
            raise ParseError("too many arms")

    def _apply(self, entry: dict[str, Any]) -> None:
        count = self.streams.setdefault(entry["stream"], StreamCount())
        if entry["kind"] == Kind.END:
            count.end(entry["sequence"])
            return
        if not count.see(entry["sequence"]):
            return
        frame_id, arm = entry["frame_id"], entry["arm"]
        if entry["kind"] == Kind.REFERENCE:
            self._references[frame_id] = tuple(entry["size"])
            ready = [name for name in self._arms if self._paired(name, frame_id)]
        else:
            self._arms.setdefault(arm, {})[frame_id] = entry
            ready = [arm] if self._paired(arm, frame_id) else []
        self._pending.extend((name, frame_id) for name in ready)

    def _paired(self, arm: str, frame_id: int) -> bool:
        frame = self._arms[arm].get(frame_id)
        return frame is not None and frame["pixels"] and frame["size"] == self._references.get(frame_id)

    def _resume(self) -> bool:
        if not self._journal_path.exists():
            shutil.rmtree(self.out / "incoming", ignore_errors=True)
            return False
        text = self._journal_path.read_text(encoding="utf-8", errors="replace")
        whole = text[: text.rfind("\n") + 1]
        for line in whole.splitlines():
            entry = json.loads(line)
            entry["size"] = tuple(entry["size"])
            self._apply(entry)
        # A line cut by the kill must not run into the next one.
        self._journal_path.write_text(whole, encoding="utf-8")
        return True


def _entry(message: FrameMessage) -> dict[str, Any]:
    return {
        "stream": message.stream,
        "sequence": message.sequence,
        "kind": int(message.kind),
        "frame_id": message.frame_id,
        "arm": message.arm,
        "mode": message.mode,
        "lost": bool(message.flags & Flag.LOST),
        "pixels": message.pixels is not None,
        "size": () if message.pixels is None else message.pixels.shape[:2],
    }


def _mean(values: Iterable[float] | None) -> float | None:
    values = [] if values is None else list(values)
    return float(np.mean(values)) if values else None


def _mean_where(values: list[float] | None, keep: np.ndarray) -> float | None:
    return None if values is None else _mean(v for v, kept in zip(values, keep, strict=True) if kept)
