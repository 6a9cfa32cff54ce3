"""Child processes: messages, deadlines, floods, last words; none outlives a parent that is killed."""

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from gvc.child import Child, Ended, Silent
from gvc.errors import InputError
from gvc.paths import ROOT

KILL = "import os, signal; print(process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
EVALUATOR = "from gvc.evaluation.service.process import EvaluatorProcess as P; process = P(FOLDER, ['psnr_db'])"
DECODER = "from gvc.coding.codecs.video.decoder import DECODER as D; D._ready(); process = D"
TRAINER = (
    "from models.cddm.online_process import TrainerProcess as T; from gvc.config import AdaptConfig as A; "
    "process = T('small', A())._child"
)
BUSY = (
    "import subprocess, sys, os; process = subprocess.Popen([sys.executable, '-c', "
    "'import sys; from gvc.child import end_with_parent as e; e(int(sys.argv[1])); print(flush=True)\\nwhile 1: pass', "
    "str(os.getpid())], stdout=subprocess.PIPE); process.stdout.readline()"
)


@pytest.mark.parametrize("child", [EVALUATOR, DECODER, TRAINER, BUSY], ids=["evaluator", "decoder", "trainer", "busy"])
def test_a_child_ends_within_five_seconds_of_its_killed_parent(tmp_path, child: str) -> None:
    code = f"FOLDER = {str(tmp_path)!r}; {child}; {KILL}"
    # A file, not a pipe: the child has it too, and a pipe would be waited for until the child has ended.
    with open(tmp_path / "pid", "w+", encoding="ascii") as told:
        parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=told)
        assert parent.wait(90) == -9
        over = time.monotonic() + 5
        told.seek(0)
        pid = int(told.read())
    while _runs(pid):
        assert time.monotonic() < over, "it is still there after 5 s"
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"
    return False


@contextlib.contextmanager
def child(word: str, **options: Any) -> Iterator[Child]:
    started = Child("tests.odd_children", [word], name="the child", **options)
    try:
        yield started
    finally:
        started.close()
        assert not _runs(started.pid)
        assert not any(thread.name.startswith("the child") for thread in threading.enumerate())


def test_messages_go_both_ways_and_what_else_is_printed_is_no_message() -> None:
    with child("echo") as it:
        for number in range(3):
            it.send({"number": number}, b"abc")
            assert it.receive(30) == ({"number": number, "pid": it.pid}, b"cba")
        with pytest.raises(Silent, match="said nothing for 0.05 s"):
            it.receive(0.05)
        assert [message.head for message in it.close(30)] == [{"kind": "last"}]
        assert it.code == 0 and it.last_words == "not a message" and it.close(30) == []


@pytest.mark.parametrize(
    ("word", "kind", "why"),
    [
        ("dies", Ended, "the child was killed by SIGSEGV; its last words: about to die"),
        ("refuses", InputError, "^give another value"),
        ("fails", Ended, "ended with code 1; its last words: the link broke"),
        ("crashes", Ended, "ended with code 1; its last words: RuntimeError: a fault of ours"),
        ("eats", Ended, "its last words: no memory left"),
        ("babbles", Ended, "sent nonsense: a message's head of 1347703880 bytes"),
    ],
)
def test_an_end_before_its_time_says_why(word: str, kind: type[Exception], why: str) -> None:
    with child(word) as it:
        it.offer({})
        for _ in range(2):
            with pytest.raises(kind, match=why):
                it.receive(30)


def test_a_hanging_child_is_silent_until_it_is_killed() -> None:
    with child("hangs") as it:
        for _ in range(2):
            it.send({}, bytes(1 << 20))
        with pytest.raises(Silent, match="took nothing for 0.2 s"):
            it.send({}, within_s=0.2)
        assert not it.offer({})
        assert it.close(0.2) == [] and it.code == -9


@pytest.mark.parametrize("word", ["floods", "shouts"])
def test_a_flood_waits_in_the_child(word: str) -> None:
    with child(word, waiting=2) as it:
        if word == "floods":
            it.receive(30)
        over = time.monotonic() + 30
        while word == "shouts" and it.last_words == "it said nothing":
            assert time.monotonic() < over
        time.sleep(0.2)
        assert it._inbox.qsize() <= 2 and sum(map(len, it._lines)) <= 200_000 and it.code is None


def test_a_message_larger_than_agreed_is_nonsense() -> None:
    with child("large", most_bytes=999) as it, pytest.raises(Ended, match="0 to 999 `bytes`"):
        it.receive(30)
