"""The evaluator as a child process of a run."""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gvc.errors import InputError, LinkError
from gvc.evaluation.evaluator import DEFAULT_METRICS


class EvaluatorProcess:
    """Starts `python -m gvc.evaluation.evaluator` and waits for its results; killed on leaving the `with` block.

    `endpoint` is where it listens. Raises InputError when it refuses its arguments, LinkError when it does not
    start within `start_timeout_s`.
    """

    def __init__(
        self,
        out: Path,
        metrics: list[str] | tuple[str, ...] = DEFAULT_METRICS,
        streams: int = 1,
        fps: float = 25.0,
        bind: str = "tcp://127.0.0.1:0",
        idle_timeout_s: float = 120.0,
        start_timeout_s: float = 60.0,
    ) -> None:
        self.out = Path(out)
        command = [sys.executable, "-P", "-m", "gvc.evaluation.evaluator", "--bind", bind, "--out", str(self.out)]
        command += ["--metrics", ",".join(metrics), "--streams", str(streams), "--fps", repr(float(fps))]
        command += ["--idle-timeout-s", repr(float(idle_timeout_s))]
        root = str(Path(__file__).resolve().parents[2])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            # Ctrl-C goes to the run, which ends the evaluator itself.
            start_new_session=True,
        )
        self.log: list[str] = []
        self._first_line: queue.Queue[str] = queue.Queue()
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

    def wait(self, timeout_s: float, told: Callable[[str], None] = lambda said: None) -> dict[str, Any]:
        """The content of metrics.json after the process has ended; `told` is given its last line every second.

        Raises LinkError after `timeout_s`, or when it ended without results.
        """
        deadline = time.monotonic() + timeout_s
        while (code := self._process.poll()) is None:
            if time.monotonic() > deadline:
                raise LinkError(f"the evaluator was not done after {timeout_s:g} s: {self._last()}")
            told(self.log[-1] if self.log else "")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
        try:
            if code not in (0, 1):
                raise FileNotFoundError
            return json.loads((self.out / "metrics.json").read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise LinkError(f"the evaluator ended with code {code} and no results: {self._last()}") from error

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
                word, _, endpoint = self._first_line.get(timeout=0.1).partition(" ")
            except queue.Empty:
                continue
            if word == "listening":
                return endpoint.strip()
            break
        code = self._process.poll() if self._process.poll() is not None else self._ended()
        if code == InputError.exit_code:
            raise InputError(self._last())
        raise LinkError(f"the evaluator did not start: {self._last()}")

    def _ended(self) -> int | None:
        try:
            return self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            return None

    def _last(self) -> str:
        self._readers[1].join(1.0)
        return self.log[-1] if self.log else "it said nothing"

    def _read_stdout(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._first_line.put(line)
        self._first_line.put("ended")

    def _read_stderr(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.log = [*self.log[-99:], line.rstrip().removeprefix("evaluator: ").removeprefix("error: ")]
