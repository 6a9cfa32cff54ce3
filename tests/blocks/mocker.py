"""A guarded block without a scheduler: feed it samples and messages, look at what it gives.

After FutureSDR's `Mocker`. The block's own code runs in this thread, as GNU Radio would call it: `process` in turns of
any size, message handlers one at a time; its errors are raised here. What a reader of its messages holds, and so the
credit that comes back, is the test's choice.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pmt

from gvc_blocks.runtime import flow
from gvc_blocks.runtime.credit import Credit
from gvc_blocks.runtime.flow import Parcel
from gvc_blocks.runtime.guarded import _TOKEN, END_TAG, WORK_DONE, End, GuardedBlock

BUFFER = 4096


class Mocker:
    """Runs the block that `make` makes.

    Attributes: `block`; `flow`; `sent`, by port the contents that it has published, the last an `End` when it has ended
    them; `pdus`, by port the other messages; `produced`, by output port all items [n]; `end_at`, by output port the
    item number of its end, if it told one; `is_done`, whether `process` has returned WORK_DONE.

    `holds` leaves published messages unfinished until `finish`: with all its credit gone, a block that publishes waits.
    """

    def __init__(self, make: Callable[[], GuardedBlock], holds: bool = False):
        self.flow = flow.fresh()
        self.block = make()
        self.sent: dict[str, list[Any]] = {}
        self.pdus: dict[str, list[Any]] = {}
        self.end_at: dict[int, int] = {}
        self.is_done = False
        self._holds = holds
        self._held: list[tuple[int, Parcel]] = []
        self._inputs: list[np.ndarray] = []
        self._ends: set[int] = set()
        self._read: list[int] = []
        self._outputs: list[list[np.ndarray]] = []
        block: Any = self.block
        block.nitems_read = lambda port: self._count(self._read, port)
        block.nitems_written = lambda port: sum(map(len, self._port(port)))
        block.consume = self._consume
        block.consume_each = self._consume_each
        block.get_tags_in_range = self._tags
        block.add_item_tag = self._add_tag
        block.message_port_pub = self._publish
        block._readers = lambda port: [SimpleNamespace(wake=SimpleNamespace(set=lambda: None))]

    @property
    def produced(self) -> list[np.ndarray]:
        return [np.concatenate(parts) if parts else np.zeros(0, np.complex64) for parts in self._outputs]

    def start(self) -> "Mocker":
        """As the flowgraph's start does."""
        self.block.start()
        self._check()
        return self

    def message(self, port: str, content: Any) -> int:
        """Give input message `port` one content; whether the block has finished with it: messages it still holds."""
        credit = Credit(1, self.flow.condition)
        credit.acquire(self.flow.stopping)
        token = self.flow.put(Parcel(content, 1, credit))
        told = pmt.dict_add(pmt.make_dict(), _TOKEN, pmt.from_long(token))
        getattr(self.block, f"_on_{port}")(told)
        self._check()
        return credit.in_flight

    def end(self, port: str) -> None:
        """End input message `port`."""
        self.message(port, End())

    def samples(self, *inputs: np.ndarray, last: bool = False) -> None:
        """Append to the input streams, one array each; with `last` these are their last."""
        if not self._inputs:
            self._inputs, self._read = [values[:0] for values in inputs], [0] * len(inputs)
        self._inputs = [np.concatenate(pair) for pair in zip(self._inputs, inputs, strict=True)]
        if last:
            self._ends = {read + len(values) - 1 for read, values in zip(self._read, self._inputs, strict=True)}

    def work(self, room: int = BUFFER, ports: int = 0, dtype: Any = np.complex64) -> int:
        """One call of `process` on all that is there, with `ports` outputs of `room` items; what it returned."""
        outputs = [np.zeros(room, dtype) for _ in range(ports)]
        made = self.block.general_work(list(self._inputs), outputs)
        self._check()
        self.is_done |= made == WORK_DONE
        for port, output in enumerate(outputs):
            self._port(port).append(output[: max(0, made)].copy())
        return made

    def run(self, room: int = BUFFER, ports: int = 0, most: int = 10_000) -> "Mocker":
        """Call `process` until it is done, or neither takes nor gives anything."""
        for _ in range(most):
            before = list(self._read)
            made = self.work(room, ports)
            if self.is_done or (not made and before == self._read):
                return self
        raise AssertionError(f"{self.block.name()} is not done after {most} calls")

    def finish(self) -> None:
        """Finish with the messages that are held."""
        for token, parcel in self._held:
            self.flow.done(token, parcel)
        self._held.clear()

    def _check(self) -> None:
        if self.flow.failure is not None:
            raise self.flow.failure

    def _port(self, port: int) -> list[np.ndarray]:
        while len(self._outputs) <= port:
            self._outputs.append([])
        return self._outputs[port]

    @staticmethod
    def _count(counts: list[int], port: int) -> int:
        return counts[port] if port < len(counts) else 0

    def _consume(self, port: int, items: int) -> None:
        self._inputs[port] = self._inputs[port][items:]
        self._read[port] += items

    def _consume_each(self, items: int) -> None:
        for port in range(len(self._inputs)):
            self._consume(port, items)

    def _tags(self, port: int, start: int, end: int, key: Any) -> list[int]:
        assert key is END_TAG
        return [place for place in self._ends if start <= place < end]

    def _add_tag(self, port: int, item: int, key: Any, value: Any) -> None:
        assert key is END_TAG
        self.end_at[port] = item

    def _publish(self, port: Any, message: Any) -> None:
        name = pmt.symbol_to_string(port)
        token = pmt.to_long(pmt.dict_ref(message, _TOKEN, pmt.from_long(0))) if pmt.is_dict(message) else 0
        if not token:
            self.pdus.setdefault(name, []).append(message)
            return
        parcel = self.flow.get(token)
        self.sent.setdefault(name, []).append(parcel.content)
        if self._holds:
            self._held.append((token, parcel))
        else:
            self.flow.done(token, parcel)
