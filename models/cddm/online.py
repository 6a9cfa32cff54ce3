"""Online training of the denoiser from received frames alone: no clean symbol is ever seen.

Recorrupted-to-recorrupted (Pang et al., "Recorrupted-to-Recorrupted: Unsupervised deep learning for image denoising",
CVPR 2021): with z = x + n, n ~ N(0, nu) of known variance, and fresh w ~ N(0, nu), the pair z + a w and z - w / a has
independent noises, so the one is a noisy target for the other. Expanded, with both signs of w and less a constant,

    risk = (|f(z + a w) - z|^2 + |f(z - a w) - z|^2) / 2 + w (f(z + a w) - f(z - a w)) / a - nu

is unbiased for |f(z + a w) - x|^2, the error at noise (1 + a^2) nu, for any a, and tends to Stein's unbiased risk
estimate with the Monte-Carlo divergence of Ramani, Blu and Unser (2008) as a -> 0. The pair of signs takes away that
part of its variance that grows as 1 / a^2. nu is the receiver's noise map, symbol by symbol.
"""

import collections
import copy
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gvc.config import AdaptConfig
from gvc.noise_map import NU_MAX
from models.cddm.network import linear_estimate
from models.latents import fill

TRAINING_SCALES = (0.3, 2.0)
JUDGING_SCALE = 0.1
"""a of the risk: drawn from a range in training, so that the denoiser goes on meeting up to 7 dB more noise than is
received now; small where weights are compared, noise 0.04 dB above the frame's own."""
TRAINING_TRUST = 0.5
"""Weights 1 / (1 + nu)^trust in training; weights are compared by the plain error."""
HELD_OUT_EVERY = 3
"""Each third frame is kept from training, to judge the weights by."""
JUDGES = 16
"""Held-out frames that a judgement looks at and needs: the newest ones."""
STANDARD_ERRORS = 2.5
"""By how many of them risks must differ to count as different."""
MEAN_DECAY = 0.95
"""Of the running mean of the weights, a step."""
STEPS_A_JUDGEMENT = 16
STEPS_A_FRAME = 8
"""Most steps for each frame received, so that a few frames are not learned by heart."""
MARGIN = 0.002
"""Least relative gain of the risk for which weights are swapped."""
LEAST_RATE = 1 / 64
"""Of the configured learning rate, after restarts have halved it."""


class Frame(NamedTuple):
    """A received frame: unbiased latents [1, C, h, w] and their noise map [1, C/2, h, w]."""

    latents: Tensor
    noise_map: Tensor


def risk(
    network: nn.Module, frame: Frame, scale: float, generator: torch.Generator | None = None, trust: float = 0.0
) -> Tensor:
    """Estimated mean of |f - x|^2 / (1 + nu)^trust over the symbols received, from one recorruption; a scalar.

    The noise of the estimate grows with nu: a `trust` above 0 weights noisy symbols down. What was erased says nothing
    of its own error; as large a share of the others is hidden from the network, which is a -> infinity for them.
    """
    latents, noise_map = frame
    per_map = noise_map.repeat_interleave(2, 1)
    erased = noise_map >= 0.99 * NU_MAX
    heard = (~erased).repeat_interleave(2, 1).float()
    shift = per_map.sqrt() * heard * torch.randn(latents.shape, generator=generator)
    noisier = (noise_map * (1 + scale**2)).clamp_max(NU_MAX)
    share = erased.float().mean()
    if share > 0:
        hidden = torch.rand(noise_map.shape, generator=generator) < share
        noisier = torch.where(hidden, NU_MAX, noisier)
        seen = (~hidden).repeat_interleave(2, 1).float()
        shift = shift * seen
    else:
        seen = torch.ones_like(latents)
    both = torch.cat([(latents + scale * shift) * seen, (latents - scale * shift) * seen])
    plus, minus = denoised(network, both, torch.cat([noisier, noisier])).chunk(2)
    fit = ((plus - latents).square() + (minus - latents).square()) / 2
    error = fit + shift * (plus - minus) / scale - per_map
    return (error * heard / (1 + per_map) ** trust).sum() / heard.sum().clamp_min(1)


def denoised(network: nn.Module, latents: Tensor, noise_map: Tensor) -> Tensor:
    """Unbiased latents [B, C, h, w] and noise map [B, C/2, h, w] -> the network's estimate [B, C, h, w]."""
    count = latents.shape[1]
    latents, noise_map = fill(latents, noise_map)
    active = torch.full((len(latents),), float(count))
    return network(linear_estimate(latents, noise_map), noise_map, active)[:, :count]


class Judgement(NamedTuple):
    """What a judgement decided. `decision`: `swap` and `rollback` change the weights in use; `restart` threw the
    candidate away, `keep` left everything as it is. Risks are means over the held-out frames, None where not needed.
    """

    decision: str
    frames: int
    steps: int
    risk_shipped: float
    risk_live: float
    risk_candidate: float | None


