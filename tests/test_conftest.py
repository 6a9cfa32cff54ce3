"""What keeps the tests apart: groups of xdist, and the check for leftovers."""

import socket
import subprocess
import sys
import threading
from pathlib import Path

from tests.conftest import Left, children, group, threads


def test_a_file_stays_together_and_timed_files_too() -> None:
    assert group("tests/phy/test_header.py::test_a[1]") == group("tests/phy/test_header.py::test_b") != "timed"
    assert group("tests/sweep/test_engines.py::test_a") == group("tests/blocks/test_credit.py::test_b") == "timed"


def test_a_page_of_shown_commands_stays_together() -> None:
    first, second, other = (f"tests/shown/test_shown.py::test_runs[{page}: gvc demo]" for page in "aab")
    assert group(first) == group(second) != group(other)


def test_a_child_and_a_thread_left_behind_are_seen() -> None:
    before = threads()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child.pid in children()
        child.kill()
    assert child.pid not in children()
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    assert threads() - before == {thread}
    ended.set()
    thread.join()


def test_a_socket_and_an_open_file_left_behind_are_seen(tmp_path: Path) -> None:
    left = Left()
    assert left() == []
    with socket.socket() as sock, open(tmp_path / "a", "w") as file:
        assert sorted(line.partition(": ")[0] for line in left()) == sorted(
            f"descriptor {one.fileno()}" for one in (sock, file)
        )
    assert left() == []
