"""Against closed forms: for white unit-variance Gaussian latents the exact x0 is z / (1 + nu)."""

import pytest
import torch
from torch import nn

from gvc import registry
from gvc.errors import InputError
from gvc.noise_map import NU_MAX
from models.arms import Places
from models.cddm.epsilon import Epsilon
from models.cddm.network import SIZES

ACTIVE = torch.tensor([64.0])


def exact(estimate: torch.Tensor, noise_map: torch.Tensor, active: torch.Tensor) -> torch.Tensor:
    return estimate


def draw(nu: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    sent = torch.randn(1, 64, 32, 32, generator=generator)
    noise_map = nu.expand(1, 32, 32, 32)
    noise = torch.randn(sent.shape, generator=generator) * noise_map.repeat_interleave(2, 1).sqrt()
    return sent, sent + noise, noise_map


@pytest.mark.parametrize(("snr_db", "mean", "flow", "sample"), [(0, 0.5, 0.586, 1.0), (10, 0.0909, 0.0931, 0.1818)])
def test_errors_of_mean_flow_and_sample_are_the_closed_forms(snr_db, mean, flow, sample) -> None:
    """nu / (1 + nu), 2 - 2 / sqrt(1 + nu), 2 nu / (1 + nu)."""
    sent, received, noise_map = draw(torch.tensor(10 ** (-snr_db / 10)))

    def error(name: str, steps: int) -> float:
        run = registry.create("sampler", name, network=exact, steps=steps)
        return (run(received, noise_map, ACTIVE, torch.Generator().manual_seed(2)) - sent).square().mean().item()

    assert error("x0", 1) == pytest.approx(mean, rel=0.01)
    assert error("x0", 200) == pytest.approx(flow, rel=0.01)
    assert error("stochastic", 200) == pytest.approx(sample, rel=0.02)


def test_every_symbol_descends_from_its_own_noise() -> None:
    """The flow's end is z / sqrt(1 + nu), symbol by symbol, in one call with mixed noise."""
    nu = torch.tensor([1e-3, 0.1, 1.0, 10.0]).repeat(8)[None, :, None, None]
    _, received, noise_map = draw(nu)
    end = registry.create("sampler", "x0", network=exact, steps=200)(received, noise_map, ACTIVE)
    expected = received / (1 + noise_map.repeat_interleave(2, 1)).sqrt()
    assert torch.allclose(end, expected, rtol=0.02, atol=0.02)


def test_sample_has_the_energy_that_the_mean_lacks_also_where_symbols_are_lost() -> None:
    _, received, noise_map = draw(torch.tensor(NU_MAX))
    received = torch.zeros_like(received)
    mean = registry.create("sampler", "x0", network=exact, steps=1)(received, noise_map, ACTIVE)
    run = registry.create("sampler", "stochastic", network=exact, steps=200)
    sample = run(received, noise_map, ACTIVE, torch.Generator().manual_seed(3))
    assert mean.square().mean().item() == 0
    assert sample.square().mean().item() == pytest.approx(1, abs=0.08)


def test_network_is_called_once_a_step_and_one_step_is_its_output(places: Places) -> None:
    network = places.denoiser().requires_grad_(False)
    calls = []
    network.register_forward_hook(lambda *_: calls.append(1))
    sent, received, noise_map = draw(torch.tensor(0.1))
    received, noise_map = received[..., :3, :4], noise_map[..., :3, :4]
    for steps in (1, 2, 4, 8):
        calls.clear()
        run = registry.create("sampler", "x0", network=network, steps=steps)
        run(received, noise_map, ACTIVE)
        assert len(calls) == run.used == steps
    from models.cddm.network import linear_estimate

    once = registry.create("sampler", "x0", network=network)(received, noise_map, ACTIVE)
    assert torch.equal(once, network(linear_estimate(received, noise_map), noise_map, ACTIVE))


@pytest.mark.parametrize("name", ["x0", "stochastic"])
def test_same_seed_same_estimate(places: Places, name: str) -> None:
    _, received, noise_map = draw(torch.tensor(0.5))
    received, noise_map = received[..., :3, :4], noise_map[..., :3, :4]
    run = registry.create("sampler", name, network=places.denoiser().requires_grad_(False), steps=3)
    first, second = (run(received, noise_map, ACTIVE, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize("name", ["x0", "stochastic", "paper"])
def test_maps_that_were_not_sent_are_zero_and_what_lies_there_changes_nothing(places: Places, name: str) -> None:
    """Frames of 8, 32 and 64 maps in one call."""
    torch.manual_seed(0)
    # the noise-predicting network ends in zeros until it is trained
    predictor = Epsilon(SIZES["small"]).requires_grad_(False)
    nn.init.normal_(predictor.body.layers[-1].weight, std=0.02)
    network = predictor if name == "paper" else places.denoiser().requires_grad_(False)
    run = registry.create("sampler", name, network=network, steps=4)
    received, noise_map, active, there = partly_sent()
    estimate = run(received, noise_map, active, torch.Generator().manual_seed(5))
    assert (estimate.masked_select(~there) == 0).all()
    assert estimate.masked_select(there).abs().min() > 0
    junk = torch.where(there, received, 7.0)
    assert torch.equal(run(junk, noise_map, active, torch.Generator().manual_seed(5)), estimate)


@pytest.mark.parametrize("name", ["x0", "stochastic"])
def test_noise_falls_where_symbols_were_sent_and_nowhere_else(places: Places, name: str) -> None:
    """At every step the network sees unsent maps as it was trained on them: zero, with no information."""
    network = places.denoiser().requires_grad_(False)
    seen = []
    network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[:2]))
    received, noise_map, active, there = partly_sent()
    registry.create("sampler", name, network=network, steps=4)(received, noise_map, active)
    assert len(seen) == 4
    for j, (given, told) in enumerate(seen):
        assert (given.masked_select(~there) == 0).all()
        assert (told.masked_select(~there[:, ::2]) == NU_MAX).all()
        assert torch.allclose(told.masked_select(there[:, ::2]), torch.tensor(0.1 * (1 - j / 4) ** 2))


def partly_sent() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Latents, noise map, number of maps sent, and which they are, of three frames."""
    active = torch.tensor([8.0, 32.0, 64.0])
    there = (torch.arange(64) < active[:, None])[:, :, None, None]
    received = torch.randn(3, 64, 3, 4, generator=torch.Generator().manual_seed(4)) * there
    return received, torch.where(there[:, ::2], 0.1, NU_MAX).expand(3, 32, 3, 4), active, there


@pytest.mark.parametrize("steps", [0, -1, 10**6])
def test_steps_out_of_range_are_refused(steps: int) -> None:
    with pytest.raises(InputError, match="1 to 1000"):
        registry.create("sampler", "x0", network=exact, steps=steps)
