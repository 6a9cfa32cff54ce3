"""Processes that do not outlive their parent, however it ends.

The parent gives the child a pipe or socket of which it alone holds the other end; the system closes that end even when
the parent is killed. The child reads it: at its end it ends too.
"""

import os
import threading


def first_line(descriptor: int = 0, most: int = 4096) -> str:
    """One line from `descriptor`, read byte by byte so that nothing after it is taken; without its newline."""
    line = bytearray()
    while len(line) < most and (byte := os.read(descriptor, 1)) not in (b"", b"\n"):
        line += byte
    return line.decode("ascii", "replace")


def end_with_parent(descriptor: int = 0) -> None:
    """From now on this process ends, with code 1, as soon as `descriptor` has nothing more to read."""

    def watch() -> None:
        try:
            while os.read(descriptor, 4096):
                pass
        finally:
            os._exit(1)

    threading.Thread(target=watch, daemon=True, name="parent").start()
