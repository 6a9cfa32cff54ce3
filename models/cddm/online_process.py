"""The online training as a process of its own, at low priority: the receiver never waits for it.

The receiver's side is `TrainerProcess`; `gvc.child` runs this module as the other. Weights travel as safetensors.
"""

import queue
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from gvc.child import Child, Parent, Silent
from gvc.config import AdaptConfig
from gvc.errors import GvcError, LinkError
from gvc.message import Message
from models.arms import Places, arm
from models.cddm.online import Adapter, Frame
from models.latents import from_symbols, grid
from models.stages import dtype_of

NICENESS = 15
QUEUED_FRAMES = 4
"""Frames on their way to the child; what comes while these wait is dropped, and counted."""
MOST_CREDIT_S = 0.5
"""CPU time that may be saved up while there is nothing to do."""


class News(NamedTuple):
    """A judgement of the trainer (`models.cddm.online.Judgement` as a dictionary), with the weights to use from now on
    when its decision was `swap` or `rollback`.
    """

    judgement: dict[str, Any]
    weights: dict[str, Tensor] | None


class TrainerProcess:
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
        self._closing = threading.Lock()
        self._closed = False
        self.spent: dict[str, Any] = {}
        job = {
            "preset": preset,
            "file": arm(arm_name).denoiser,
            "cddm_dir": str(cddm_dir.resolve()) if cddm_dir else None,
            "settings": settings.model_dump(),
            "seed": seed,
            "dtype": dtype,
        }
        self._child = Child(
            "models.cddm.online_process",
            name="the online trainer",
            changes={"OMP_NUM_THREADS": "1"},
            waiting=QUEUED_FRAMES,
        )
        try:
            self._child.send(job)
            self._child.receive(start_timeout_s)
        except BaseException:
            self._child.close()
            raise

    def offer(self, symbols: np.ndarray, noise_map: np.ndarray, height: int, width: int, latents: int) -> None:
        """Give a received frame, symbols complex64 [n] and noise map float32 [n]; never waits."""
        head = {"height": height, "width": width, "latents": latents}
        payload = np.asarray(symbols, np.complex64).tobytes() + np.asarray(noise_map, np.float32).tobytes()
        self.frames_offered += 1
        self.frames_dropped += not self._child.offer(head, payload)

    def take(self) -> list[News]:
        """What the trainer has said since the last call."""
        said = []
        try:
            while not self.failure:
                said.append(self._child.receive(0.0))
        except Silent:
            pass
        except GvcError as error:
            self.failure = str(error)
        return self._news(said)

    def close(self, timeout_s: float = 10.0) -> None:
        """End the child; a second call does nothing."""
        with self._closing:
            if not self._closed:
                self._news(self._child.close(timeout_s))
                if not self.spent and not self.failure:
                    self.failure = str(self._child.end())
                self._closed = True

    def _news(self, said: list[Message]) -> list[News]:
        """The judgements among messages; what was spent is kept."""
        news = []
        for head, payload in said:
            kind = head.pop("kind")
            if kind == "judgement":
                news.append(News(head, load_tensors(payload) if payload else None))
            elif kind == "end":
                self.spent = head
        return news


class _Training:
    """Reads frames as they come, trains as far as its share of the CPU allows, tells what it decided."""

    def __init__(self, parent: Parent) -> None:
        self.parent = parent
        job = parent.receive()
        if job is None:
            raise LinkError("no job came for the online trainer")
        head = job.head
        self.settings = AdaptConfig(**head["settings"])
        folder = Path(head["cddm_dir"]) if head["cddm_dir"] else None
        network = Places(head["preset"], cddm_dir=folder).denoiser(head["file"])
        self.adapter = Adapter(network, self.settings, head["seed"], dtype_of(head["dtype"]))
        self.frames: queue.Queue[Frame | None] = queue.Queue(self.settings.window)
        threading.Thread(target=self._listen, daemon=True).start()

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
        self.parent.send({"kind": kind, **told}, payload)

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

    def _listen(self) -> None:
        while (message := self.parent.receive()) is not None:
            head, payload = message
            rows, columns = grid(head["height"], head["width"])
            count = len(payload) // 12
            symbols = torch.frombuffer(bytearray(payload[: 8 * count]), dtype=torch.complex64)
            noise_map = torch.frombuffer(bytearray(payload[8 * count :]), dtype=torch.float32)
            latents = from_symbols(symbols[None], head["latents"], rows, columns)
            self.frames.put(Frame(latents, noise_map.reshape(1, -1, rows, columns)))
        self.frames.put(None)


def main() -> int:
    """The child; its exit code."""
    parent = Parent(niceness=NICENESS)
    torch.set_num_threads(1)
    return parent.serve(lambda parent: _Training(parent).run())


if __name__ == "__main__":
    sys.exit(main())
