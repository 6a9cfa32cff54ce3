"""Online training: the risk against closed forms, and the rules by which weights change."""

import math
import time

import numpy as np
import pytest
import torch
from torch import nn

from gvc.config import AdaptConfig
from gvc.errors import WeightsError
from gvc.noise_map import NU_MAX
from models.arms import Places
from models.cddm.online import HELD_OUT_EVERY, JUDGES, Adapter, Frame, denoised, risk
from models.cddm.online_process import TrainerProcess
from models.latents import to_symbols
from models.stages import FrameDenoiser

LATENTS, SIDE = 8, 12


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Networks this small lose by threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Scaled(nn.Module):
    """f(z) = factor z / (1 + nu): its error for white x of unit power has a closed form."""

    def __init__(self, factor: float):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, estimate, noise_map, active):
        return self.factor * estimate


class Neighbours(nn.Module):
    """The linear estimate and a 3 x 3 filter over it, zero until it is trained."""

    def __init__(self):
        super().__init__()
        self.filter = nn.Conv2d(1, 1, 3, padding=1, bias=False)
        nn.init.zeros_(self.filter.weight)

    def forward(self, estimate, noise_map, active):
        return estimate + self.filter(estimate.flatten(0, 1)[:, None])[:, 0].view(estimate.shape)


