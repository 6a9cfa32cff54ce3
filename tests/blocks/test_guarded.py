"""Every way a block can fail makes the run return an error, soon, with an exit code."""

import signal
import subprocess
import sys
import time

import pytest

from gvc.paths import ROOT

COMMAND = [sys.executable, "-m", "tests.blocks.failing_graph"]


def run(way: str) -> subprocess.CompletedProcess:
    return subprocess.run([*COMMAND, way], cwd=ROOT, capture_output=True, text=True, timeout=40)


def test_a_graph_without_faults_ends_by_itself() -> None:
    done = run("well")
    assert done.returncode == 0, done.stderr
    assert "601 samples, 0 parcels left" in done.stdout


@pytest.mark.parametrize(
    ("way", "told", "code"),
    [
        ("begin raises", "ValueError: begin", 1),
        ("thread raises", "ValueError: thread", 1),
        ("handler raises", "ValueError: handler", 1),
        ("work raises", "block sink failed: ValueError: work", 1),
        ("typed error", "InputError: bad sample", 2),
        ("handler gives up the interpreter", "SystemExit: 7", 1),
        ("work gives up the interpreter", "SystemExit: 7", 1),
        ("no count", "returned None", 1),
        ("count too large", "returned 1000000", 1),
        ("returns 0 for ever", "nothing moved", 1),
        ("never gives credit back", "nothing moved", 1),
        ("blocks for ever", "did not stop", 1),
        ("holds the interpreter busy", "did not stop", 1),
        ("deadline", "deadline", 1),
    ],
)
def test_a_failing_block_ends_the_run(way: str, told: str, code: int) -> None:
    done = run(way)
    assert done.returncode == code, done.stdout + done.stderr
    assert told in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_stop_a_running_graph(number: int) -> None:
    child = subprocess.Popen([*COMMAND, "waits for a signal"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "running\n"
        sent = time.monotonic()
        child.send_signal(number)
        out, _ = child.communicate(timeout=20)
    finally:
        child.kill()
    assert child.returncode == 130
    assert "interrupted" in out
    assert time.monotonic() - sent < 10
