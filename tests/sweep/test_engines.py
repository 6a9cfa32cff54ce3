"""Every engine: the same table as in this process, workers that die, points that fail."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gvc.errors import InputError, LinkError
from gvc.sweep.engine import Engine
from gvc.sweep.store import read_table
from gvc.sweep.sweep import create_engine, sweep
from gvc.sweep.task import Addresses
from tests.sweep.test_sweep import Here, untimed


def alive(pid: int) -> bool:
    """Whether a process runs; a dead child that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


ENGINES = {"local": {}, "dask": {}, "slurm": {"job": ("cluster=local", "timeout_min=2")}}


QUICK = [pytest.param(name, marks=() if name == "local" else pytest.mark.slow) for name in ENGINES]


@pytest.fixture(params=ENGINES)
def start(request: pytest.FixtureRequest, toy: Path, tmp_path: Path) -> Iterator[Callable[[], Engine]]:
    """Starts an engine of two workers for the folder `tmp_path`."""
    started = []

    def make() -> Engine:
        started.append(create_engine(request.param, workers=2, folder=tmp_path, **ENGINES[request.param]))
        return started[-1]

    yield make
    for engine in started:
        engine.close()


def test_same_table_as_in_this_process_and_failures_beside(start, config, tmp_path) -> None:
    keys = {
        "grid": {"mean": [0.0, 1.0]},
        "seeds": {"min": 3, "max": 12, "batch": 3},
        "stop": {"column": "value", "ci95_width": 1.2},
    }
    outcome = sweep(config(**keys), tmp_path, start())
    alone = sweep(config(**keys), tmp_path / "here", Here())
    rows = untimed(outcome.table)
    assert {row.pop("omp") for row in rows} == {"1"}
    assert rows == [{name: row[name] for name in row if name != "omp"} for row in untimed(alone.table)]
    assert outcome.computed == alone.computed


@pytest.mark.parametrize("start", QUICK, indirect=True)
def test_a_point_that_kills_its_worker_is_the_only_one_blamed(start, config, tmp_path) -> None:
    asked = config("fails", fixed={"how": "die", "at": [2]}, seeds={"min": 9})
    outcome = sweep(asked, tmp_path, start())
    assert [(failure["seed"], failure["error"]) for failure in outcome.failed] == [
        (2, "the worker died during this point")
    ]
    assert [row["value"] for row in read_table(outcome.table)] == [1, 3, 4, 5, 6, 7, 8, 9]


def test_points_of_workers_that_died_are_run_again(start, config, tmp_path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    asked = config("dies_once", fixed={"marks": str(marks), "at": [1, 4]}, seeds={"min": 6})
    outcome = sweep(asked, tmp_path, start())
    assert outcome.failed == [] and outcome.points == 6 and len(list(marks.iterdir())) == 2


def test_points_that_raise_are_told(start, config, tmp_path) -> None:
    outcome = sweep(config("fails", fixed={"how": "raise", "at": [1, 3]}, seeds={"min": 4}), tmp_path, start())
    assert sorted(failure["seed"] for failure in outcome.failed) == [1, 3] and outcome.points == 2
    assert {failure["error"] for failure in outcome.failed} == {"Unpicklable: first 1, second 2"}


def test_workers_given_back_are_gone(toy) -> None:
    engine = create_engine("local", workers=2)
    tasks = [Addresses("toy_points:normal").task(0, {"mean": 0, "sleep": 60}, seed) for seed in (1, 2)]
    answers = engine.run([Addresses("toy_points:normal").task(0, {"mean": 0}, 3), *tasks])
    next(answers)
    processes = list(engine._pool._processes.values())
    engine.close()
    gone = time.monotonic() + 10
    while any(alive(process.pid) for process in processes) and time.monotonic() < gone:
        time.sleep(0.02)
    assert not any(alive(process.pid) for process in processes)


@pytest.fixture
def dask_command(toy: Path) -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts `dask ARGUMENTS`, as an operator would."""
    started = []

    def start(*arguments: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "dask", *arguments]
        started.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    # workers before their scheduler: one that has lost it may take long to leave
    for process in reversed(started):
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stderr.close()


def test_workers_started_apart_by_the_dask_command(dask_command, config, tmp_path) -> None:
    scheduler = dask_command("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    address = next(line.split()[-1] for line in scheduler.stderr if "Scheduler at:" in line)
    threading.Thread(target=scheduler.stderr.read, daemon=True).start()
    flags = (address, "--nthreads", "1", "--no-dashboard", "--no-nanny", "--local-directory", str(tmp_path / "dask"))
    workers = [dask_command("worker", *flags) for _ in range(2)]
    for worker in workers:
        threading.Thread(target=worker.stderr.read, daemon=True).start()
    engine = create_engine("dask", scheduler=address)
    deadline = time.monotonic() + 30
    while len(engine._client.nthreads()) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    asked = config(fixed={"mean": 0.0, "sleep": 0.05}, seeds={"min": 30})
    # one of the two is killed while points are running on it
    killed = []

    def told(what: str, done: int, total: int) -> None:
        if done == 5 and not killed:
            killed.append(os.kill(workers[0].pid, signal.SIGKILL))

    outcome = sweep(asked, tmp_path, engine, told)
    engine.close()
    assert outcome.failed == [] and killed
    rows, alone = untimed(outcome.table), untimed(sweep(asked, tmp_path / "here", Here()).table)
    assert [row["value"] for row in rows] == [row["value"] for row in alone]


@pytest.mark.leaves("dask's loop, where a client finds no scheduler")
def test_a_scheduler_that_does_not_answer(monkeypatch) -> None:
    monkeypatch.setattr("gvc.sweep.dask.TIMEOUT_S", 0.3)
    with pytest.raises(InputError, match="no dask scheduler answers at 'tcp://127.0.0.1:9'"):
        create_engine("dask", scheduler="tcp://127.0.0.1:9")
    with pytest.raises(InputError, match="no dask scheduler answers"):
        create_engine("dask", scheduler="nonsense://x")


@pytest.mark.parametrize(
    ("job", "told"),
    [
        ((), "no Slurm here"),
        (("cluster=local", "timeout_min"), "write KEY=VALUE"),
        (("cluster=local", "timeout_min=soon"), "timeout_min"),
        (("cluster=local", "slurm_partitoin=cpu"), "partitoin"),
        (("cluster=moon",), "moon"),
    ],
)
def test_slurm_says_what_is_wrong_with_a_job(tmp_path, monkeypatch, job, told) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match=told):
        create_engine("slurm", folder=tmp_path, job=job)


def test_jobs_that_all_die_before_their_first_point_end_the_sweep(toy, config, tmp_path) -> None:
    engine = create_engine("slurm", workers=1, folder=tmp_path, job=("cluster=local", "local_setup=['exit 7']"))
    with pytest.raises(LinkError, match="jobs died one after the other"):
        sweep(config(fixed={"mean": 0}, seeds={"min": 9}), tmp_path, engine)