def noise_maps(count: int, spread: bool = True) -> torch.Tensor:
    shape = (count, LATENTS // 2, SIDE, SIDE)
    return 10 ** (torch.rand(shape) * 1.5 - 1.2) if spread else torch.full(shape, 0.3)


def smooth(count: int, correlation: float = 0.95) -> torch.Tensor:
    """White latents for correlation 0, else a first-order autoregression along both axes; unit power."""
    fields = torch.randn(count, LATENTS, SIDE, SIDE)
    for axis in (2, 3):
        slices = list(fields.unbind(axis))
        for index in range(1, SIDE):
            slices[index] = correlation * slices[index - 1] + math.sqrt(1 - correlation**2) * slices[index]
        fields = torch.stack(slices, axis)
    return fields


def received(latents: torch.Tensor, spread: bool = True) -> list[Frame]:
    noise_map = noise_maps(len(latents), spread)
    noisy = latents + noise_map.repeat_interleave(2, 1).sqrt() * torch.randn(latents.shape)
    return [Frame(noisy[i : i + 1], noise_map[i : i + 1]) for i in range(len(latents))]


def true_error_db(network: nn.Module, frames: list[Frame], latents: torch.Tensor) -> float:
    with torch.no_grad():
        estimates = torch.cat([denoised(network, *frame) for frame in frames])
    return 10 * math.log10((estimates - latents).square().mean())


def adapted(adapter: Adapter, frames: list[Frame], steps: int = 3) -> list[str]:
    decisions = []
    for frame in frames:
        adapter.add(frame)
        for _ in range(steps):
            adapter.step()
            if adapter.due:
                decisions.append(adapter.judge().decision)
    return decisions


@pytest.mark.parametrize("scale", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("factor", [0.5, 1.0, 1.6])
def test_the_risk_is_the_error_that_only_clean_symbols_could_show(scale: float, factor: float) -> None:
    """E |f - x|^2 at noise nu' = (1 + a^2) nu is (1 - g)^2 + g^2 nu' with g = factor / (1 + nu')."""
    torch.manual_seed(2)
    frames = received(smooth(300, 0.0))
    with torch.no_grad():
        estimates = torch.stack([risk(Scaled(factor), frame, scale, trust=1.0) for frame in frames])
    per_map = torch.cat([frame.noise_map for frame in frames]).repeat_interleave(2, 1).double()
    noisier = per_map * (1 + scale**2)
    gain = factor / (1 + noisier)
    expected = (((1 - gain) ** 2 + gain**2 * noisier) / (1 + per_map)).mean().item()
    error = estimates.std().item() / len(estimates) ** 0.5
    assert estimates.mean().item() == pytest.approx(expected, abs=4 * error)
    assert error < 0.05 * expected


def test_its_gradient_points_where_clean_symbols_would() -> None:
    """The best factor for white symbols is 1: the linear MMSE estimate."""
    torch.manual_seed(3)
    frames = received(smooth(100, 0.0))
    slopes = []
    for factor in (0.8, 1.0, 1.2):
        network = Scaled(factor)
        sum(risk(network, frame, 0.3, trust=1.0) for frame in frames).backward()
        slopes.append(network.factor.grad.item() / len(frames))
    assert slopes[0] < -0.05 and slopes[2] > 0.05 and abs(slopes[1]) < 0.03


def test_erased_symbols_say_nothing() -> None:
    torch.manual_seed(4)
    frame = received(smooth(1))[0]
    noise_map = frame.noise_map.clone()
    noise_map[:, 0] = NU_MAX
    latents = frame.latents.clone()
    latents[:, :2] = 0
    network = Scaled(1.0)
    first = risk(network, Frame(latents, noise_map), 0.3, torch.Generator().manual_seed(0))
    latents[:, :2] = 7.0
    assert risk(network, Frame(latents, noise_map), 0.3, torch.Generator().manual_seed(0)) == first


def test_what_in_painting_is_worth_is_learned_from_hidden_symbols() -> None:
    """With half of the symbols erased, f = 0 has error 1 for what is hidden, and a filter over neighbours less."""
    torch.manual_seed(12)
    latents = smooth(64)
    frames = []
    for frame in received(latents):
        lost = torch.rand(frame.noise_map.shape) < 0.5
        seen = (~lost).repeat_interleave(2, 1)
        frames.append(Frame(frame.latents * seen, torch.where(lost, NU_MAX, frame.noise_map)))
    network = Neighbours()
    blank = torch.stack([risk(network, frame, 0.1, torch.Generator().manual_seed(1)) for frame in frames]).mean()
    network.filter.weight.data.fill_(0.25)
    network.filter.weight.data[0, 0, 1, 1] = 0
    filled = torch.stack([risk(network, frame, 0.1, torch.Generator().manual_seed(1)) for frame in frames]).mean()
    errors = [(denoised(Neighbours(), *f) - x).square().mean() for f, x in zip(frames, latents, strict=True)]
    assert blank.item() == pytest.approx(torch.stack(errors).mean().item(), rel=0.1)
    assert filled < blank - 0.05


def test_it_learns_from_received_frames_what_neighbours_tell() -> None:
    """Untrained, this denoiser is the linear estimate; smooth latents allow several dB more."""
    torch.manual_seed(5)
    latents = smooth(72)
    frames = received(latents)
    test = smooth(16)
    unseen = received(test)
    adapter = Adapter(Neighbours(), AdaptConfig(rate=2e-2))
    before = true_error_db(adapter.live, unseen, test)
    assert "swap" in adapted(adapter, frames)
    assert true_error_db(adapter.live, unseen, test) < before - 1.0
    assert true_error_db(adapter.shipped, unseen, test) == before


def test_what_is_the_best_already_stays_within_a_tenth_of_a_db() -> None:
    torch.manual_seed(6)
    latents = smooth(72, 0.0)
    adapter = Adapter(Neighbours(), AdaptConfig())
    adapted(adapter, received(latents))
    test = smooth(16, 0.0)
    unseen = received(test)
    assert true_error_db(adapter.live, unseen, test) < true_error_db(adapter.shipped, unseen, test) + 0.1


def test_poisoned_weights_are_rolled_back_to_the_shipped_ones() -> None:
    torch.manual_seed(7)
    adapter = Adapter(Neighbours(), AdaptConfig(rate=2e-2))
    assert "swap" in adapted(adapter, received(smooth(64)))
    for parameter in adapter.live.parameters():
        parameter.data.mul_(-3)
    judgement = adapter.judge()
    assert judgement.decision == "rollback" and judgement.risk_live > judgement.risk_shipped
    for live, shipped in zip(adapter.live.parameters(), adapter.shipped.parameters(), strict=True):
        assert torch.equal(live, shipped)
    assert adapter.judge().decision != "rollback"


def test_weights_learned_from_poisoned_frames_are_rolled_back_when_these_end() -> None:
    """Frames whose noise map claims ten times too little teach the denoiser to let the noise through."""
    torch.manual_seed(8)
    network = Neighbours()
    clean = received(smooth(64), spread=False)
    adapter = Adapter(network, AdaptConfig(rate=2e-2))
    adapted(adapter, clean)
    settled = Adapter(adapter.live, AdaptConfig(rate=2e-2, window=16))
    poisoned = [Frame(f.latents, f.noise_map / 10) for f in received(smooth(64), spread=False)]
    assert "swap" in adapted(settled, poisoned)
    assert "rollback" in adapted(settled, clean)


@pytest.mark.parametrize("value", [math.nan, math.inf, 3.0, -3.0])
def test_a_training_that_has_diverged_never_reaches_the_receiver(value: float) -> None:
    torch.manual_seed(10)
    adapter = Adapter(Neighbours(), AdaptConfig(rate=1e-4))
    adapted(adapter, received(smooth(HELD_OUT_EVERY * JUDGES)), steps=1)
    live = [parameter.clone() for parameter in adapter.live.parameters()]
    adapter.candidate.filter.weight.data.fill_(value)
    judgement = adapter.judge()
    assert judgement.decision == "restart"
    assert judgement.risk_candidate is None or judgement.risk_candidate > judgement.risk_live
    for before, now, candidate in zip(live, adapter.live.parameters(), adapter.candidate.parameters(), strict=True):
        assert torch.equal(before, now) and torch.equal(candidate, now)


def test_few_frames_are_not_learned_by_heart() -> None:
    adapter = Adapter(Neighbours(), AdaptConfig())
    adapter.add(received(smooth(1))[0])
    while adapter.ready:
        adapter.step()
    assert adapter.steps == 8


def test_weights_swap_between_frames_and_back(places: Places) -> None:
    denoiser = FrameDenoiser("small", "float32", cddm_dir=places.folders["cddm"])
    generator = np.random.default_rng(1)
    symbols = (generator.standard_normal((64, 2)) @ [1, 1j] / 2**0.5).astype(np.complex64)
    inputs = (symbols, np.full(64, 0.2, np.float32), 32, 32, 32)
    first = denoiser.denoise(*inputs)
    shipped = {name: value.clone() for name, value in denoiser.network.state_dict().items()}
    denoiser.swap({name: value * 1.1 for name, value in shipped.items()})
    assert not np.allclose(denoiser.denoise(*inputs), first)
    name = next(iter(shipped))
    for wrong in ({}, {**shipped, name: shipped[name][:1]}, {**shipped, name: shipped[name] * math.nan}):
        with pytest.raises(WeightsError):
            denoiser.swap(wrong)
    denoiser.swap(shipped)
    assert np.array_equal(denoiser.denoise(*inputs), first)


def test_the_process_trains_within_its_share_and_tells_what_it_decides(places: Places) -> None:
    torch.manual_seed(11)
    latents = smooth(32)
    trainer = TrainerProcess("small", AdaptConfig(cpu_share=0.5, window=16), cddm_dir=places.folders["cddm"])
    try:
        news, waited = [], 0
        while not news and waited < 600:
            frame = received(latents[waited % 32 : waited % 32 + 1])[0]
            noise_map = frame.noise_map.flatten().numpy()
            trainer.offer(to_symbols(frame.latents)[0].numpy(), noise_map, 16 * SIDE, 16 * SIDE, LATENTS)
            time.sleep(0.05)
            news += trainer.take()
            waited += 1
    finally:
        trainer.close()
    assert not trainer.failure and trainer.frames_offered == waited
    assert {"decision", "risk_live", "cpu_seconds"} <= news[0].judgement.keys()
    if news[0].weights is not None:
        assert news[0].weights.keys() == places.denoiser().state_dict().keys()
    # one step, one judgement and the saved-up credit may come on top
    assert trainer.spent["cpu_seconds"] <= 0.5 * trainer.spent["seconds"] + 1.0
