"""Tasks on a dask.distributed cluster: one that is there, or one of this machine's processes."""

import itertools
import os
import time
from collections.abc import Iterator

from distributed import Client, Future, KilledWorker, LocalCluster, as_completed

from gvc.errors import InputError, LinkError
from gvc.sweep.engine import Engine
from gvc.sweep.task import Failure, Result, Task, attempt

TIMEOUT_S = 30
WINDOW = 256
"""Batches that the scheduler holds at a time."""
BATCH_S = 0.1
MOST = 64
"""Whatever it is given costs the scheduler milliseconds: quick tasks go in batches of BATCH_S, at most MOST."""


class Dask(Engine):
    """Workers started by `dask worker ADDRESS --nthreads 1` from the same checkout, or a cluster of `workers` processes
    here (0: one a core).

    Raises InputError when nobody answers at `scheduler`, or no worker is there.
    """

    def __init__(self, workers: int = 0, scheduler: str = "", **options: object):
        self._cluster = None
        if not scheduler:
            count = workers or len(os.sched_getaffinity(0))
            # `Engine.run` knows better than the scheduler which point is to blame for a worker's death.
            blame = {"allowed_failures": 0}
            self._cluster = LocalCluster(
                n_workers=count, threads_per_worker=1, dashboard_address=None, scheduler_kwargs=blame
            )
        try:
            self._client = Client(self._cluster or scheduler, timeout=TIMEOUT_S)
        except (OSError, ValueError) as error:
            raise InputError(
                f"no dask scheduler answers at '{scheduler}': start `dask scheduler`, and give its address, such as "
                f"tcp://host:8786 ({error})"
            ) from error
        try:
            self._client.wait_for_workers(1, timeout=TIMEOUT_S)
        except TimeoutError as error:
            self.close()
            raise InputError(f"'{scheduler}' has no workers: start `dask worker {scheduler} --nthreads 1`") from error
        self.workers = sum(self._client.nthreads().values())
        self._numbers = itertools.count()

    def close(self) -> None:
        """See `Engine.close`."""
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()

    def attempts(self, tasks: list[Task]) -> Iterator[tuple[Task, Result | None]]:
        waiting = iter(tasks)
        # A name of its own for each call: what an earlier call left behind under a name must not answer.
        name = f"points-{next(self._numbers)}-{os.urandom(4).hex()}"
        running = dict(self._submit(name, [task]) for task in itertools.islice(waiting, WINDOW))
        ended = as_completed(list(running))
        for future in ended:
            batch = running.pop(future)
            if future.cancelled():
                raise LinkError("the dask scheduler is gone; call again to go on")
            error = future.exception()
            size = 1
            if error is None:
                results, seconds = future.result()
                size = min(MOST, max(1, int(BATCH_S * len(batch) / max(seconds, 1e-6))))
            else:
                failure = None if isinstance(error, KilledWorker) else Failure(f"{type(error).__name__}: {error}")
                results = [failure] * len(batch)
            following = list(itertools.islice(waiting, size))
            if following:
                added, _ = submitted = self._submit(name, following)
                running.update([submitted])
                ended.add(added)
            yield from zip(batch, results, strict=True)

    def _submit(self, name: str, batch: list[Task]) -> tuple[Future, list[Task]]:
        return self._client.submit(attempt_all, batch, key=(name, next(self._numbers)), pure=False), batch


def attempt_all(batch: list[Task]) -> tuple[list[Result], float]:
    """In a worker: the results of tasks, and how many seconds they took."""
    began = time.perf_counter()
    return [attempt(task) for task in batch], time.perf_counter() - began
