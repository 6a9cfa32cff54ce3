import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gvc.errors import InputError
from gvc.noise_map import NU_MAX
from models.latents import MAX_LATENTS, fill, from_symbols, grid, latents_of, to_symbols


@given(st.integers(1, 32), st.integers(1, 9), st.integers(1, 9))
def test_symbols_and_latents_are_inverse(pairs: int, rows: int, columns: int) -> None:
    latents = torch.randn(2, 2 * pairs, rows, columns)
    symbols = to_symbols(latents)
    assert symbols.shape == (2, pairs * rows * columns)
    assert torch.allclose(from_symbols(symbols, 2 * pairs, rows, columns), latents, atol=1e-6)


def test_unit_power_real_latents_make_unit_power_symbols() -> None:
    symbols = to_symbols(torch.randn(1, 64, 40, 40))
    assert symbols.abs().square().mean().item() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(("cbr", "latents"), [(1 / 192, 8), (1 / 48, 32), (1 / 24, 64), (1 / 64, 24)])
def test_ratio_to_latent_maps(cbr: float, latents: int) -> None:
    assert latents_of(cbr) == latents
    rows, columns = grid(256, 256)
    assert latents / 2 * rows * columns / (3 * 256 * 256) == pytest.approx(cbr)


@pytest.mark.parametrize("cbr", [1 / 12, 1 / 300, 0.0, -1.0, 0.02])
def test_ratios_not_offered_are_refused(cbr: float) -> None:
    with pytest.raises(InputError, match="1/48"):
        latents_of(cbr)


def test_maps_that_were_not_sent_count_as_erased() -> None:
    latents, noise = fill(torch.ones(1, 8, 2, 2), torch.full((1, 4, 2, 2), 0.1))
    assert latents.shape[1] == MAX_LATENTS and noise.shape[1] == MAX_LATENTS // 2
    assert (latents[:, 8:] == 0).all() and (noise[:, 4:] == NU_MAX).all()


def test_any_size_is_covered_by_the_grid() -> None:
    assert grid(1, 16) == (1, 1) and grid(17, 640) == (2, 40) and grid(2160, 3840) == (135, 240)
