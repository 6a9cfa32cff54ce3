import pytest
import torch

from gvc.noise_map import NU_MAX
from models.arms import EXTRA_BLOCKS, widen
from models.cddm import network as cddm
from models.jscc import network as jscc
from models.latents import MAX_LATENTS
from models.layers import multiply_accumulates

LATENTS, NOISE = torch.zeros(1, MAX_LATENTS, 16, 16), torch.ones(1, MAX_LATENTS // 2, 16, 16)
ACTIVE = torch.tensor([32.0])


def cost(preset: str) -> tuple[float, float, float]:
    picture = torch.zeros(1, 3, 256, 256)
    encoder = multiply_accumulates(jscc.Encoder(jscc.SIZES[preset]), picture, ACTIVE, ACTIVE)
    decoder = multiply_accumulates(jscc.Decoder(jscc.SIZES[preset]), LATENTS, NOISE, ACTIVE)
    denoiser = multiply_accumulates(cddm.Denoiser(cddm.SIZES[preset]), LATENTS, NOISE, ACTIVE)
    return encoder / 1e9, decoder / 1e9, denoiser / 1e9


def test_shipped_pair_and_denoiser_stay_within_their_multiplications() -> None:
    encoder, decoder, denoiser = cost("default")
    assert encoder + decoder <= 4.5 and denoiser <= 1.5
    assert sum(cost("small")) <= 2.0


def test_counter_agrees_with_the_formula_of_a_convolution() -> None:
    layer = torch.nn.Conv2d(5, 7, 3, stride=2, padding=1)
    assert multiply_accumulates(torch.nn.Sequential(layer), torch.zeros(2, 5, 8, 8)) == 2 * 7 * 4 * 4 * 5 * 9


@pytest.mark.parametrize("preset", ["small", "default", "large"])
def test_control_is_widened_by_at_least_the_denoiser(preset: str) -> None:
    plain = jscc.Decoder(jscc.SIZES[preset])
    wide = jscc.Decoder(jscc.SIZES[preset], extra=EXTRA_BLOCKS[preset])
    added = multiply_accumulates(wide, LATENTS, NOISE, ACTIVE) - multiply_accumulates(plain, LATENTS, NOISE, ACTIVE)
    denoiser = multiply_accumulates(cddm.Denoiser(cddm.SIZES[preset]), LATENTS, NOISE, ACTIVE)
    assert 1.0 <= added / denoiser < 1.25


def test_widened_control_starts_as_the_decoder_it_came_from() -> None:
    torch.manual_seed(0)
    decoder = jscc.Decoder(jscc.SIZES["small"])
    control = widen(decoder, "small")
    values, noise = torch.randn(1, MAX_LATENTS, 3, 4), torch.rand(1, MAX_LATENTS // 2, 3, 4) + 0.01
    assert torch.allclose(decoder(values, noise, ACTIVE), control(values, noise, ACTIVE), atol=1e-6)


@pytest.mark.parametrize("active", [8, 32, 64])
def test_each_frame_has_unit_power_over_the_maps_it_sends(active: int) -> None:
    torch.manual_seed(0)
    encoder = jscc.Encoder(jscc.SIZES["small"])
    latents = encoder(torch.rand(2, 3, 32, 48), torch.full((2,), 5.0), torch.full((2,), float(active)))
    assert latents.shape == (2, MAX_LATENTS, 2, 3)
    assert torch.allclose(latents[:, :active].square().mean((1, 2, 3)), torch.ones(2), atol=1e-4)
    assert (latents[:, active:] == 0).all()


def test_blind_decoder_ignores_which_symbols_are_reliable() -> None:
    torch.manual_seed(0)
    blind = jscc.Decoder(jscc.SIZES["small"], aware=False)
    noise = torch.rand(1, MAX_LATENTS // 2, 3, 4) + 0.01
    noise[:, 16:] = NU_MAX
    shuffled = noise.clone()
    shuffled[:, :16] = noise[:, :16].flip(1)
    values = torch.randn(1, MAX_LATENTS, 3, 4)
    assert torch.allclose(blind(values, noise, ACTIVE), blind(values, shuffled, ACTIVE), atol=1e-5)
    aware = jscc.Decoder(jscc.SIZES["small"])
    assert not torch.allclose(aware(values, noise, ACTIVE), aware(values, shuffled, ACTIVE), atol=1e-5)


def test_denoiser_leaves_clean_symbols_alone() -> None:
    torch.manual_seed(0)
    denoiser = cddm.Denoiser(cddm.SIZES["small"])
    torch.nn.init.normal_(denoiser.body.layers[-1].weight, std=0.05)
    sent = torch.randn(1, MAX_LATENTS, 4, 4)
    noise = torch.full((1, MAX_LATENTS // 2, 4, 4), 1e-8)
    assert (
        denoiser(cddm.linear_estimate(sent, noise), noise, torch.tensor([float(MAX_LATENTS)])) - sent
    ).abs().max() < 1e-2


def test_denoiser_says_nothing_of_maps_that_were_not_sent() -> None:
    torch.manual_seed(0)
    denoiser = cddm.Denoiser(cddm.SIZES["small"])
    torch.nn.init.normal_(denoiser.body.layers[-1].weight, std=0.05)
    cleaned = denoiser(torch.randn(1, MAX_LATENTS, 4, 4), torch.full((1, MAX_LATENTS // 2, 4, 4), 0.1), ACTIVE)
    assert (cleaned[:, 32:] == 0).all() and (cleaned[:, :32] != 0).all()


def test_linear_estimate_has_the_error_of_the_gaussian_posterior() -> None:
    torch.manual_seed(0)
    sent = torch.randn(1, MAX_LATENTS, 64, 64)
    noise = torch.full((1, MAX_LATENTS // 2, 64, 64), 0.5)
    received = sent + 0.5**0.5 * torch.randn_like(sent)
    error = (cddm.linear_estimate(received, noise) - sent).square().mean().item()
    assert error == pytest.approx(0.5 / 1.5, rel=0.02)
