"""The base of every block: nothing that goes wrong in Python hangs the flowgraph.

GNU Radio 3.10 loses a block's thread when `work` or a message handler raises, and `tb.run()` then never returns. Here
every entry is guarded: the exception is stored in the flow, the flow stops, and `flowgraphs.runner` raises it again.
"""

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pmt
from gnuradio import gr

from gvc.errors import LinkError
from gvc_blocks.runtime import flow
from gvc_blocks.runtime.credit import Credit, Stopped

WORK_DONE = -1
END_TAG = pmt.intern("gvc_end")
"""Stream tag on the last sample of a stream: the explicit end. Nothing else is told by tags."""
_TOKEN = pmt.intern("token")
_SYSTEM = pmt.intern("system")
_DONE = pmt.cons(pmt.intern("done"), pmt.from_long(1))


class End:
    """Content of the message that ends a message stream."""

    frame_id = -1


class GuardedBlock(gr.basic_block):
    """A block with guarded stream work and guarded message ports.

    A subclass implements `process(inputs, outputs) -> int` (as `general_work`: it consumes, and returns what it
    produced) when it has streams, and calls `receive` and `send_on` for its message ports. Message handlers run in the
    block's own thread, one at a time.

    Attributes: `cpu_seconds`, thread CPU time spent in this block; `calls`; `counters`, what it has counted.
    """

    def __init__(self, name: str, inputs: list | None = None, outputs: list | None = None):
        gr.basic_block.__init__(self, name, inputs, outputs)
        self.set_tag_propagation_policy(gr.TPP_DONT)
        self.flow = flow.current()
        self.cpu_seconds = 0.0
        self.calls = 0
        self.counters: dict[str, int] = {}
        self.wake = threading.Event()
        self._credits: dict[str, Credit] = {}
        self._subscribers: dict[str, list[GuardedBlock]] = {}
        self._message_only = not inputs and not outputs
        self._has_ended = False
        self._moved: list[int] = []
        self.flow.join(self)

    def start(self) -> bool:
        self._guard(self.begin)
        return True

    def begin(self) -> None:
        """Called once, in the block's own thread, when the flowgraph starts."""

    def stop(self) -> bool:
        """Called by GNU Radio when this block's thread ends. For a block without streams that is the flow's own end, or
        `tb.stop()` from outside, which others who wait for credit would not see.
        """
        if self._message_only:
            self.flow.stop()
        return True

    # Streams

    def forecast(self, noutput_items: int, ninputs: Any) -> list[int]:
        return [1] * (ninputs if isinstance(ninputs, int) else len(ninputs))

    def general_work(self, input_items: list[np.ndarray], output_items: list[np.ndarray]) -> int:
        if self.flow.stopping.is_set():
            return WORK_DONE
        moved = [self.nitems_read(port) for port in range(len(input_items))]
        moved += [self.nitems_written(port) for port in range(len(output_items))]
        if moved != self._moved:
            self._moved = moved
            self.flow.progress += 1
        produced = self._guard(self._checked_process, input_items, output_items)
        if produced is None:
            return WORK_DONE
        if produced == WORK_DONE:
            self.end()
        return produced

    def process(self, inputs: list[np.ndarray], outputs: list[np.ndarray]) -> int:
        """One call of the scheduler: consume, produce, return the number of items produced, or WORK_DONE."""
        raise NotImplementedError(f"{self.name()} has streams but no process()")

    def _checked_process(self, inputs: list[np.ndarray], outputs: list[np.ndarray]) -> int:
        produced = self.process(inputs, outputs)
        room = min((len(output) for output in outputs), default=0)
        if not isinstance(produced, int) or not WORK_DONE <= produced <= room:
            raise LinkError(f"process() of {self.name()} returned {produced!r} with room for {room} items")
        return produced

    def ends_within(self, samples: int, port: int = 0) -> bool:
        """Whether the stream's last sample is the last of the next `samples` input items."""
        start = self.nitems_read(port)
        return bool(self.get_tags_in_range(port, start + samples - 1, start + samples, END_TAG))

    def mark_end(self, last_item: int, port: int = 0) -> None:
        """Put the end on output item number `last_item` of the whole stream."""
        self.add_item_tag(port, last_item, END_TAG, pmt.PMT_T)

    # Messages

    def receive(self, port: str, handler: Callable[[Any], None], hold: bool = False, ends: bool = True) -> None:
        """Make input port `port`; `handler(content)` is called for each message.

        With `hold` it is `handler(parcel)`, and the block calls `parcel.release()` when it has finished. An `End` on a
        port that `ends` the block calls `at_end()`, then ends this block's own outputs.
        """

        def entry(message: Any) -> None:
            self._guard(self._handle, message, handler, hold, ends)

        # GNU Radio keeps a handler by its name and looks it up in the block.
        entry.__name__ = f"_on_{port}"
        setattr(self, entry.__name__, entry)
        self.message_port_register_in(pmt.intern(port))
        self.set_msg_handler(pmt.intern(port), entry)

    def send_on(self, port: str, credit: int = 1) -> None:
        """Make output port `port` with a window of `credit` messages."""
        self.message_port_register_out(pmt.intern(port))
        self._credits[port] = Credit(credit, self.flow.condition)

    def publish(self, port: str, content: Any, **told: int) -> None:
        """Send `content` on `port`, waiting for credit; `told` goes into the message for people to read."""
        readers = self._readers(port)
        credit = self._credits[port]
        name = pmt.intern(port)
        message = pmt.make_dict()
        for key, value in {"frame_id": content.frame_id, **told}.items():
            message = pmt.dict_add(message, pmt.intern(key), pmt.from_long(int(value)))
        if readers:
            credit.acquire(self.flow.stopping)
            token = self.flow.put(flow.Parcel(content, len(readers), credit))
            message = pmt.dict_add(message, _TOKEN, pmt.from_long(token))
        self.message_port_pub(name, message)
        for reader in readers:
            reader.wake.set()

    def at_end(self) -> None:
        """Called when the input has ended, before the outputs are ended."""

    def end(self) -> None:
        """This block has passed on everything: end its message outputs."""
        if not self._has_ended:
            self._has_ended = True
            self._guard(self._end_outputs)
            self.flow.ended()

    def dismiss(self) -> None:
        """The flow has stopped: let the thread of a block without streams finish."""
        self.wake.set()
        if self._message_only:
            self._post(_SYSTEM, _DONE)

    def _end_outputs(self) -> None:
        for port in self._credits:
            self.publish(port, End())

    def _handle(self, message: Any, handler: Callable[[Any], None], hold: bool, ends: bool) -> None:
        if self.flow.stopping.is_set():
            return
        token = pmt.to_long(pmt.dict_ref(message, _TOKEN, pmt.from_long(0))) if pmt.is_dict(message) else 0
        parcel = self.flow.get(token)
        held = False
        try:
            if isinstance(parcel.content, End):
                if ends:
                    self.at_end()
                    if self._message_only:
                        self.end()
            elif hold:
                held = True
                handler(HeldParcel(self.flow, token, parcel))
            else:
                handler(parcel.content)
        finally:
            if not held:
                self.flow.done(token, parcel)

    def _readers(self, port: str) -> list["GuardedBlock"]:
        if port not in self._subscribers:
            aliases = set()
            listed = self.message_subscribers(pmt.intern(port))
            while pmt.is_pair(listed):
                aliases.add(pmt.symbol_to_string(pmt.car(pmt.car(listed))))
                listed = pmt.cdr(listed)
            self._subscribers[port] = [block for block in self.flow.blocks if block.alias() in aliases]
        return self._subscribers[port]

    def _guard(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """`call(*arguments)`, its CPU time counted; None when it failed or the flow stopped."""
        started = time.thread_time()
        try:
            return call(*arguments)
        except Stopped:
            return None
        except BaseException as error:
            if not self.flow.stopping.is_set():
                print(f"{self.name()}: {type(error).__name__}: {error}", file=sys.stderr)
            self.flow.fail(self, error)
            return None
        finally:
            self.cpu_seconds += time.thread_time() - started
            self.calls += 1


class HeldParcel:
    """A message that its receiver keeps after the handler; `release()` gives its credit back."""

    def __init__(self, owner: flow.Flow, token: int, parcel: flow.Parcel):
        self.content = parcel.content
        self._give_back = lambda: owner.done(token, parcel)

    def release(self) -> None:
        self._give_back()
