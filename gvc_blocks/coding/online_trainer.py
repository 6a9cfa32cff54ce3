"""Trains the denoiser while it runs, from what is received."""

import sys
from collections import Counter, deque
from typing import Any

from gvc.config import AdaptConfig
from gvc.errors import ConfigError
from gvc.phy.frames import ReceivedFrame
from gvc_blocks.runtime.guarded import GuardedBlock
from models.cddm.online_process import TrainerProcess
from models.receiver import NeuralReceiver

JUDGEMENTS = 1024


class OnlineTrainer(GuardedBlock):
    """Hands each received frame to a training process, and new weights to the denoiser between two frames.

    Input message `symbols`: gvc.phy.ReceivedFrame. The block never waits for the training: frames that come too fast
    for it are left out of the training, and counted. A training process that dies leaves the denoiser as it is.

    Args:
        receiver: the running one; its denoiser's `swap` is called.
        settings: section `model.adapt` of the configuration.
        seed: of the training.

    Raises ConfigError when the denoiser cannot swap its weights.
    """

    def __init__(self, receiver: NeuralReceiver, settings: AdaptConfig | None = None, seed: int = 1):
        super().__init__("gvc online trainer")
        self.denoiser = receiver.denoiser
        if not hasattr(self.denoiser, "swap"):
            name = type(self.denoiser).__name__
            raise ConfigError(f"'model.adapt.enabled': denoiser {name} has no swap(state) to change its weights by")
        self.settings = settings or AdaptConfig()
        # The last ones, and counts of all: a list would grow with a long run.
        self.judgements: deque[dict[str, Any]] = deque(maxlen=JUDGEMENTS)
        self._decisions: Counter[str] = Counter()
        self.trainer = TrainerProcess(receiver.preset, self.settings, seed, receiver.arm, dtype=receiver.dtype)
        self.receive("symbols", self._received)

    def _received(self, frame: ReceivedFrame) -> None:
        for judgement, weights in self.trainer.take():
            if weights is not None:
                self.denoiser.swap(weights)
            self.judgements.append({**judgement, "from_frame": frame.frame_id})
            self._decisions[judgement["decision"]] += 1
        self.trainer.offer(frame.symbols, frame.noise_map, frame.height, frame.width, frame.latents)

    def at_end(self) -> None:
        self._close()

    def stop(self) -> bool:
        self._close(timeout_s=1.0)
        return super().stop()

    def _close(self, timeout_s: float = 10.0) -> None:
        self.trainer.close(timeout_s)
        if self.trainer.failure:
            print(f"{self.name()}: the training ended early: {self.trainer.failure}", file=sys.stderr)

    def summary(self) -> dict[str, Any]:
        """What the training did: counts, CPU time and its share of one core, the last JUDGEMENTS judgements."""
        spent = self.trainer.spent
        seconds = spent.get("seconds", 0.0)
        return {
            "frames_offered": self.trainer.frames_offered,
            "frames_dropped": self.trainer.frames_dropped,
            **spent,
            "cpu_share": spent["cpu_seconds"] / seconds if seconds else None,
            "cpu_share_limit": self.settings.cpu_share,
            **{f"{word}s": self._decisions[word] for word in ("swap", "rollback", "restart")},
            "failure": self.trainer.failure,
            "judgements": list(self.judgements),
        }
