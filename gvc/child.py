"""Modules of ours as processes of their own: started alike, spoken to in messages, ended with their parent.

`Child` is the parent's side, `Parent` the child's. A child's stdin and stdout carry `gvc.message`s; whatever else it
prints goes to stderr, whose last lines the parent keeps. A child that fails says why there, and ends with the exit code
of its error. It ends when its stdin does, and at once when its parent is gone, however that ended.
"""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

from gvc.errors import GvcError, InputError, LinkError, ParseError
from gvc.message import MOST_BYTES, Message, pack, read
from gvc.paths import ROOT

POLL_S = 0.5
_PARENT = "GVC_PARENT"
_LAST_LINES = 100
_LINE_BYTES = 2000
_TEARDOWN_S = 5.0


class Silent(LinkError):
    """A child has said nothing for as long as it was waited for."""


class Ended(LinkError):
    """A child has ended before its time, or was ended for talking nonsense."""


def command(module: str, *arguments: str) -> list[str]:
    """The command line that runs a module of ours, with nothing of the working folder in its way."""
    return [sys.executable, "-P", "-m", module, *arguments]


def environment(**changes: str) -> dict[str, str]:
    """This process's environment with `changes`, in which the testbed is found from anywhere."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **changes}


class Child:
    """Runs `python -m module arguments`, which is to make a `Parent`; `close` ends it, by force after a grace.

    Neither side's memory grows with the other's delay: `waiting` messages wait each way, and what comes beyond makes
    its sender wait. Ctrl-C does not reach the child, whose parent ends it.

    Args:
        name: for messages, such as "the evaluator".
        changes: of the environment.
        most_bytes: a message's payload may have.

    Not for several threads at a time, but for `close`.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str] = (),
        name: str = "the process",
        changes: Mapping[str, str] | None = None,
        waiting: int = 1,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self.name = name
        self._process = subprocess.Popen(
            command(module, *arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(**{_PARENT: str(os.getpid()), **(changes or {})}),
            start_new_session=True,
        )
        self._most_bytes = most_bytes
        self._outbox: queue.Queue[bytes | None] = queue.Queue(waiting)
        self._inbox: queue.Queue[Message | None] = queue.Queue(waiting)
        self._lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._nonsense = ""
        self._closed = threading.Event()
        self._closing = threading.Lock()
        stdin, stdout, stderr = self._process.stdin, self._process.stdout, self._process.stderr
        assert stdin is not None and stdout is not None and stderr is not None  # all are pipes
        works = ((self._write, stdin), (self._read, stdout), (self._listen, stderr))
        self._threads = [
            threading.Thread(target=work, args=(pipe,), daemon=True, name=f"{name}: {work.__name__}")
            for work, pipe in works
        ]
        try:
            for thread in self._threads:
                thread.start()
        except BaseException:  # an interrupt: nobody has this object yet who could close it
            self._process.kill()
            raise

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """Its exit code (negative: the signal that ended it); None while it runs."""
        return self._process.poll()

    def offer(self, head: dict[str, Any], payload: bytes = b"") -> bool:
        """Send a message if there is room for it to wait; never waits itself."""
        try:
            self._outbox.put_nowait(pack(Message(head, payload)))
        except queue.Full:
            return False
        return True

    def send(self, head: dict[str, Any], payload: bytes = b"", within_s: float = 60.0) -> None:
        """Send a message. Raises Silent when there is no room for it `within_s`, what `end` is when it has ended."""
        if self.code is not None:
            raise self.end()
        try:
            self._outbox.put(pack(Message(head, payload)), timeout=within_s)
        except queue.Full as error:
            raise Silent(f"{self.name} took nothing for {within_s:g} s") from error

    def receive(self, within_s: float) -> Message:
        """The next message. Raises Silent when none comes `within_s`, and, when the child has ended, what `end` is."""
        try:
            message = self._inbox.get(timeout=within_s) if within_s > 0 else self._inbox.get_nowait()
        except queue.Empty:
            raise Silent(f"{self.name} said nothing for {within_s:g} s") from None
        if message is None:
            # for the next who asks; this queue has no other writer any more
            self._inbox.put(None)
            raise self.end()
        return message

    def end(self) -> GvcError:
        """Why it has ended: InputError in its own words when it refused its input, else Ended with the last ones."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_TEARDOWN_S)
        self._threads[-1].join(1.0)
        last = self.last_words
        if self._nonsense:
            return Ended(f"{self.name} sent nonsense: {self._nonsense}")
        if self.code == InputError.exit_code:
            return InputError(last)
        return Ended(f"{self.name} {_how(self.code)}; its last words: {last}")

    @property
    def last_words(self) -> str:
        """The last line that it printed."""
        return next((line for line in reversed(self._lines) if line), "it said nothing")

    def close(self, grace_s: float = 0.0) -> list[Message]:
        """End it: nothing more is sent, `grace_s` for it to end by itself, then by force. What it still said.

        A second call does nothing.
        """
        with self._closing:
            if self._closed.is_set():
                return []
            until, last = time.monotonic() + grace_s, []
            if grace_s > 0:
                with contextlib.suppress(queue.Full):
                    self._outbox.put(None, timeout=grace_s)
            try:
                while grace_s > 0:
                    last.append(self.receive(max(0.0, until - time.monotonic())))
            except GvcError:
                pass
            self._closed.set()
            if not self._over(until - time.monotonic()):
                self._process.kill()
            self._process.wait()
            with contextlib.suppress(queue.Full):
                self._outbox.put_nowait(None)
            for thread in self._threads:
                thread.join(_TEARDOWN_S)
            return last

    def _over(self, within_s: float) -> bool:
        try:
            self._process.wait(max(0.0, within_s))
        except subprocess.TimeoutExpired:
            return False
        return True

    def _write(self, pipe: IO[bytes]) -> None:
        with contextlib.suppress(OSError), pipe:
            while (data := self._outbox.get()) is not None:
                pipe.write(data)
                pipe.flush()

    def _read(self, pipe: IO[bytes]) -> None:
        with contextlib.suppress(OSError), pipe:
            try:
                while (message := read(pipe, self._most_bytes)) is not None:
                    self._keep(message)
            except ParseError as error:
                # When it was killed in the middle of a message, its end says more.
                if not self._over(POLL_S):
                    self._nonsense = str(error)
                    self._process.kill()
        self._keep(None)

    def _keep(self, message: Message | None) -> None:
        while not self._closed.is_set():
            with contextlib.suppress(queue.Full):
                self._inbox.put(message, timeout=POLL_S / 10)
                return

    def _listen(self, pipe: IO[bytes]) -> None:
        with contextlib.suppress(OSError), pipe:
            while line := pipe.readline(_LINE_BYTES):
                self._lines.append(line.decode("utf-8", "replace").rstrip())


def _how(code: int | None) -> str:
    if code is None or code >= 0:
        return "has closed its output" if code is None else f"ended with code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


class Parent:
    """The child's side: messages from and to the process that started this one as a `Child`.

    From when it is made, what is printed on stdout goes to stderr, and this process ends with its parent.
    """

    def __init__(self, memory_bytes: int = 0, niceness: int = 0) -> None:
        """`memory_bytes` of address space at most (0: any), and a priority lower by `niceness`."""
        end_with_parent(int(os.environ.pop(_PARENT)))
        self._answers = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        os.nice(niceness)
        if memory_bytes:
            import resource

            resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))

    @staticmethod
    def there() -> bool:
        """Whether this process was started as a `Child`."""
        return _PARENT in os.environ

    def send(self, head: dict[str, Any], payload: bytes = b"") -> None:
        """Tell the parent, waiting while it takes nothing."""
        self._answers.write(pack(Message(head, payload)))
        self._answers.flush()

    def receive(self) -> Message | None:
        """The parent's next message, however long that takes; None when there will be no more."""
        return read(sys.stdin.buffer)

    def serve(self, work: Callable[["Parent"], None]) -> int:
        """`work(self)`, and the exit code: a typed error becomes the last words. A parent that has gone is no error."""
        try:
            work(self)
        except (BrokenPipeError, KeyboardInterrupt):
            return 0
        except GvcError as error:
            print(error, file=sys.stderr, flush=True)
            return error.exit_code
        return 0


def end_with_parent(parent: int) -> None:
    """From now on this process ends, with code 1, when `parent` is not its parent any more.

    The parent gives its own process id: who asked only here would not notice that it died meanwhile. This works where
    the end of a pipe does not: the system gives an orphan another parent at once, even when the old one was killed, and
    however busy this process is.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="parent").start()
