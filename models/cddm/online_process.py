"""The online training as a process of its own, at low priority: the receiver never waits for it.

The receiver's side is `OnlineTrainer`; `python -m models.cddm.online_process` is the other. They talk over the child's
stdin and stdout: u32 length of a JSON head, the head, then as many bytes as the head's `bytes` says. Weights travel as
safetensors. The child ends when its stdin does, or when the receiver's process is gone.
"""

import contextlib
import json
import os
import queue
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from gvc.child import end_with_parent
from gvc.config import AdaptConfig
from gvc.errors import GvcError, LinkError
from models.arms import Places, arm
from models.cddm.online import Adapter, Frame
from models.codec import dtype_of
from models.latents import from_symbols, grid

NICENESS = 15
QUEUED_FRAMES = 4
"""Frames on their way to the child; what comes while these wait is dropped, and counted."""
MOST_CREDIT_S = 0.5
"""CPU time that may be saved up while there is nothing to do."""
_LENGTH = struct.Struct("<I")


class News(NamedTuple):
    """A judgement of the trainer (`models.cddm.online.Judgement` as a dictionary), with the weights to use from now on
    when its decision was `swap` or `rollback`.
    """

    judgement: dict[str, Any]
    weights: dict[str, Tensor] | None


class OnlineTrainer:
    """Starts the child with the shipped denoiser of a preset and arm, to be trained in `dtype`; `close` ends it.

    Attributes: `frames_offered` and `frames_dropped`; `failure`, why the child has ended before its time, else empty;
    `spent`, after `close`: `cpu_seconds` and `seconds` of training, `start_cpu_seconds`, `frames`, `steps`.

    Raises LinkError when the child does not start within `start_timeout_s`, GvcError for what it says is wrong.
    """

    def __init__(
        self,
        preset: str,
        settings: AdaptConfig,
        seed: int = 1,
        arm_name: str = "jscc+cddm",
        cddm_dir: Path | None = None,
        start_timeout_s: float = 120.0,
        dtype: str = "auto",
    ) -> None:
        self.frames_offered = 0
        self.frames_dropped = 0
        self.failure = ""
        self.spent: dict[str, Any] = {}
        root = str(Path(__file__).resolve().parents[2])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "models.cddm.online_process", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"},
            # Ctrl-C goes to the run, whose end closes the pipe
            start_new_session=True,
        )
        self._outbox: queue.Queue[bytes | None] = queue.Queue(QUEUED_FRAMES)
        self._inbox: queue.SimpleQueue[News] = queue.SimpleQueue()
        self._started = threading.Event()
        self._closing = threading.Lock()
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None  # both are pipes
        ways = ((self._send, stdin), (self._receive, stdout))
        self._threads = [threading.Thread(target=work, args=(pipe,), daemon=True) for work, pipe in ways]
        for thread in self._threads:
            thread.start()
        job = {
            "preset": preset,
            "file": arm(arm_name).denoiser,
            "cddm_dir": str(cddm_dir.resolve()) if cddm_dir else None,
            "settings": settings.model_dump(),
            "seed": seed,
            "dtype": dtype,
        }
        self._outbox.put(_packed(job))
        if not self._started.wait(start_timeout_s) or self.failure:
            self._process.kill()
            raise LinkError(f"the online trainer did not start: {self.failure or 'it took too long'}")

    def offer(self, symbols: np.ndarray, noise_map: np.ndarray, height: int, width: int, latents: int) -> None:
        """Give a received frame, symbols complex64 [n] and noise map float32 [n]; never waits."""
        head = {"height": height, "width": width, "latents": latents}
        payload = np.asarray(symbols, np.complex64).tobytes() + np.asarray(noise_map, np.float32).tobytes()
        self.frames_offered += 1
        try:
            self._outbox.put_nowait(_packed(head, payload))
        except queue.Full:
            self.frames_dropped += 1

    def take(self) -> list[News]:
        """What the trainer has said since the last call."""
        news = []
        with contextlib.suppress(queue.Empty):
            while True:
                news.append(self._inbox.get_nowait())
        return news

    def close(self, timeout_s: float = 10.0) -> None:
        """End the child; a second call does nothing."""
        with self._closing:
            if self._process.returncode is not None:
                return
            if self._process.poll() is None:
                with contextlib.suppress(queue.Full):
                    self._outbox.put(None, timeout=timeout_s)
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            for thread in self._threads:
                thread.join(1.0)

    def _send(self, pipe: IO[bytes]) -> None:
        with contextlib.suppress(OSError), pipe:
            while (message := self._outbox.get()) is not None:
                pipe.write(message)
                pipe.flush()

    def _receive(self, pipe: IO[bytes]) -> None:
        try:
            while (message := _read(pipe)) is not None:
                head, payload = message
                kind = head.pop("kind")
                if kind == "judgement":
                    self._inbox.put(News(head, load_tensors(payload) if payload else None))
                elif kind == "end":
                    self.spent = head
                elif kind == "error":
                    self.failure = head["text"]
                else:
                    self._started.set()
        finally:
            if not self.spent and not self.failure:
                self.failure = "it ended without a word"
            self._started.set()


