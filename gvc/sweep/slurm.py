"""Tasks in jobs of a Slurm cluster, by submitit. Jobs write shards themselves: the folder is one that all nodes see."""

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import submitit

from gvc import core_yaml
from gvc.errors import InputError, LinkError
from gvc.sweep.engine import Engine
from gvc.sweep.store import Store
from gvc.sweep.task import Failure, Result, Task, attempt

POLL_S = {"slurm": 5.0, "local": 0.1}
RESULT_S = {"slurm": 15.0, "local": 0.5}
"""How long after a job's end its result may take to show in the folder."""
MOST_IDLE_DEATHS = 3
"""So many jobs in a row may die without a result before the cluster, not the points, is blamed."""


@dataclass(frozen=True)
class Share:
    """What a job runs: tasks, one after the other. After a preemption it is run again, and skips what is there."""

    folder: Path
    tasks: tuple[Task, ...]

    def __call__(self) -> dict[str, Failure]:
        """Write the shards; returns what failed, by key."""
        store = Store(self.folder)
        failures = {}
        for task in self.tasks:
            if task in store:
                continue
            result = attempt(task)
            if isinstance(result, Failure):
                failures[task.key] = result
            else:
                store.write(task, result)
        return failures

    def checkpoint(self) -> submitit.helpers.DelayedSubmission:
        """Asked for by Slurm's warning before it stops the job."""
        return submitit.helpers.DelayedSubmission(self)


class Slurm(Engine):
    """`workers` jobs at a time (0: 16), with options of submitit as KEY=VALUE: timeout_min=60, slurm_partition=cpu,
    slurm_account=..., or cluster=local for jobs that are processes of this machine.

    Raises InputError where there is no Slurm, or for an option that submitit does not know.
    """

    def __init__(self, workers: int = 0, folder: str | Path = ".", job: Sequence[str] = (), **options: object):
        self.workers = workers or 16
        self._folder = Path(folder).resolve()
        parameters: dict[str, Any] = {"name": "gvc-sweep", "timeout_min": 240, "cpus_per_task": 1, **_parsed(job)}
        cluster = parameters.pop("cluster", "slurm")
        if cluster == "slurm" and shutil.which("sbatch") is None:
            raise InputError("no Slurm here (no sbatch): call this on a login node, or take --engine local or dask")
        self._poll_s, self._result_s = POLL_S.get(cluster, 1.0), RESULT_S.get(cluster, 15.0)
        # Read when a job loads its libraries: Slurm passes it on.
        os.environ["OMP_NUM_THREADS"] = "1"
        try:
            self._executor = submitit.AutoExecutor(self._folder / "jobs", cluster=cluster)
            self._executor.update_parameters(**parameters)
        except (AssertionError, NameError, ValueError) as error:
            raise InputError(f"--job: {error}") from error
        self._jobs: dict[submitit.Job, list[Task]] = {}
        self._silent: dict[str, float] = {}

    def close(self) -> None:
        """See `Engine.close`."""
        for job in self._jobs:
            job.cancel(check=False)
        self._jobs.clear()

    def attempts(self, tasks: list[Task]) -> Iterator[tuple[Task, Result | None]]:
        store = Store(self._folder)
        self._submit([tasks[number :: self.workers] for number in range(self.workers)])
        idle_deaths = 0
        while self._jobs:
            time.sleep(self._poll_s)
            for job, share in list(self._jobs.items()):
                # Asked before the folder is: what a job has written before its end is then seen.
                ended = self._ended(job)
                arrived = [task for task in share if store.find(task)]
                yield from ((task, store.read(task)) for task in arrived)
                share[:] = [task for task in share if task not in store]
                idle_deaths = 0 if arrived else idle_deaths
                if not ended:
                    continue
                del self._jobs[job]
                error = job.exception() if job.paths.result_pickle.exists() else job.stderr() or "no word on stderr"
                if error is None:
                    failures = job.result()
                    yield from ((task, failures[task.key]) for task in share)
                elif share:
                    idle_deaths += not arrived
                    if idle_deaths > MOST_IDLE_DEATHS:
                        raise LinkError(f"{idle_deaths} jobs died one after the other, the last with: {error}")
                    # Tasks are run in order, so the first that is not there was running.
                    yield share[0], None
                    self._submit([share[1:]])

    def _ended(self, job: submitit.Job) -> bool:
        """Whether a job has ended, and its result is there or will never be."""
        if not job.done() or job.paths.result_pickle.exists():
            return job.done()
        return time.monotonic() > self._silent.setdefault(job.job_id, time.monotonic() + self._result_s)

    def _submit(self, shares: list[list[Task]]) -> None:
        shares = [share for share in shares if share]
        if shares:
            with self._executor.batch():
                jobs = [self._executor.submit(Share(self._folder, tuple(share))) for share in shares]
            self._jobs.update(zip(jobs, shares, strict=True))


def _parsed(options: Sequence[str]) -> dict[str, object]:
    """KEY=VALUE to a mapping; values as YAML has them."""
    pairs = [option.partition("=") for option in options]
    for key, equals, _ in pairs:
        if not equals:
            raise InputError(f"--job {key}: write KEY=VALUE, for example timeout_min=60")
    return {key: core_yaml.value(value, f"--job {key}") for key, _, value in pairs}
