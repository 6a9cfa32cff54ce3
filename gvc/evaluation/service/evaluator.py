"""The evaluator process: `python -m gvc.evaluation.service.evaluator --bind tcp://127.0.0.1:PORT --out DIR`.

Takes frames that are signed with its token (GVC_EVALUATOR_TOKEN; without one it draws a token and prints it), answers
each, so that a sender waits when the evaluator is slow and sends again what a killed one lost, pairs decoded pictures
with their reference by frame id, and computes PSNR and SSIM whenever nothing waits to be received. After the last end
of stream it computes the other metrics, writes frames/ and metrics.json into DIR, and ends. Started again after a kill
with the same DIR and token it goes on; what was lost in between is counted from the sequence numbers.

Exit codes: 0 all streams complete, 1 incomplete or failed (results, if any, say `complete: false`), 2 bad arguments.
"""

import argparse
import contextlib
import ipaddress
import os
import signal
import socket
import sys
import time
from pathlib import Path

import zmq

from gvc import registry
from gvc.child import Parent
from gvc.errors import GvcError, InputError, LinkError
from gvc.evaluation.metrics import DEFAULT_METRICS
from gvc.evaluation.service import endpoint as endpoints
from gvc.evaluation.service import outcome
from gvc.evaluation.service.patience import STALL_S
from gvc.evaluation.service.session import KEEP, MAX_ARMS, MAX_KEEP, Session
from gvc.evaluation.service.wire import MAX_MESSAGE_BYTES

HIGH_WATER_MARK = 8
POLL_MS = 200
GRACE_MS = 2000
"""A sender may still ask whether its end has come, when the evaluator that took it was killed."""


def bind(context: zmq.Context, endpoint: str, allow_remote: bool = False) -> zmq.Socket:
    """A ROUTER socket at `endpoint`.

    Raises InputError when it is malformed, in use, or (unless `allow_remote`) reachable from other machines: frames are
    signed, not encrypted.
    """
    transport, address = endpoints.split(endpoint, least_port=0)
    if transport == "tcp" and not allow_remote and not _is_loopback(address.rpartition(":")[0]):
        raise InputError(f"{endpoint} is open to other machines; use 127.0.0.1, or add --allow-remote")
    if transport == "ipc" and _listens(address):
        raise InputError(f"{endpoint} is in use by another process; choose another path")
    receiver = context.socket(zmq.ROUTER)
    receiver.setsockopt(zmq.RCVHWM, HIGH_WATER_MARK)
    receiver.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
    receiver.setsockopt(zmq.LINGER, 0)
    try:
        receiver.bind(endpoint)
    except zmq.ZMQError as error:
        receiver.close()
        busy = error.errno == zmq.EADDRINUSE
        advice = "is in use by another process; choose another port (port 0 takes a free one)" if busy else str(error)
        raise InputError(f"{endpoint} {'' if busy else 'cannot be bound: '}{advice}") from error
    return receiver


def receive(receiver: zmq.Socket, session: Session, streams: int, idle_timeout_s: float) -> None:
    """Feed `session` until `streams` streams have ended or nothing has come for `idle_timeout_s`."""
    if session.ended_streams >= streams and receiver.poll(GRACE_MS):
        take(receiver, session)
    last = time.monotonic()
    while session.ended_streams < streams:
        if take(receiver, session):
            last = time.monotonic()
        elif not session.work():
            if receiver.poll(POLL_MS) == 0 and time.monotonic() - last > idle_timeout_s:
                _say(f"nothing received for {idle_timeout_s:g} s: giving up on the missing end of stream")
                return


def take(receiver: zmq.Socket, session: Session) -> bool:
    """Take and answer one message, if one is there."""
    if not receiver.poll(0):
        return False
    parts = receiver.recv_multipart(copy=True)
    # Anything but [who, message] is not from a Sender.
    answer = session.accept(parts[1] if len(parts) == 2 else b"")
    if answer is not None:
        # Who has gone meanwhile is not waited for.
        with contextlib.suppress(zmq.ZMQError):
            receiver.send_multipart([parts[0], answer], zmq.DONTWAIT)
    return True


