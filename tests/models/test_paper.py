"""The paper's sampler against the published step counts, the exact Gaussian world and its own forward process."""

import pytest
import torch

from benchmarks.gaussian_sampling import gains
from gvc import registry
from gvc.errors import InputError
from models.cddm.epsilon import Epsilon, loss
from models.cddm.network import SIZES
from models.cddm.paper import ALPHA_BARS, PaperSampler, scales, start_step
from models.latents import SQRT_HALF


@pytest.mark.parametrize(("snr_db", "steps"), [(5, 162), (10, 93), (12, 74), (13, 66), (15, 52), (20, 27)])
def test_start_is_that_of_the_published_code(snr_db: float, steps: int) -> None:
    assert start_step(snr_db, cap_db=-30) == steps
    assert start_step(snr_db) == min(steps, 93)
    assert start_step(snr_db, cap_db=15) == min(steps, 52)


def test_matched_start_is_three_decibels_later() -> None:
    assert start_step(10, "matched") == start_step(13.0103, cap_db=-30) == 66
    with pytest.raises(InputError, match="did you mean 'matched'"):
        start_step(10, "match")


@pytest.mark.parametrize(("rho", "mean", "code", "matched"), [(0.8, 1.40, 1.33, 1.11), (0.95, 3.40, 3.20, 2.82)])
def test_gains_with_the_exact_score(rho: float, mean: float, code: float, matched: float) -> None:
    row = gains(rho, 10.0, 4000)
    assert row["mean_gain_db"] == pytest.approx(mean, abs=0.03)
    assert row["code_gain_db"] == pytest.approx(code, abs=0.03)
    assert row["matched_gain_db"] == pytest.approx(matched, abs=0.03)
    assert (row["mean_evaluations"], row["code_evaluations"], row["matched_evaluations"]) == (1, 93, 66)


def test_scales_tell_the_snr_from_the_fades() -> None:
    torch.manual_seed(0)
    gain = torch.empty(2, 32, 40, 40).exponential_()
    noise = torch.tensor([0.1, 0.5])[:, None, None, None]
    noise_map = noise / gain
    noise_map[0, 16:] = 31.6
    h, signal, scaled, snr = scales(noise_map, torch.tensor([32.0, 64.0]))
    assert snr.tolist() == pytest.approx([10.0, 2.0], rel=0.02)
    assert torch.allclose(h[1], gain[1].sqrt(), rtol=0.02)
    assert torch.allclose(signal[1], gain[1] / (gain[1] + 0.5), rtol=0.03)
    assert torch.allclose(scaled, signal / h, rtol=1e-4)


def test_perfect_noise_prediction_leads_back_to_the_scaled_symbols() -> None:
    """x_t at the code's start with known eps: DDIM with that eps ends at W_s x_0 exactly."""
    torch.manual_seed(0)
    sent = torch.randn(1, 64, 5, 6)
    noise_map = 0.1 / torch.empty(1, 32, 5, 6).exponential_().clamp_min(0.05)
    active = torch.tensor([64.0])
    h, signal, noise, snr = (v.repeat_interleave(2, 1) if v.dim() == 4 else v for v in scales(noise_map, active))
    now = ALPHA_BARS[start_step(10 * torch.log10(snr).item()) - 1]
    eps = torch.randn_like(sent)
    start = now.sqrt() * signal * SQRT_HALF * sent + (1 - now).sqrt() * noise * eps
    # the sampler divides by sqrt(1 + 1 / (2 SNR)) and scales by W_s itself
    received = (start * (1 + 1 / (2 * snr)).sqrt() / signal / SQRT_HALF).float()
    sampler = registry.create("sampler", "paper", network=lambda *_: eps)
    assert torch.allclose(sampler(received, noise_map, active), signal * sent, atol=1e-4)
    assert sampler.used == start_step(10 * torch.log10(snr).item())


def test_network_learns_to_predict_the_noise() -> None:
    """Below what the closed form for white symbols leaves, with which it starts."""
    torch.manual_seed(0)
    network = Epsilon(SIZES["small"])
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
    batch = torch.ones(8, 64, 4, 4), torch.full((8, 32, 4, 4), 0.1), torch.full((8,), 64.0)

    def error() -> float:
        torch.manual_seed(7)
        with torch.no_grad():
            return sum(loss(network, *batch).item() for _ in range(10)) / 10

    before = error()
    for _ in range(60):
        optimiser.zero_grad()
        loss(network, *batch).backward()
        optimiser.step()
    assert error() < 0.85 * before


def test_sampler_runs_the_network_as_often_as_the_snr_asks() -> None:
    network = Epsilon(SIZES["small"]).requires_grad_(False)
    calls = []
    network.register_forward_hook(lambda *_: calls.append(1))
    sampler = PaperSampler(network)
    estimate = sampler(torch.randn(1, 64, 2, 2), torch.full((1, 32, 2, 2), 0.01), torch.tensor([32.0]))
    assert len(calls) == sampler.used == 27 and torch.isfinite(estimate).all()
