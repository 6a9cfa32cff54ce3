"""What the blocks of one flowgraph share: the store of messages on their way, the first failure, the end.

How frames travel between Python blocks was chosen by measurement (Debian 12, GNU Radio 3.10.5, one core, CPU time to
send and receive one frame):

    bytes of a frame      200 kB     520 kB     6.2 MB
    u8 vector, to_pmt     16 ms      46 ms      538 ms
    u8 vector, list       7.5 ms     20 ms      292 ms
    id into this store    0.02 ms    0.02 ms    0.02 ms

(`python -m benchmarks.message_transport` prints it.) pmt converts uniform vectors element by element, and a stream of
vectors would fix the picture size when the graph is built. So a message is a small pmt dictionary {token, frame_id,
...}, readable with Message Debug, and the content stays in this process's store until every receiver has finished with
it. Symbol vectors (0.4 to 5 ms) go the same way. The store is bounded by the ports' credit.
"""

import itertools
import threading
from dataclasses import dataclass, field
from typing import Any

from gvc.errors import LinkError
from gvc_blocks.runtime.credit import Credit


@dataclass
class Parcel:
    """One content on its way to `readers` blocks; the credit goes back when the last has finished."""

    content: Any
    readers: int
    credit: Credit
    lock: threading.Lock = field(default_factory=threading.Lock)

    def release(self) -> bool:
        """One reader has finished; True for the last."""
        with self.lock:
            self.readers -= 1
            last = self.readers == 0
        if last:
            self.credit.release()
        return last


class Flow:
    """Shared state of one flowgraph. Blocks join the flow that is current when they are made.

    Attributes: `failure`, the first exception of any block; `stopping`, set by a failure or by the runner; `finished`,
    set when every block has seen the end of its input; `progress`, a count that moves as long as anything does.
    """

    def __init__(self) -> None:
        self.condition = threading.Condition()
        self.stopping = threading.Event()
        self.finished = threading.Event()
        self.failure: BaseException | None = None
        self.failed_block = ""
        self.progress = 0
        self.blocks: list[Any] = []
        self.parcels: dict[int, Parcel] = {}
        self.most_parcels = 0
        self._tokens = itertools.count(1)
        self._open = 0

    def join(self, block: Any) -> None:
        """Count `block` among those whose end is awaited."""
        self.blocks.append(block)
        self._open += 1

    def put(self, parcel: Parcel) -> int:
        """Store `parcel`; the token that a message carries."""
        token = next(self._tokens)
        with self.condition:
            self.parcels[token] = parcel
            self.most_parcels = max(self.most_parcels, len(self.parcels))
            self.progress += 1
        return token

    def get(self, token: int) -> Parcel:
        """The parcel of a message; raises LinkError for a token that this flowgraph did not give."""
        parcel = self.parcels.get(token)
        if parcel is None:
            raise LinkError(f"message with unknown token {token}: it was not sent by a GVC block of this flowgraph")
        return parcel

    def done(self, token: int, parcel: Parcel) -> None:
        """A reader has finished with the parcel."""
        if parcel.release():
            with self.condition:
                self.parcels.pop(token, None)
                self.progress += 1

    def fail(self, block: Any, error: BaseException) -> None:
        """Keep the first failure and stop everything."""
        with self.condition:
            if self.failure is None:
                self.failure = error
                self.failed_block = block.name()
        self.stop()

    def stop(self) -> None:
        """Wake whoever waits; streams end at their next call, message blocks are told to finish."""
        first = not self.stopping.is_set()
        self.stopping.set()
        self.finished.set()
        with self.condition:
            self.condition.notify_all()
        if first:
            for block in self.blocks:
                block.dismiss()

    def ended(self) -> None:
        """A block has seen the end of its input and passed it on."""
        with self.condition:
            self._open -= 1
            over = self._open == 0
        if over:
            self.stop()


_current = Flow()


def current() -> Flow:
    """The flow that new blocks join."""
    return _current


def fresh() -> Flow:
    """Begin a new flow; a process that builds several flowgraphs calls this before each."""
    global _current
    _current = Flow()
    return _current
