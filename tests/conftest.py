"""One thread a torch operation (set before torch loads), the same hypothesis examples on every run, no leftovers."""

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
TIMED = "engines interrupted online online_training credit feedback guarded wire evaluator setup mutations"
"""Test files that measure time or use every core: one worker of xdist has them all, so that no two run at once."""


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
    decoding = sys.modules.get("gvc.coding.codec.decoder")
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
    """Threads that would keep this process from ending."""
    return {thread for thread in threading.enumerate() if not thread.daemon}


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """A test fails that leaves a process or a thread behind; those of fixtures of a wider scope may stay."""
    before = children().keys(), threads()
    yield
    until = time.monotonic() + GRACE_S
    while True:
        left = {pid: command for pid, command in children().items() if pid not in before[0]}
        waiting = threads() - before[1]
        if not left and not waiting:
            return
        if time.monotonic() > until:
            pytest.fail(f"left behind: {left} {waiting}")
        time.sleep(0.02)
