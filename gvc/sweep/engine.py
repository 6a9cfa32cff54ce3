"""Where tasks are run: what every engine does, and the engine that uses this machine's own processes."""

import multiprocessing
import os
import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for_end

from gvc.sweep.task import Failure, Result, Task, attempt

ROUNDS = 2
"""Tasks whose worker died are run again side by side so many times, then one by one."""


class Engine(ABC):
    """Runs tasks anywhere, in any order. `workers`: how many at a time, about."""

    workers: int

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Result]]:
        """Each task once with its result.

        When a worker dies, its tasks and those of its neighbours are run again; a task is blamed only when its worker
        dies with no other task beside it, and that twice.
        """
        waiting = list(tasks)
        for _ in range(1 + ROUNDS):
            bereft = []
            for task, result in self.attempts(waiting):
                if result is None:
                    bereft.append(task)
                else:
                    yield task, result
            waiting = bereft
        for task in waiting:
            yield task, self._alone(task) or self._alone(task) or Failure("the worker died during this point")

    def _alone(self, task: Task) -> Result | None:
        return next(result for _, result in self.attempts([task]))

    @abstractmethod
    def attempts(self, tasks: list[Task]) -> Iterator[tuple[Task, Result | None]]:
        """Each task once, with None where a worker died that had it."""

    @abstractmethod
    def close(self) -> None:
        """Give the workers back; nothing is waited for."""


class Local(Engine):
    """Spawned processes on this machine, one thread each; `workers` 0: one a core."""

    def __init__(self, workers: int = 0, **options: object):
        self.workers = workers or len(os.sched_getaffinity(0))
        self._pool: ProcessPoolExecutor | None = None

    def close(self) -> None:
        """See `Engine.close`."""
        if self._pool is not None:
            processes = list((self._pool._processes or {}).values())
            self._pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.terminate()
            self._pool = None

    def attempts(self, tasks: list[Task]) -> Iterator[tuple[Task, Result | None]]:
        waiting = tasks[::-1]
        running: dict[Future, tuple[Task, ProcessPoolExecutor]] = {}
        while waiting or running:
            # A few more than workers, so that none waits for this process; no more, so that little is lost.
            while waiting and len(running) < 2 * self.workers:
                task = waiting.pop()
                future, pool = self._submit(task)
                running[future] = task, pool
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                task, pool = running.pop(future)
                died = isinstance(future.exception(), BrokenProcessPool)
                if died:
                    self._forget(pool)
                yield task, None if died else future.result()

    def _submit(self, task: Task) -> tuple[Future, ProcessPoolExecutor]:
        while True:
            if self._pool is None:
                # Read when a worker loads its libraries: one thread for each.
                os.environ["OMP_NUM_THREADS"] = "1"
                spawn = multiprocessing.get_context("spawn")
                self._pool = ProcessPoolExecutor(self.workers, mp_context=spawn, initializer=_begin)
            try:
                return self._pool.submit(attempt, task), self._pool
            except BrokenProcessPool:
                self._forget(self._pool)

    def _forget(self, pool: ProcessPoolExecutor) -> None:
        # Several tasks of one broken pool are told of one after the other; a new pool may be there by then.
        if pool is self._pool:
            self._pool = None


def _begin() -> None:
    """In a worker: an interrupt is the parent's business, and its end, by whatever signal, is the worker's too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for_end([parent.sentinel])
    os._exit(1)
