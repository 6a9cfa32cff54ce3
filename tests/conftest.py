"""One thread a torch operation (set before torch loads), the same hypothesis examples on every run, no leftovers."""

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
settings.register_profile("testbed", deadline=None, derandomize=True)
settings.load_profile("testbed")
# Started with `&` by a script, all this ignores SIGINT, and so would the programs that tests interrupt; what has a
# handler here, they begin with as usual.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

FOLDER = Path(__file__).parent
GRACE_S = 5.0
KEPT_THREADS = ("the decoder process", "pytest_timeout", "Dask-Offload")
TIMED = "engines interrupted online online_training credit feedback guarded wire evaluator setup mutations"
"""Test files that measure time or use every core: one worker of xdist has them all, so that no two run at once."""


def pytest_configure() -> None:
    """Our own strategies are looked at as those from outside are."""
    # not above: numpy reads OMP_NUM_THREADS when it is loaded
    from gvc import registry
    from tests import borders

    registry.guarded = borders.guarded


def group(nodeid: str) -> str:
    """What stays on one worker: a file, whose fixtures are made once there; a page of commands; all timed files."""
    file = nodeid.partition("::")[0]
    if Path(file).stem.removeprefix("test_") in TIMED.split():
        return "timed"
    return nodeid.partition(": ")[0] if "/shown/" in file and "[" in nodeid else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """xdist's scheduler by groups, with ours. (Its own mark, xdist_group, has no effect under this pytest.)"""
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    return ByGroup(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Folders whose tests are long come first, so that the workers end together."""
    items.sort(key=lambda item: item.path.relative_to(FOLDER).parts[0] not in ("shown", "sweep", "flowgraphs"))


def children() -> dict[int, str]:
    """Process id and command line of every child of this process that still runs.

    Left out are those that Python keeps for itself, to clean up after it and to start others from, and the decoder of
    video that a process keeps on purpose.
    """
    found = {}
    decoding = sys.modules.get("gvc.coding.codecs.video.decoder")
    kept = decoding.DECODER.pid if decoding else None
    for task in Path("/proc/self/task").iterdir():
        try:
            for pid in (task / "children").read_text().split():
                command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                # a dead child that nobody has waited for is no process any more
                dead = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
                if not dead and "from multiprocessing." not in command and int(pid) != kept:
                    found[int(pid)] = command.strip()
        except OSError:
            continue
    return found


def threads() -> set[threading.Thread]:
    """Threads of Python that still run; those of the decoder that a process keeps, and of libraries, left out."""
    known = {thread for thread in threading.enumerate() if not thread.name.startswith(KEPT_THREADS)}
    return {thread for thread in known if not type(thread).__module__.startswith(("zmq.", "execnet."))}


def files() -> dict[str, str]:
    """What this process has open, by descriptor: sockets, and files but devices and pytest's own (deleted) ones."""
    found = {}
    for link in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(link)
        except OSError:
            continue
        outside = target.startswith(("/dev/", "/proc/")) or target.endswith(" (deleted)")
        if target.startswith("socket:") or (target.startswith("/") and not outside):
            found[link.name] = target
    return found


class Left:
    """What has come since it was made: processes, threads, sockets, files."""

    def __init__(self) -> None:
        self._before = children().keys(), threads(), set(files().items())

    def __call__(self) -> list[str]:
        """In words."""
        processes, known, opened = self._before
        found = [f"process {pid}: {command}" for pid, command in children().items() if pid not in processes]
        found += [f"thread {thread.name}" for thread in threads() - known]
        return found + [f"descriptor {number}: {what}" for number, what in files().items() - opened]


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test fails that leaves a process, a thread, a socket or an open file behind; those of fixtures of a wider scope
    may stay, and what the mark `leaves` names.
    """
    left = Left()
    yield
    if request.node.get_closest_marker("leaves"):
        return
    until = time.monotonic() + GRACE_S
    while left():
        # what only a circle of references still holds is closed with it
        gc.collect()
        if time.monotonic() > until:
            pytest.fail(f"left behind: {left()}")
        time.sleep(0.02)
