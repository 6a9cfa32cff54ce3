"""Class statistics, water-filling and the decision of the linear ground."""

import pytest
import torch

from gvc.coding.schemes.ground.classes import (
    CORE,
    LEVELS,
    PEAK,
    class_sets,
    costs,
    cut,
    decide,
    fill,
    level,
    means,
    power,
    variance,
)
from gvc.coding.schemes.ground.transform import COEFFICIENTS


def test_levels_are_variances_to_a_sixteenth_of_an_octave() -> None:
    variances = torch.logspace(-6, 2, 50)
    assert ((variance(level(variances)) / variances).log2().abs() <= 1 / 32 + 1e-4).all()
    assert level(torch.tensor([0.0, 1e9])).tolist() == [0, LEVELS - 1]


@pytest.mark.parametrize("noise", [1.0, 0.1, 1e-3])
def test_water_filling_spends_the_energy_and_no_exchange_helps(noise: float) -> None:
    weights = torch.zeros(1, LEVELS)
    present = torch.tensor([100, 180, 250, 330])
    weights[0, present] = torch.tensor([40.0, 20.0, 8.0, 2.0])
    variances = variance(present)
    q = fill(weights, torch.tensor([70.0]), torch.tensor([noise]))
    given = power(variances.sqrt(), q, torch.tensor(noise))
    assert torch.isclose((weights[0, present] * given).sum(), torch.tensor(70.0), rtol=1e-3)
    # Kuhn and Tucker: one price of power wherever some is given, none above it elsewhere
    price = variances * noise / (given + noise).square()
    free = (given > 0) & (given < PEAK)
    assert torch.allclose(price[free], noise / q.square(), rtol=1e-3)
    assert (price[given == 0] <= noise / q.square() * 1.001).all()


def test_sets_are_shipped_by_rising_energy_and_ordered_by_integers() -> None:
    sets = class_sets()
    assert list(sets) == [1, 8, 64]
    for count, classes in sets.items():
        assert classes.levels.shape == (count, COEFFICIENTS)
        assert (classes.variances.sum(1).diff() >= 0).all()
        assert torch.exp2(-classes.bits).sum() == pytest.approx(1, abs=0.01)
        pairs = classes.order[:, 0] * COEFFICIENTS + classes.order[:, 1]
        assert len(pairs.unique()) == count * (COEFFICIENTS - CORE)
        assert not classes.is_core[classes.order[:, 1]].any()
        strengths = classes.levels[classes.order[:, 0], classes.order[:, 1]]
        assert (strengths.diff() <= 0).all()
    assert torch.equal(sets[1].core, sets[64].core)
    assert 0.2 < means(torch.device("cpu"))[0] / (32 * 3**0.5) < 0.8


def test_as_many_are_sent_as_fit_and_the_strongest() -> None:
    classes = class_sets()[8]
    counts = torch.tensor([[3.0, 2, 0, 4, 1, 0, 0, 2]])
    sent, weakest = cut(classes, counts, torch.tensor([1500.0]))
    assert sent.sum() == 1500
    every = counts @ classes.histogram
    above = int(weakest) + 1
    core = torch.bincount(classes.core_levels, minlength=LEVELS) * counts.sum()
    assert torch.equal(sent[0, above:], every[0, above:] + core[above:])


def test_the_decision_is_the_cheapest_class() -> None:
    classes = class_sets()[8]
    energies = class_sets()[8].variances[torch.tensor([0, 3, 5, 7])][None] * torch.rand(
        1, 4, COEFFICIENTS, generator=torch.Generator().manual_seed(1)
    )
    room, noise, each = torch.tensor([512.0]), torch.tensor([0.1]), torch.tensor([1.0])
    labels = decide(energies, classes, room, noise, each)
    shares = torch.exp2(-classes.bits)
    first = (energies @ costs(classes, (4 * shares / shares.sum())[None], room, noise, each)[0]).argmin(2)
    assert labels.shape == first.shape == (1, 4)
    assert (decide(energies * 0, classes, room, noise, torch.tensor([1e4])) == classes.bits.argmin()).all()
    assert (decide(energies, class_sets()[1], room, noise, each) == 0).all()
    # a block of the strongest class is not told to be of the weakest
    assert labels[0, 3] > labels[0, 0]