class Adapter:
    """Three sets of weights and the rules between them.

    `shipped` never changes. `live` is in use: it is replaced by `candidate`, the running mean of the training, only
    when the held-out frames say that this is clearly better; it goes back to `shipped` when they say that it is clearly
    worse than that. A candidate that is clearly worse than `live`, or not finite, starts again from `live` at half the
    rate. Clearly is by STANDARD_ERRORS, frame by frame on the same recorruptions.

    Args:
        network: the denoiser, which is copied and left as it is.
        settings: section `model.adapt` of the configuration.
        seed: of the choice of frames and of the recorruptions.
        dtype: bfloat16 where the machine multiplies it natively, else float32; weights stay float32.
    """

    def __init__(
        self, network: nn.Module, settings: AdaptConfig, seed: int = 1, dtype: torch.dtype = torch.float32
    ) -> None:
        self.shipped = copy.deepcopy(network).float().requires_grad_(False)
        self.live = copy.deepcopy(self.shipped)
        self.candidate = copy.deepcopy(self.shipped)
        self.frames = 0
        self.steps = 0
        self._trained = copy.deepcopy(self.shipped).requires_grad_(True)
        self._settings = settings
        self._dtype = dtype
        self._generator = torch.Generator().manual_seed(seed)
        self._memory: collections.deque[Frame] = collections.deque(maxlen=settings.window)
        self._held_out: collections.deque[Frame] = collections.deque(maxlen=JUDGES)
        self._pace = 1.0
        self._is_shipped = True
        self._judged = 0
        self._restart()

    def add(self, frame: Frame) -> None:
        """Take a received frame; each HELD_OUT_EVERY-th is for judging alone."""
        self.frames += 1
        if self.frames % HELD_OUT_EVERY == 0:
            self._held_out.append(frame)
        else:
            self._memory.append(frame)

    @property
    def ready(self) -> bool:
        """Whether there is a frame to make a step on."""
        return bool(self._memory) and self.steps < STEPS_A_FRAME * self.frames

    @property
    def due(self) -> bool:
        """Whether enough steps have been made since the last judgement, and frames are there to judge by."""
        return self.steps - self._judged >= STEPS_A_JUDGEMENT and len(self._held_out) == JUDGES

    def step(self) -> None:
        """One step of Adam on one frame of the window, the newer ones the more often."""
        place, level = torch.rand(2, generator=self._generator).tolist()
        chosen = min(len(self._memory) - 1, int(len(self._memory) * place**0.5))
        least, most = TRAINING_SCALES
        scale = least * (most / least) ** level
        self.descend(lambda network: risk(network, self._memory[chosen], scale, self._generator, TRAINING_TRUST))

    def descend(self, loss_of: Callable[[nn.Module], Tensor]) -> None:
        """One step down `loss_of(network)`, whatever it is made from."""
        with torch.autocast("cpu", self._dtype, enabled=self._dtype is not torch.float32):
            loss = loss_of(self._trained)
        self._optimiser.zero_grad()
        loss.backward()
        parameters: list[Tensor] = list(self._trained.parameters())
        torch.nn.utils.clip_grad_norm_(parameters, 0.5)
        self._since += 1
        rate = self._settings.rate * self._pace * min(1.0, self._since / 10)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.step()
        weight = 1 - min(MEAN_DECAY, self._since / (self._since + 9))
        with torch.no_grad():
            torch._foreach_lerp_(tuple(self.candidate.parameters()), parameters, weight)
        self.steps += 1

    def judge(self) -> Judgement:
        """Compare the weights on the newest held-out frames, each with the same recorruption for all."""
        self._judged = self.steps
        seed = int(torch.randint(2**31, (), generator=self._generator))
        live = self._risks(self.live, seed)
        shipped = live if self._is_shipped else self._risks(self.shipped, seed)
        candidate = self._risks(self.candidate, seed)
        if _better(shipped, live):
            decision = "rollback"
            self.live.load_state_dict(self.shipped.state_dict())
            self._is_shipped = True
            self._slow_down()
        elif not torch.isfinite(candidate).all() or _better(live, candidate):
            decision = "restart"
            self._slow_down()
        elif _better(candidate, live):
            decision = "swap"
            self.live.load_state_dict(self.candidate.state_dict())
            self._is_shipped = False
            self._pace = min(1.0, self._pace * 2**0.5)
        else:
            decision = "keep"
        said = candidate.mean().item() if torch.isfinite(candidate).all() else None
        return Judgement(decision, self.frames, self.steps, shipped.mean().item(), live.mean().item(), said)

    @torch.no_grad()
    def _risks(self, network: nn.Module, seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        with torch.autocast("cpu", self._dtype, enabled=self._dtype is not torch.float32):
            return torch.stack([risk(network, frame, JUDGING_SCALE, generator) for frame in self._held_out])

    def _slow_down(self) -> None:
        self._pace = max(LEAST_RATE, self._pace / 2)
        self._restart()

    def _restart(self) -> None:
        state = self.live.state_dict()
        for network in (self._trained, self.candidate):
            network.load_state_dict(state)
        self._since = 0
        self._optimiser = torch.optim.AdamW(self._trained.parameters(), betas=(0.9, 0.99), weight_decay=0.0)


def _better(first: Tensor, second: Tensor) -> bool:
    """Whether risks [K] of one network lie clearly below those of another on the same frames."""
    if first is second:
        return False
    if not torch.isfinite(second).all():
        return True
    gain = second - first
    error = gain.std() / len(gain) ** 0.5
    return bool(gain.mean() > torch.maximum(STANDARD_ERRORS * error, MARGIN * second.mean().abs()))
