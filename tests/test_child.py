"""No child process outlives a parent that is killed."""

import contextlib
import subprocess
import sys
import time

import pytest

from gvc.paths import ROOT

KILL = "import os, signal; print(process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
EVALUATOR = "from gvc.evaluation.process import EvaluatorProcess as P; process = P(FOLDER, ['psnr_db'])"
DECODER = "from gvc.coding.codec.decoder import DECODER as D; D._ready(); process = D._process"
TRAINER = (
    "from models.cddm.online_process import OnlineTrainer as T; from gvc.config import AdaptConfig as A; "
    "process = T('small', A())._process"
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
