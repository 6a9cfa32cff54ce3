"""The evaluator as a child process of a run."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gvc.errors import InputError, LinkError
from gvc.evaluation import outcome
from gvc.evaluation.endpoint import TOKEN_VARIABLE, new_token
from gvc.evaluation.metrics import DEFAULT_METRICS
from gvc.evaluation.patience import STALL_S
from gvc.evaluation.session import KEEP

SILENCE_S = 2 * STALL_S
"""An evaluator that tells no progress for so long is given up; one that is stuck in a metric gives that up before."""


class EvaluatorProcess:
    """Starts `python -m gvc.evaluation.evaluator` and waits for its results; killed on leaving the `with` block. It
    ends with this process, however that ends.

    `endpoint` is where it listens, `token` what its streams are signed with. Raises InputError when it refuses its
    arguments, LinkError when it does not start within `start_timeout_s`.
    """

    def __init__(
        self,
        out: Path,
        metrics: Sequence[str] = DEFAULT_METRICS,
        streams: int = 1,
        fps: float = 25.0,
        bind: str = "tcp://127.0.0.1:0",
        idle_timeout_s: float = 120.0,
        start_timeout_s: float = 60.0,
        keep: int = KEEP,
        arms: int = 1,
        stall_s: float = STALL_S,
        token: bytes | None = None,
    ) -> None:
        self.out = Path(out)
        self.token = new_token() if token is None else token
        self._metrics, self._fps, self._keep, self._arms = tuple(metrics), fps, keep, arms
        command = [sys.executable, "-P", "-m", "gvc.evaluation.evaluator", "--bind", bind, "--out", str(self.out)]
        command += ["--metrics", ",".join(metrics), "--streams", str(streams), "--fps", repr(float(fps))]
        command += ["--idle-timeout-s", repr(float(idle_timeout_s)), "--keep", str(keep), "--arms", str(arms)]
        command += ["--stall-s", repr(float(stall_s)), "--parent", str(os.getpid())]
        root = str(Path(__file__).resolve().parents[2])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), TOKEN_VARIABLE: self.token.hex()},
            # Ctrl-C goes to the run, which ends the evaluator itself.
            start_new_session=True,
        )
        self.log: deque[str] = deque(maxlen=100)
        self._started: queue.Queue[str] = queue.Queue()
        self._progress: tuple[str, int, int] = ("evaluating", 0, 0)
        self._moved = time.monotonic()
        self._readers = [
            threading.Thread(target=self._read_stdout, daemon=True),
            threading.Thread(target=self._read_stderr, daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        try:
            self.endpoint = self._wait_until_bound(start_timeout_s)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "EvaluatorProcess":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def check(self) -> None:
        """Raise LinkError when the process has ended, saying how."""
        code = self._process.poll()
        if code is not None:
            raise LinkError(f"the evaluator process {_how(code)}; its last words: {self._last()}")

    def wait(
        self, silence_s: float = SILENCE_S, told: Callable[[str, int, int], None] = lambda what, done, total: None
    ) -> dict[str, Any]:
        """The content of metrics.json after the process has ended; `told` is given its progress several times a second:
        what, frames done, of how many.

        Raises LinkError when it makes no progress for `silence_s`, or has ended without results.
        """
        self._moved = time.monotonic()
        while self._process.poll() is None:
            if time.monotonic() - self._moved > silence_s:
                raise LinkError(f"the evaluator made no progress for {silence_s:g} s, at: {self._progress[0]}")
            told(*self._progress)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.2)
        results = self.out / "metrics.json"
        if self._process.returncode not in (0, 1) or not results.exists():
            self.check()
        return json.loads(results.read_text(encoding="utf-8"))

    def salvage(self, told: Callable[[str, int, int], None] = lambda what, done, total: None) -> dict[str, Any] | None:
        """End the process, and turn what it had stored into pictures and the live metrics; None without any."""
        self.close()
        return outcome.salvage(self.out, self._metrics, self._fps, self._keep, self._arms, told)

    def close(self) -> None:
        """End the process if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for reader in self._readers:
            reader.join(5.0)

    def _wait_until_bound(self, timeout_s: float) -> str:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            try:
                word, _, endpoint = self._started.get(timeout=0.1).partition(" ")
            except queue.Empty:
                continue
            if word == "listening":
                return endpoint.strip()
            break
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        if self._process.poll() == InputError.exit_code:
            raise InputError(self._last())
        raise LinkError(f"the evaluator did not start: {self._last()}")

    def _last(self) -> str:
        self._readers[1].join(1.0)
        return self.log[-1] if self.log else "it said nothing"

    def _read_stdout(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            word, _, rest = line.rstrip().partition(" ")
            if word == "progress":
                done, total, what = rest.split(" ", 2)
                self._progress, self._moved = (what, int(done), int(total)), time.monotonic()
            else:
                self._started.put(line)
        self._started.put("ended")

    def _read_stderr(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.log.append(line.rstrip().removeprefix("evaluator: ").removeprefix("error: "))


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
