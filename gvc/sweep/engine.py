"""Where tasks are run. `local` runs them in processes of this machine."""

import multiprocessing
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Protocol

from gvc.sweep.task import Row, Task, run

Result = list[Row] | Exception
MOST_CRASHES = 2
"""A task during which so many workers died is given up."""


class Engine(Protocol):
    """Runs tasks anywhere, in any order."""

    workers: int

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Result]]:
        """Each task once with its rows, or with what went wrong."""

    def close(self) -> None:
        """Give the workers back; nothing is waited for."""


class Local:
    """Spawned processes on this machine, one thread each."""

    def __init__(self, workers: int = 0, **options: object):
        self.workers = workers or len(os.sched_getaffinity(0))
        self._pool: ProcessPoolExecutor | None = None

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Result]]:
        """See `Engine.run`. After the death of a worker, what was running or waiting is run again."""
        waiting = list(tasks)[::-1]
        crashes: dict[str, int] = {}
        running: dict[Future, Task] = {}
        while waiting or running:
            # A few more than workers, so that none waits for this process; no more, so that little is lost.
            while waiting and len(running) < 2 * self.workers:
                task = waiting.pop()
                running[self._submit(task)] = task
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                task = running.pop(future)
                error = future.exception()
                if isinstance(error, BrokenProcessPool):
                    self._pool = None
                    crashes[task.key] = crashes.get(task.key, 0) + 1
                    if crashes[task.key] <= MOST_CRASHES:
                        waiting.append(task)
                        continue
                    error = RuntimeError(f"the worker died {crashes[task.key]} times during this point")
                yield task, error if isinstance(error, Exception) else future.result()

    def close(self) -> None:
        """See `Engine.close`."""
        if self._pool is not None:
            processes = list(self._pool._processes.values())
            self._pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.terminate()
            self._pool = None

    def _submit(self, task: Task) -> Future:
        if self._pool is None:
            # Read when a worker loads its libraries: one thread for each.
            os.environ["OMP_NUM_THREADS"] = "1"
            spawn = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.workers, mp_context=spawn)
        try:
            return self._pool.submit(run, task.point, task.parameters, task.seed)
        except BrokenProcessPool:
            self._pool = None
            return self._submit(task)
