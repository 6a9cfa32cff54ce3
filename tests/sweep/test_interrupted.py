"""`gvc sweep` as a process: killed, stopped, on a full disk; what it prints and returns."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gvc.permission import allowing_code
from gvc.sweep.config import load
from gvc.sweep.sweep import sweep
from tests.sweep.test_engines import alive
from tests.sweep.test_sweep import Here, untimed

SWEEP = """
name: test
point: toy_points:normal
fixed: {{sleep: {sleep}}}
grid: {{mean: [0, 1]}}
seeds: {{min: 4, max: 20, batch: 4}}
stop: {{column: value, ci95_width: 1.0}}
"""


@pytest.fixture
def command(toy: Path, tmp_path: Path) -> Callable[..., list[str]]:
    """The command line of a sweep whose points take `sleep` s, into the folder `out`."""

    def make(out: Path, sleep: float = 0.0) -> list[str]:
        path = tmp_path / "sweep.yaml"
        path.write_text(SWEEP.format(sleep=sleep))
        cli = [sys.executable, "-P", "-m", "flowgraphs.cli", "sweep"]
        return [*cli, str(path), "--out", str(out), "--workers", "2", "--json", "-", "--allow-code"]

    return make


def finished(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=100, **options)


def shards(out: Path) -> int:
    return len(list(out.glob("shards/*/*.parquet")))


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_stopped_by_a_signal_and_gone_on_with(command, tmp_path, number) -> None:
    out = tmp_path / "out"
    # As from a script's background job, which ignores SIGINT and can be stopped by SIGTERM all the same.
    background = (lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)) if number == signal.SIGTERM else None
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command(out, 0.1), text=True, preexec_fn=background, **pipes) as process:
        while shards(out) < 5:
            assert process.poll() is None
            time.sleep(0.01)
        workers = children(process.pid)
        process.send_signal(number)
        told = process.communicate(timeout=60)[1]
    kept = shards(out)
    assert process.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 130), told
    assert number == signal.SIGKILL or told.splitlines()[-1] == "gvc: interrupted"
    gone = time.monotonic() + 20
    while any(alive(worker) for worker in workers) and time.monotonic() < gone:
        time.sleep(0.02)
    assert workers and not any(alive(worker) for worker in workers)

    again = finished(command(out, 0.1))
    result = json.loads(again.stdout)
    assert again.returncode == 0 and result["found"] >= 5 and result["found"] <= kept
    assert result["computed"] + kept == result["points"]
    with allowing_code():
        config = load(tmp_path / "sweep.yaml")
    undisturbed = sweep(config, tmp_path / "undisturbed", Here())
    assert undisturbed.computed == result["points"]
    assert untimed(Path(result["table"])) == untimed(undisturbed.table)


def test_a_full_disk_is_said_and_what_was_there_is_kept(command, tmp_path) -> None:
    out = tmp_path / "out"

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (600, resource.RLIM_INFINITY))

    # Python 3.11 would leave cut bytecode in the checkout, and every later import would fail on it.
    full = finished(command(out), preexec_fn=fill, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    assert full.returncode == 1 and not full.stdout
    assert "cannot be written" in full.stderr and "free some space and call again" in full.stderr
    assert shards(out) == 0 and not [path for path in out.rglob("*") if path.is_file()]
    assert finished(command(out)).returncode == 0


def test_points_that_fail_are_listed_and_the_exit_code_is_1(toy, tmp_path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text("name: n\npoint: toy_points:fails\nfixed: {how: raise}\ngrid: {at: [[1], []]}\nseeds: {min: 2}\n")
    done = finished([sys.executable, "-P", "-m", "flowgraphs.cli", "sweep", str(path), "--out", str(tmp_path / "out"),
                     "--workers", "1", "--json", "-", "--allow-code"])  # fmt: skip
    result = json.loads(done.stdout)
    assert done.returncode == 1 and (result["points"], result["computed"]) == (3, 3)
    assert [(failure["seed"], failure["error"]) for failure in result["failed"]] == [
        (1, "Unpicklable: first 1, second 2")
    ]
    assert "gvc: 1 points failed" in done.stderr and "Unpicklable" in done.stderr


def test_a_point_that_is_code_runs_nothing_unless_it_is_allowed(tmp_path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text("name: n\npoint: evil:point\nseeds: {min: 1}\n")
    (tmp_path / "evil.py").write_text("open('ran', 'w')\ndef point(parameters, seed): return {'a': 1}\n")
    call = [sys.executable, "-P", "-m", "flowgraphs.cli", "sweep", str(path), "--out", "out", "--workers", "1"]
    refused = finished(call, cwd=tmp_path)
    assert refused.returncode == 2 and "names code, 'point: evil:point'" in refused.stderr
    assert not (tmp_path / "ran").exists() and not (tmp_path / "out").exists()
    assert finished([*call, "--allow-code"], cwd=tmp_path).returncode == 0 and (tmp_path / "ran").exists()


def test_an_unknown_key_is_bad_input(tmp_path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text("name: n\npiont: link\n")
    done = finished([sys.executable, "-P", "-m", "flowgraphs.cli", "sweep", str(path), "--out", str(tmp_path / "out")])
    assert done.returncode == 2 and "unknown key 'piont'; did you mean 'point'?" in done.stderr
    assert not (tmp_path / "out").exists()
