"""Runs a flowgraph to its end, and never longer: the one place where a graph is started and stopped."""

import atexit
import faulthandler
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gnuradio import gr

from gvc.errors import GvcError, LinkError
from gvc_blocks.runtime.flow import Flow

STALL_S = 60.0
GRACE_S = 5.0
DRAIN_S = 30.0
"""After the last of our blocks has ended, the others may take so long for what is in their buffers."""


def run(
    top: gr.top_block,
    flow: Flow,
    deadline_s: float | None = None,
    stall_s: float = STALL_S,
    grace_s: float = GRACE_S,
    watch: Callable[[], None] | None = None,
    drain_s: float = DRAIN_S,
) -> float:
    """Start `top`, wait for the end of its streams, let it drain, stop it; the seconds it ran.

    Blocks of others behind ours (a throttle, a file, a radio) get every sample, as with `top.run()`: the graph ends by
    itself. One that never would is stopped after `drain_s`, or at the deadline.

    `watch` is called about ten times a second, for progress displays; what it raises stops the run.

    Raises:
        GvcError: the first failure of a block, as it is when typed, else wrapped in LinkError.
        LinkError: nothing moved for `stall_s`, or the run took longer than `deadline_s`.
        KeyboardInterrupt: SIGINT or SIGTERM.
    """
    began = time.monotonic()
    with _signals(flow) as interrupted:
        waiter = threading.Thread(target=top.wait, daemon=True, name="end of the flowgraph")
        try:
            top.start()
            problem = _wait(flow, deadline_s, stall_s, watch)
            seconds = time.monotonic() - began
            if not (problem or flow.failure or interrupted):
                waiter.start()
                left_s = drain_s if deadline_s is None else min(drain_s, deadline_s - seconds)
                _drain(waiter, left_s, interrupted, watch)
        finally:
            flow.stop()
            stuck = not _stop(top, waiter, grace_s)
            if stuck:
                _leave_by_force()
    if stuck:
        block = f" after {flow.failed_block} failed: {flow.failure}" if flow.failure else ""
        raise LinkError(f"the flowgraph did not stop within {grace_s:g} s{block}")
    if interrupted:
        raise KeyboardInterrupt
    raise_failure(flow)
    if problem:
        raise LinkError(problem)
    return seconds


def _wait(flow: Flow, deadline_s: float | None, stall_s: float, watch: Callable[[], None] | None) -> str:
    """Until the flow has finished; else what is wrong."""
    began = moved = time.monotonic()
    progress = flow.progress
    while not flow.finished.wait(0.1):
        now = time.monotonic()
        if watch:
            watch()
        if flow.progress != progress:
            progress, moved = flow.progress, now
        if deadline_s is not None and now - began > deadline_s:
            return f"the run was not over after {deadline_s:g} s (deadline)"
        if now - moved > stall_s:
            return f"nothing moved in the flowgraph for {stall_s:g} s"
    return ""


def raise_failure(flow: Flow) -> None:
    """Raise what stopped `flow`, if a block failed; for flowgraphs that GNU Radio Companion made."""
    error = flow.failure
    if error is None:
        return
    if isinstance(error, (GvcError, KeyboardInterrupt)):
        raise error
    raise LinkError(f"block {flow.failed_block} failed: {type(error).__name__}: {error}") from error


def _drain(waiter: threading.Thread, limit_s: float, interrupted: list[int], watch: Callable[[], None] | None) -> None:
    """Until the graph has ended by itself, was interrupted, or the limit is over, which is told."""
    over = time.monotonic() + max(0.0, limit_s)
    while waiter.is_alive() and not interrupted:
        waiter.join(0.1)
        if watch:
            watch()
        if time.monotonic() > over:
            print(f"the flowgraph did not end by itself within {limit_s:.0f} s and is stopped", file=sys.stderr)
            return


def _stop(top: gr.top_block, waiter: threading.Thread, grace_s: float) -> bool:
    """Stop `top` and wait for it in helper threads, since `wait` cannot be interrupted; False when it hangs."""
    if waiter.ident is None:
        waiter.start()
    # Even a block that holds the interpreter's lock cannot keep this timer from firing.
    faulthandler.dump_traceback_later(4 * grace_s + 10, exit=True)
    if waiter.is_alive():
        threading.Thread(target=top.stop, daemon=True, name="stop of the flowgraph").start()
        waiter.join(grace_s)
    faulthandler.cancel_dump_traceback_later()
    return not waiter.is_alive()


def _leave_by_force() -> None:
    """A thread is stuck inside GNU Radio: the interpreter's own shutdown would wait for it for ever."""

    def leave() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)

    atexit.register(leave)


@contextmanager
def _signals(flow: Flow) -> Iterator[list[int]]:
    """SIGINT and SIGTERM stop the flow; the list holds those received. Handlers exist in the main thread only."""
    received: list[int] = []

    def stop(number: int, frame: object) -> None:
        received.append(number)
        flow.stop()

    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
