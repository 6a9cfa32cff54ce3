"""Gains, mixing and the linear estimate, against the textbook formula."""

import math

import pytest
import torch

from gvc.coding.schemes.ground.classes import class_sets
from gvc.coding.schemes.ground.layout import STEP
from gvc.coding.schemes.ground.link import Allocation, estimate, mix, plan, spread_back, values, water
from gvc.coding.schemes.ground.transform import COEFFICIENTS
from gvc.noise_map import NU_MAX

BLOCKS, USED = 6, 12 * STEP


def drawn(count: int = 1, noise: float = 0.1) -> tuple[Allocation, torch.Tensor, torch.Tensor, torch.Tensor]:
    """A plan, coefficients that follow its variances, their labels, and the scale of unit power."""
    generator = torch.Generator().manual_seed(2)
    classes = class_sets()[8]
    labels = torch.randint(8, (count, BLOCKS), generator=generator)
    room, designed = torch.full((count,), USED), torch.full((count,), noise)
    made = plan(labels, BLOCKS, classes, room, USED, designed, water(labels, classes, room, designed))
    normal = torch.randn(count, BLOCKS, COEFFICIENTS, generator=generator)
    coefficients = normal * classes.variances[labels].sqrt()
    scale = (USED / values(coefficients, made).square().sum(1)).sqrt()
    return made, coefficients, labels, scale


def test_symbols_have_unit_power_and_come_back_without_noise() -> None:
    made, coefficients, _, scale = drawn()
    plain = values(coefficients, made)
    symbols = mix(plain * scale[:, None], made)
    assert symbols.shape == (1, USED // 2)
    assert symbols.abs().square().mean() == pytest.approx(1, abs=1e-4)
    found, left = estimate(symbols, torch.full(symbols.shape, 1e-6), made, scale)
    sent = made.gain > 0
    expected = (plain / made.gain.clamp_min(1e-9))[sent]
    assert torch.allclose(found[sent], expected, atol=2e-3)
    assert left[sent].max() < 1e-4


def test_water_filling_gives_unit_power_to_pictures_of_their_classes() -> None:
    made, _, _, _ = drawn()
    assert ((made.gain.square() * made.variances).sum() / USED).item() == pytest.approx(1, rel=0.25)


@pytest.mark.parametrize("flat", [True, False])
def test_estimate_and_error_are_the_linear_least_squares(flat: bool) -> None:
    made, coefficients, _, scale = drawn()
    symbols = mix(values(coefficients, made) * scale[:, None], made)
    generator = torch.Generator().manual_seed(3)
    noise_map = torch.full((1, USED // 2), 0.2)
    if not flat:
        noise_map = noise_map / torch.empty(1, USED // 2).exponential_(1, generator=generator)
        noise_map = noise_map.clamp(1e-3, NU_MAX)
        noise_map[0, 5] = NU_MAX
    received = symbols + noise_map.sqrt() * torch.randn(symbols.shape, dtype=torch.complex64, generator=generator)
    found, left = estimate(received, noise_map, made, scale)
    # the whole frame as one dense system, from what mixing does to unit values
    basis = torch.eye(USED)
    columns = torch.cat([torch.view_as_real(mix(row[None], made)).flatten(1) * math.sqrt(2) for row in basis])
    system = (columns * (made.gain[0] * scale)[:, None]).T.double()
    variances = made.variances[0].double()
    noise = torch.where(noise_map >= NU_MAX, 1e6, noise_map).repeat_interleave(2, 1)[0].double()
    observed = torch.view_as_real(received).flatten().double() * math.sqrt(2)
    gain = variances[:, None] * system.T @ torch.linalg.inv(system * variances @ system.T + torch.diag(noise))
    assert torch.allclose(found[0].double(), gain @ observed, atol=1e-3)
    assert torch.allclose(left[0].double(), variances - (gain @ system).diagonal() * variances, atol=1e-3)


def test_the_error_told_is_the_error_made() -> None:
    made, coefficients, _, scale = drawn(count=24, noise=0.5)
    symbols = mix(values(coefficients, made) * scale[:, None], made)
    generator = torch.Generator().manual_seed(4)
    noise_map = (0.5 / torch.empty(symbols.shape).exponential_(1, generator=generator)).clamp(1e-3, NU_MAX / 2)
    received = symbols + noise_map.sqrt() * torch.randn(symbols.shape, dtype=torch.complex64, generator=generator)
    found, left = estimate(received, noise_map, made, scale)
    back = spread_back(found, made, BLOCKS)
    told = spread_back(left, made, BLOCKS)
    chosen = told > 0
    made_error = (back - coefficients)[chosen].square().sum()
    assert (made_error / told.sum()).item() == pytest.approx(1, abs=0.1)


def test_without_the_map_the_core_is_found_beside_the_rest() -> None:
    made, coefficients, labels, scale = drawn(noise=0.01)
    classes = class_sets()[8]
    room, designed = torch.tensor([USED]), torch.tensor([0.01])
    q = water(labels, classes, room, designed)
    symbols = mix(values(coefficients, made) * scale[:, None], made)
    blind = plan(None, BLOCKS, classes, room, USED, designed, q)
    found, left = estimate(symbols, torch.full(symbols.shape, 0.01), blind, scale)
    back = spread_back(found, blind, BLOCKS)
    core = back[:, :, classes.core], coefficients[:, :, classes.core]
    assert (core[0] - core[1]).square().sum() < 0.2 * core[1].square().sum()
    assert (back != 0).sum() <= BLOCKS * len(classes.core)
    assert (left >= 0).all()
