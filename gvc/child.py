"""Processes that do not outlive their parent, however it ends."""

import os
import threading
import time

POLL_S = 0.5


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