def evaluate(arguments: argparse.Namespace, parent: Parent | None = None) -> int:
    """Run the process described by `arguments`; the exit code. Where there is a parent, it is told the progress."""
    metrics = [name for name in arguments.metrics.split(",") if name]
    for name in metrics:
        if name not in registry.names("metric"):
            registry.resolve("metric", name)
    if arguments.streams < 1 or not arguments.idle_timeout_s > 0 or not arguments.fps > 0:
        raise InputError("--streams, --idle-timeout-s and --fps must be positive")
    if not 1 <= arguments.keep <= MAX_KEEP or not 1 <= arguments.arms <= MAX_ARMS or not arguments.stall_s > 0:
        raise InputError(f"--keep is 1 to {MAX_KEEP} frames, --arms 1 to {MAX_ARMS}, --stall-s positive")
    if parent is not None and not Path(arguments.out).is_dir():
        raise LinkError(f"{arguments.out} is gone")
    given = endpoints.token_of_environment()
    token = given or endpoints.new_token()
    context = zmq.Context()
    try:
        receiver = bind(context, arguments.bind, arguments.allow_remote)
        session = Session(Path(arguments.out), token, arguments.keep, arguments.arms, metrics)
        try:
            listening = receiver.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0")
            if parent is None:
                print("listening", listening, flush=True)
            else:
                parent.send({"listening": listening})
            if given is None:
                print(f"{endpoints.TOKEN_VARIABLE}={token.hex()}", flush=True)
            receive(receiver, session, arguments.streams, arguments.idle_timeout_s)
            told = _Told(receiver, session, parent)
            results = outcome.results(session, metrics, arguments.fps, told, arguments.stall_s)
            _say(f"wrote {outcome.commit(session, results)}")
        finally:
            session.close()
        # An answer to the last end of stream may still be on its way.
        receiver.close(linger=GRACE_MS)
        context.term()
    finally:
        context.destroy(linger=0)
    if not results["complete"]:
        _say(f"incomplete: {results['messages_lost']} messages lost, {results['messages_received']} received")
    return 0 if results["complete"] else 1


class _Told:
    """Progress of the metrics: to people once a metric, to a parent process as it goes on. Senders are answered."""

    def __init__(self, receiver: zmq.Socket, session: Session, parent: Parent | None) -> None:
        self._receiver, self._session, self._parent = receiver, session, parent
        self._said = ("", 0, 0)

    def __call__(self, what: str, done: int, total: int) -> None:
        while take(self._receiver, self._session):
            pass
        if what != self._said[0]:
            _say(f"evaluating {what}")
        if self._parent is not None and (what, done, total) != self._said:
            self._parent.send({"what": what, "done": done, "total": total})
        self._said = what, done, total


def main(arguments: list[str] | None = None) -> int:
    """Command line of the process; the exit code."""
    options = argparse.ArgumentParser(
        prog="python -m gvc.evaluation.service.evaluator", description="Evaluate received video."
    )
    options.add_argument("--bind", required=True, help="tcp://127.0.0.1:PORT (0: any free one) or ipc://PATH")
    options.add_argument("--out", required=True, help="folder of the run; an interrupted evaluation there goes on")
    options.add_argument("--metrics", default=",".join(DEFAULT_METRICS), help="comma-separated names")
    options.add_argument("--streams", type=int, default=1, help="senders to wait for")
    options.add_argument("--idle-timeout-s", type=float, default=120.0, help="give up after this long a silence")
    options.add_argument("--fps", type=float, default=25.0, help="frame rate of the clip (used by VMAF)")
    options.add_argument("--allow-remote", action="store_true", help="accept an address that others can reach")
    options.add_argument("--keep", type=int, default=KEEP, help="first frames whose pictures are kept for all metrics")
    options.add_argument("--arms", type=int, default=1, help="receivers that every original is kept for")
    options.add_argument("--stall-s", type=float, default=STALL_S, help="give a metric up that stands still so long")
    options.add_argument("--nice", type=int, default=10, help="lower own priority by this much")
    parsed = options.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    os.nice(max(0, parsed.nice))
    parent = Parent() if Parent.there() else None
    failed: GvcError
    try:
        return evaluate(parsed, parent)
    except GvcError as error:
        failed = error
    except OSError as error:
        failed = LinkError(f"cannot write to {parsed.out}: {error}")
    except KeyboardInterrupt:
        _say(f"interrupted; start again with --out {parsed.out} to go on")
        return 130
    if parent is None:
        _say(f"error: {failed}")
    else:
        print(failed, file=sys.stderr, flush=True)
    return failed.exit_code


def _say(text: str) -> None:
    print(f"evaluator: {text}", file=sys.stderr, flush=True)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _listens(path: str) -> bool:
    # libzmq removes a socket file that is in its way, even one in use, so ask it first.
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except OSError:
            return False
        return True


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # A metric that hangs in its thread must not hold the process.
    os._exit(code)
