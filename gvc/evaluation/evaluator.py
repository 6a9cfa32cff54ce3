"""The evaluator process: `python -m gvc.evaluation.evaluator --bind tcp://127.0.0.1:PORT --out DIR`.

Takes frames from a PULL socket (lossless: a sender waits when the evaluator is slow), pairs decoded pictures with
their reference by frame id, and computes PSNR and SSIM whenever nothing waits to be received. After the last end of
stream it computes the other metrics, writes frames/ and metrics.json into DIR, and ends. Started again after a kill
with the same DIR it goes on; what was lost in between is counted from the sequence numbers.

Exit codes: 0 all streams complete, 1 incomplete or failed (results, if any, say `complete: false`), 2 bad arguments.
"""

import argparse
import ipaddress
import os
import signal
import socket
import sys
import time
from pathlib import Path

import zmq

from gvc import registry
from gvc.errors import GvcError, InputError, LinkError
from gvc.evaluation.session import Session
from gvc.evaluation.wire import MAX_MESSAGE_BYTES

HIGH_WATER_MARK = 8
DEFAULT_METRICS = ("psnr_db", "ssim", "ms_ssim", "lpips", "dists", "vmaf")
POLL_MS = 200


def bind(context: zmq.Context, endpoint: str, allow_remote: bool = False) -> zmq.Socket:
    """A PULL socket at `endpoint`.

    Raises InputError when it is malformed, in use, or (unless `allow_remote`) reachable from other machines: the
    protocol has no authentication.
    """
    transport, _, address = endpoint.partition("://")
    if transport not in ("tcp", "ipc") or not address:
        raise InputError(f"'{endpoint}' is no endpoint; give tcp://127.0.0.1:PORT or ipc://PATH")
    if transport == "tcp" and not allow_remote and not _is_loopback(address.rpartition(":")[0]):
        raise InputError(f"{endpoint} is open to other machines; use 127.0.0.1, or add --allow-remote")
    if transport == "ipc" and _listens(address):
        raise InputError(f"{endpoint} is in use by another process; choose another path")
    receiver = context.socket(zmq.PULL)
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
    last = time.monotonic()
    while session.ended_streams < streams:
        if receiver.poll(0):
            session.accept(receiver.recv(copy=True))
            last = time.monotonic()
        elif not session.work():
            if receiver.poll(POLL_MS) == 0 and time.monotonic() - last > idle_timeout_s:
                _say(f"nothing received for {idle_timeout_s:g} s: giving up on the missing end of stream")
                return


def evaluate(arguments: argparse.Namespace) -> int:
    """Run the process described by `arguments`; the exit code."""
    metrics = [name for name in arguments.metrics.split(",") if name]
    for name in metrics:
        if name not in registry.names("metric"):
            registry.resolve("metric", name)
    if arguments.streams < 1 or not arguments.idle_timeout_s > 0 or not arguments.fps > 0:
        raise InputError("--streams, --idle-timeout-s and --fps must be positive")
    context = zmq.Context()
    try:
        receiver = bind(context, arguments.bind, arguments.allow_remote)
        session = Session(Path(arguments.out))
        try:
            print("listening", receiver.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0"), flush=True)
            receive(receiver, session, arguments.streams, arguments.idle_timeout_s)
            receiver.close()
            for arm, means in session.live().items():
                _say(f"{arm}: " + ", ".join(f"{n} {v:.4g}" for n, v in means.items() if v is not None))
            results = session.results(metrics, arguments.fps, lambda step: _say(f"evaluating {step}"))
            _say(f"wrote {session.commit(results)}")
        finally:
            session.close()
    finally:
        context.destroy(linger=0)
    if not results["complete"]:
        _say(f"incomplete: {results['messages_lost']} messages lost, {results['messages_received']} received")
    return 0 if results["complete"] else 1


def main(arguments: list[str] | None = None) -> int:
    """Command line of the process; the exit code."""
    options = argparse.ArgumentParser(prog="python -m gvc.evaluation.evaluator", description="Evaluate received video.")
    options.add_argument("--bind", required=True, help="tcp://127.0.0.1:PORT (0: any free one) or ipc://PATH")
    options.add_argument("--out", required=True, help="folder of the run; an interrupted evaluation there goes on")
    options.add_argument("--metrics", default=",".join(DEFAULT_METRICS), help="comma-separated names")
    options.add_argument("--streams", type=int, default=1, help="senders to wait for")
    options.add_argument("--idle-timeout-s", type=float, default=120.0, help="give up after this long a silence")
    options.add_argument("--fps", type=float, default=25.0, help="frame rate of the clip (used by VMAF)")
    options.add_argument("--allow-remote", action="store_true", help="accept an address that others can reach")
    options.add_argument("--nice", type=int, default=10, help="lower own priority by this much")
    parsed = options.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    os.nice(max(0, parsed.nice))
    try:
        return evaluate(parsed)
    except GvcError as error:
        _say(f"error: {error}")
        return error.exit_code
    except OSError as error:
        _say(f"error: {LinkError(f'cannot write to {parsed.out}: {error}')}")
        return 1
    except KeyboardInterrupt:
        _say(f"interrupted; start again with --out {parsed.out} to go on")
        return 130


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
    sys.exit(main())
