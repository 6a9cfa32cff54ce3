"""The evaluator as a child process of a run."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gvc.child import Child, Silent
from gvc.errors import GvcError, InputError, LinkError
from gvc.evaluation.metrics import DEFAULT_METRICS
from gvc.evaluation.service import outcome
from gvc.evaluation.service.endpoint import TOKEN_VARIABLE, new_token
from gvc.evaluation.service.patience import STALL_S
from gvc.evaluation.service.session import KEEP

SILENCE_S = 2 * STALL_S
"""An evaluator that tells no progress for so long is given up; one that is stuck in a metric gives that up before."""
STEP_S = 0.2
"""Between two looks at its progress."""
QUEUED_MESSAGES = 64


class EvaluatorProcess:
    """Starts `python -m gvc.evaluation.service.evaluator` and waits for its results; killed on leaving the `with`
    block. It ends with this process, however that ends.

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
        arguments = ["--bind", bind, "--out", str(self.out), "--metrics", ",".join(metrics), "--streams", str(streams)]
        arguments += ["--fps", repr(float(fps)), "--idle-timeout-s", repr(float(idle_timeout_s))]
        arguments += ["--keep", str(keep), "--arms", str(arms), "--stall-s", repr(float(stall_s))]
        # The process does not make it: it might outlast a run that was interrupted and is already cleared away.
        self.out.mkdir(parents=True, exist_ok=True)
        self._child = Child(
            "gvc.evaluation.service.evaluator",
            arguments,
            name="the evaluator process",
            changes={TOKEN_VARIABLE: self.token.hex()},
            waiting=QUEUED_MESSAGES,
        )
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
        return self._child.pid

    def check(self) -> None:
        """Raise LinkError when the process has ended, saying how."""
        if self._child.code is not None:
            raise LinkError(str(self._child.end()))

    def wait(
        self, silence_s: float = SILENCE_S, told: Callable[[str, int, int], None] = lambda what, done, total: None
    ) -> dict[str, Any]:
        """The content of metrics.json after the process has ended; `told` is given its progress several times a second:
        what, frames done, of how many.

        Raises LinkError when it makes no progress for `silence_s`, or has ended without results.
        """
        moved, step = time.monotonic(), ("evaluating", 0, 0)
        while True:
            try:
                head = self._child.receive(STEP_S).head
                moved, step = time.monotonic(), (head["what"], head["done"], head["total"])
            except Silent as error:
                if time.monotonic() - moved > silence_s:
                    raise LinkError(f"the evaluator made no progress for {silence_s:g} s, at: {step[0]}") from error
            except GvcError:
                break
            told(*step)
        results = self.out / "metrics.json"
        if self._child.code not in (0, 1) or not results.exists():
            raise LinkError(str(self._child.end()))
        return json.loads(results.read_text(encoding="utf-8"))

    def salvage(self, told: Callable[[str, int, int], None] = lambda what, done, total: None) -> dict[str, Any] | None:
        """End the process, and turn what it had stored into pictures and the live metrics; None without any."""
        self.close()
        return outcome.salvage(self.out, self._metrics, self._fps, self._keep, self._arms, told)

    def close(self) -> None:
        """End the process if it still runs."""
        self._child.close()

    def _wait_until_bound(self, timeout_s: float) -> str:
        try:
            return self._child.receive(timeout_s).head["listening"]
        except InputError:
            raise
        except GvcError as error:
            raise LinkError(f"the evaluator did not start: {error}") from error