def _packed(head: dict[str, Any], payload: bytes = b"") -> bytes:
    text = json.dumps({**head, "bytes": len(payload)}).encode()
    return _LENGTH.pack(len(text)) + text + payload


def _read(pipe: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """The next head and its bytes; None at the end."""
    length = pipe.read(_LENGTH.size)
    if len(length) < _LENGTH.size:
        return None
    head = json.loads(pipe.read(_LENGTH.unpack(length)[0]))
    return head, pipe.read(head.pop("bytes"))


class _Child:
    """Reads frames as they come, trains as far as its share of the CPU allows, tells what it decided."""

    def __init__(self, pipe: IO[bytes], answers: IO[bytes]) -> None:
        self.answers = answers
        job = _read(pipe)
        if job is None:
            raise LinkError("no job came for the online trainer")
        head, _ = job
        self.settings = AdaptConfig(**head["settings"])
        folder = Path(head["cddm_dir"]) if head["cddm_dir"] else None
        network = Places(head["preset"], cddm_dir=folder).denoiser(head["file"])
        self.adapter = Adapter(network, self.settings, head["seed"], dtype_of(head["dtype"]))
        self.frames: queue.Queue[Frame | None] = queue.Queue(self.settings.window)
        threading.Thread(target=self._listen, args=(pipe,), daemon=True).start()

    def run(self) -> None:
        self.say("ready")
        began = before = time.monotonic()
        start = spent = time.process_time()
        credit = 0.0
        while self._collect(wait=credit <= 0 or not self.adapter.ready):
            now, cpu = time.monotonic(), time.process_time()
            if not self.adapter.frames:
                # the clock starts with the first frame
                began, start, before, spent = now, cpu, now, cpu
                continue
            credit = min(MOST_CREDIT_S, credit + self.settings.cpu_share * (now - before)) - (cpu - spent)
            before, spent = now, cpu
            if credit <= 0:
                continue
            if self.adapter.due:
                self._judge(cpu - start, now - began)
            elif self.adapter.ready:
                self.adapter.step()
        self.say(
            "end",
            cpu_seconds=time.process_time() - start,
            seconds=time.monotonic() - began,
            start_cpu_seconds=start,
            frames=self.adapter.frames,
            steps=self.adapter.steps,
        )

    def say(self, kind: str, payload: bytes = b"", **told: Any) -> None:
        """One message to the receiver."""
        self.answers.write(_packed({"kind": kind, **told}, payload))
        self.answers.flush()

    def _judge(self, cpu_seconds: float, seconds: float) -> None:
        judgement = self.adapter.judge()
        payload = b""
        if judgement.decision in ("swap", "rollback"):
            state = self.adapter.live.state_dict()
            payload = save_tensors({name: value.half().contiguous() for name, value in state.items()})
        self.say("judgement", payload, **judgement._asdict(), cpu_seconds=cpu_seconds, seconds=seconds)

    def _collect(self, wait: bool) -> bool:
        """Take the frames that have come; False when there will be no more."""
        try:
            frame = self.frames.get(timeout=0.02) if wait else self.frames.get_nowait()
            while frame is not None:
                self.adapter.add(frame)
                frame = self.frames.get_nowait()
        except queue.Empty:
            return True
        return False

    def _listen(self, pipe: IO[bytes]) -> None:
        while (message := _read(pipe)) is not None:
            head, payload = message
            rows, columns = grid(head["height"], head["width"])
            count = len(payload) // 12
            symbols = torch.frombuffer(bytearray(payload[: 8 * count]), dtype=torch.complex64)
            noise_map = torch.frombuffer(bytearray(payload[8 * count :]), dtype=torch.float32)
            latents = from_symbols(symbols[None], head["latents"], rows, columns)
            self.frames.put(Frame(latents, noise_map.reshape(1, -1, rows, columns)))
        self.frames.put(None)


def main() -> None:
    """The child: nothing but messages goes to its stdout."""
    end_with_parent(int(sys.argv[1]))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    os.nice(NICENESS)
    torch.set_num_threads(1)
    try:
        _Child(sys.stdin.buffer, answers).run()
    except (BrokenPipeError, KeyboardInterrupt):
        pass
    except GvcError as error:
        answers.write(_packed({"kind": "error", "text": str(error)}))
        answers.flush()


if __name__ == "__main__":
    main()
