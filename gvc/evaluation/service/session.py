"""What the evaluator knows of a run: pairs of frames, live metrics, counts, and a journal to resume from."""

import json
import shutil
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gvc.errors import InputError, ParseError
from gvc.evaluation.metrics import measure
from gvc.evaluation.metrics.description import METRICS
from gvc.evaluation.service.accounting import StreamCount
from gvc.evaluation.service.frame_store import GREY, REFERENCE, FrameStore
from gvc.evaluation.service.frame_table import FrameTable
from gvc.evaluation.service.tail import AHEAD, Tail
from gvc.evaluation.service.wire import Answer, Flag, Foreign, FrameMessage, Kind, decode, encode_answer
from gvc.storage import files

LIVE = tuple(name for name, told in METRICS.items() if told.live)
"""Metrics that are computed while frames come, where they are asked for, and so cover all of them."""
MAX_STREAMS = 64
MAX_ARMS = 16
KEEP = 1000
"""Frames of which the pictures are kept, unless told otherwise: 40 s at 25 frames/s."""
MAX_KEEP = 10**6
MAX_SIZES = 16
CHECKPOINT_LINES = 1024
_PENDING = 256


class Session:
    """The state of one evaluation in the folder `out`.

    The pictures of the first `keep` frames stay, for all metrics and to be looked at. Later ones are compared by the
    `LIVE` metrics in order, and dropped when `arms` arms are through with them: memory and disk are bounded. Every
    accepted message is stored and then journalled, so that an evaluator started again with the same `out` goes on where
    a killed one stopped. Nothing that has come is replaced: of two messages with one number, or two pictures of one
    frame, the first counts.

    Messages that were not signed with `key` change nothing but the count `foreign`; `malformed` are no messages,
    `repeated` pictures of a frame that had one, or was past.

    Raises InputError when the journal in `out` is damaged.
    """

    def __init__(
        self, out: Path, key: bytes = b"", keep: int = KEEP, arms: int = 1, metrics: Sequence[str] = LIVE
    ) -> None:
        self.out = out
        self.keep, self.expected_arms = keep, arms
        self.live = tuple(name for name in LIVE if name in metrics)
        self.store = FrameStore(out)
        self.streams: dict[int, StreamCount] = {}
        self.malformed = self.foreign = self.refused = self.repeated = 0
        self.first: int | None = None
        self.references = FrameTable()
        self.arms: dict[str, FrameTable] = {}
        self.tails: dict[str, Tail] = {}
        self.later_references = self.unreferenced = 0
        self.sizes: set[tuple[int, int]] = set()
        self._outstanding = array("Q")
        self._pending: deque[tuple[str, int]] = deque()
        self._key = key
        self._journal_path = out / "journal.jsonl"
        self._lines = 0
        out.mkdir(parents=True, exist_ok=True)
        self.resumed = self._resume()
        self._journal = open(self._journal_path, "a", encoding="utf-8")

    @property
    def ended_streams(self) -> int:
        """How many streams have said that they are complete."""
        return sum(count.ended for count in self.streams.values())

    @property
    def end(self) -> int:
        """The first frame whose picture is not kept."""
        return (self.first or 0) + self.keep

    def accept(self, data: bytes) -> bytes | None:
        """Take one message from the socket; the answer to send back, None for what is not ours."""
        try:
            message = decode(data, self._key)
        except Foreign:
            self.foreign += 1
            return None
        except ParseError:
            self.malformed += 1
            return None
        known = message.stream in self.streams
        if message.kind != Kind.ASK:
            if not known and len(self.streams) >= MAX_STREAMS:
                self.refused += 1
                return None
            self._take(message)
        count = self.streams.get(message.stream) or StreamCount()
        question = message.frame_id if message.kind in (Kind.END, Kind.ASK) else 0
        return encode_answer(Answer(message.stream, count.upto, count.ended, question), self._key)

    def work(self) -> bool:
        """Compute the live metrics of one waiting pair; False when none waits."""
        if self._pending:
            arm, index = self._pending.popleft()
            pair = [self.store.get(name, index + (self.first or 0)) for name in (REFERENCE, arm)]
            for name, value in self._measured(*pair).items():
                self.arms[arm].set_value(name, index, value)
            return True
        return any(self._advance(arm, tail) for arm, tail in self.tails.items())

    def finish_tails(self) -> None:
        """Judge what is left beyond the kept frames: nothing more will come."""
        for arm, tail in self.tails.items():
            while tail.waiting:
                self._advance(arm, tail, certainly=True)
            for frame_id in list(self._outstanding[bisect_left(self._outstanding, tail.next) :]):
                self._judge(arm, tail, frame_id)

    def close(self) -> None:
        """Close the journal; it stays for a later evaluator."""
        self._journal.close()

    def discard(self) -> None:
        """Drop the journal and the raw frames: the results are written."""
        self.close()
        self._journal_path.unlink(missing_ok=True)
        self.store.clear()

    def _take(self, message: FrameMessage) -> None:
        size = None if message.pixels is None else message.pixels.shape[:2]
        lost = bool(message.flags & Flag.LOST)
        number = message.stream, message.sequence, int(message.kind), message.frame_id
        entry = [*number, message.arm, message.mode, lost, size and list(size)]
        count = self.streams.setdefault(message.stream, StreamCount())
        # In the journal only when its picture is safe, in the counts only when in the journal.
        if message.kind != Kind.END:
            if count.has(message.sequence):
                count.see(message.sequence)
                return
            if not self._is_first(message):
                entry = ["seen", message.stream, message.sequence]
                self._write(entry)
                self._apply(entry)
                return
        if message.pixels is not None:
            self.store.put(message.arm or REFERENCE, message.frame_id, message.pixels)
        self._write(entry)
        self._apply(entry)
        # The disk is bounded because the sender waits meanwhile.
        while any(len(tail.waiting) > AHEAD for tail in self.tails.values()) and self.work():
            pass

    def _is_first(self, message: FrameMessage) -> bool:
        """Whether a picture or its loss is the first word on its frame, of an arm that there is room for."""
        if message.kind == Kind.DECODED and message.arm not in self.arms and len(self.arms) >= MAX_ARMS:
            self.refused += 1
            return False
        if self.first is None:
            self.first = 0 if message.frame_id < self.keep else message.frame_id
        index, late = message.frame_id - self.first, message.frame_id >= self.end
        if message.kind == Kind.REFERENCE:
            known = self._is_outstanding(message.frame_id) if late else index < 0 or self.references.heard(index)
        elif message.arm not in self.arms:
            known = index < 0
        else:
            tail = self.tails[message.arm]
            heard = message.frame_id < tail.next or message.frame_id in tail.waiting
            known = heard if late else index < 0 or self.arms[message.arm].heard(index)
        self.repeated += known
        return not known

    def _apply(self, entry: list[Any]) -> None:
        """Bring the state to what it is after a line of the journal."""
        if entry[0] == "judged":
            self._note(*entry[1:])
            return
        if entry[0] == "seen":
            self.streams.setdefault(entry[1], StreamCount()).see(entry[2])
            return
        stream, sequence, kind, frame_id, arm, mode, lost, size = entry
        size = tuple(size) if size else None
        count = self.streams.setdefault(stream, StreamCount())
        if kind == Kind.END:
            count.end(sequence)
            return
        count.see(sequence)
        if self.first is None:
            self.first = 0 if frame_id < self.keep else frame_id
        index, late = frame_id - self.first, frame_id >= self.end
        if kind == Kind.REFERENCE:
            if size and len(self.sizes) < MAX_SIZES:
                self.sizes.add(size)
            if late:
                self._outstanding.insert(bisect_left(self._outstanding, frame_id), frame_id)
                self.later_references += 1
                return
            self.references.put(index, size)
            ready = [name for name in self.arms if self.paired(name, index)]
        else:
            if arm not in self.arms:
                self.arms[arm], self.tails[arm] = FrameTable(LIVE), Tail(self.end)
            if late:
                self.tails[arm].hear(frame_id, size, lost)
                return
            self.arms[arm].put(index, size, lost, mode)
            ready = [arm] if self.paired(arm, index) else []
        # What finds no room is measured with the results.
        self._pending.extend((name, index) for name in ready[: _PENDING - len(self._pending)])

    def paired(self, arm: str, index: int) -> bool:
        """Whether kept frame `index` has a picture of `arm` that its reference can be compared with."""
        size = self.arms[arm].size(index)
        return size is not None and size == self.references.size(index)

    def _advance(self, arm: str, tail: Tail, certainly: bool = False) -> bool:
        """Judge one frame of `arm` beyond the kept ones, if one is ready, or `certainly`."""
        if not tail.waiting:
            return False
        frame_id = min(tail.waiting)
        if not (certainly or self._is_outstanding(frame_id) or len(tail.waiting) > AHEAD):
            return False
        at = bisect_left(self._outstanding, tail.next)
        skipped = self._outstanding[at] if at < len(self._outstanding) else frame_id
        self._judge(arm, tail, min(skipped, frame_id))
        return True

    def _judge(self, arm: str, tail: Tail, frame_id: int) -> None:
        frame = tail.waiting.get(frame_id)
        values: dict[str, float] | None = None
        pixels = False
        if self._is_outstanding(frame_id):
            reference = self.store.get(REFERENCE, frame_id)
            pixels = frame is not None and frame.size == reference.shape[:2]
            shown = frame_id if pixels else self._held(arm, tail)
            picture = np.full_like(reference, GREY) if shown is None else self.store.get(arm, shown)
            # After a change of size the display has nothing that fits.
            fits = picture.shape == reference.shape
            values = self._measured(reference, picture if fits else np.full_like(reference, GREY))
        lost = frame is None or frame.lost or not pixels
        entry = ["judged", arm, frame_id, lost, pixels, values]
        self._write(entry)
        self._apply(entry)

    def _measured(self, reference: np.ndarray, picture: np.ndarray) -> dict[str, float]:
        """The live metrics of one pair; what cannot be measured is left out."""
        found = {name: measure(name, [reference], [picture])[0] for name in self.live}
        return {name: float(values[0]) for name, values in found.items() if values is not None}

    def _held(self, arm: str, tail: Tail) -> int | None:
        """The frame that the display of `arm` holds."""
        if tail.shown is not None:
            return tail.shown
        table, first = self.arms[arm], self.first or 0
        kept = (first + index for index in reversed(range(len(table))) if self.paired(arm, index))
        return next(kept, None)

    def _note(self, arm: str, frame_id: int, lost: bool, pixels: bool, values: dict[str, float] | None) -> None:
        """A frame beyond the kept ones was judged: count it, and drop the pictures that nobody needs any more."""
        tail = self.tails[arm]
        tail.waiting.pop(frame_id, None)
        tail.next = max(tail.next, frame_id + 1)
        if pixels:
            if tail.shown is not None:
                self.store.remove(arm, tail.shown)
            tail.shown = frame_id
        else:
            self.store.remove(arm, frame_id)
        if values is None:
            self.unreferenced += 1
        else:
            tail.add(lost, values)
        if len(self.tails) >= self.expected_arms:
            done = bisect_left(self._outstanding, min(tail.next for tail in self.tails.values()))
            for past in self._outstanding[:done]:
                self.store.remove(REFERENCE, past)
            del self._outstanding[:done]

    def _is_outstanding(self, frame_id: int) -> bool:
        at = bisect_left(self._outstanding, frame_id)
        return at < len(self._outstanding) and self._outstanding[at] == frame_id

    def _write(self, entry: list[Any]) -> None:
        if self._lines >= CHECKPOINT_LINES:
            self._checkpoint()
        self._journal.write(json.dumps(entry) + "\n")
        self._journal.flush()
        self._lines += 1

    def _checkpoint(self) -> None:
        """Begin the journal anew with the whole state, so that it stays small."""
        state = {
            "streams": [[stream, count.state()] for stream, count in self.streams.items()],
            "counts": [self.malformed, self.foreign, self.refused, self.repeated],
            "later": [self.later_references, self.unreferenced],
            "first": self.first,
            "keep": self.keep,
            "references": self.references.state(),
            "arms": {arm: table.state() for arm, table in self.arms.items()},
            "tails": {arm: tail.state() for arm, tail in self.tails.items()},
            "sizes": sorted(self.sizes),
            "outstanding": self._outstanding.tolist(),
        }
        with files.whole(self._journal_path) as draft:
            draft.write_text(json.dumps({"state": state}) + "\n", encoding="utf-8")
            self._journal.close()
        self._journal = open(self._journal_path, "a", encoding="utf-8")
        self._lines = 0

    def _restore(self, state: dict[str, Any]) -> None:
        self.streams = {stream: StreamCount.restored(count) for stream, count in state["streams"]}
        self.malformed, self.foreign, self.refused, self.repeated = state["counts"]
        self.later_references, self.unreferenced = state["later"]
        self.first, self.keep = state["first"], state["keep"]
        self.references = FrameTable.restored(state["references"])
        self.arms = {arm: FrameTable.restored(table) for arm, table in state["arms"].items()}
        self.tails = {arm: Tail.restored(tail) for arm, tail in state["tails"].items()}
        self.sizes = {tuple(size) for size in state["sizes"]}
        self._outstanding = array("Q", state["outstanding"])

    def _resume(self) -> bool:
        if not self._journal_path.exists():
            shutil.rmtree(self.out / "incoming", ignore_errors=True)
            return False
        text = self._journal_path.read_text(encoding="utf-8", errors="replace")
        whole = text[: text.rfind("\n") + 1]
        try:
            for line in whole.splitlines():
                entry = json.loads(line)
                if isinstance(entry, dict):
                    self._restore(entry["state"])
                else:
                    self._apply(entry)
                self._lines += 1
        except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
            raise InputError(
                f"{self._journal_path} is damaged and cannot be gone on with ({type(error).__name__}: {error}): "
                "remove it to begin anew"
            ) from error
        # A line cut by the kill must not run into the next one.
        self._journal_path.write_text(whole, encoding="utf-8")
        return True
