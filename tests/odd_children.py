"""Processes that behave badly, which tests/test_child.py runs as `gvc.child.Child`s."""

import os
import signal
import sys
import time

from gvc.child import Parent
from gvc.errors import InputError, LinkError


def echo(parent: Parent) -> None:
    print("not a message")
    while (message := parent.receive()) is not None:
        parent.send({"pid": os.getpid(), **message.head}, message.payload[::-1])
    parent.send({"kind": "last"})


def dies(parent: Parent) -> None:
    parent.receive()
    print("about to die", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGSEGV)


def refuses(parent: Parent) -> None:
    raise InputError("give another value")


def fails(parent: Parent) -> None:
    raise LinkError("the link broke")


def crashes(parent: Parent) -> None:
    raise RuntimeError("a fault of ours")


def hangs(parent: Parent) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(60)


def floods(parent: Parent) -> None:
    while True:
        parent.send({}, bytes(1 << 20))


def shouts(parent: Parent) -> None:
    while True:
        os.write(2, b"a" * (1 << 16))


def babbles(parent: Parent) -> None:
    os.write(parent._answers.fileno(), b"HTTP/1.1 200 OK\r\n" * 100)
    time.sleep(60)


def large(parent: Parent) -> None:
    parent.send({}, bytes(1000))
    time.sleep(60)


def eats(parent: Parent) -> None:
    try:
        bytearray(4 << 30)
    except MemoryError as error:
        raise LinkError("no memory left") from error


if __name__ == "__main__":
    sys.exit(Parent(memory_bytes=1 << 30).serve(globals()[sys.argv[1]]))
