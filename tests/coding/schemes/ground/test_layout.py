"""Order of sending, layers and Hadamard groups."""

import pytest
import scipy.linalg
import torch

from gvc.coding.schemes.ground.classes import CORE, class_sets
from gvc.coding.schemes.ground.layout import GROUP, STEP, core_room, hadamard, layer_room, layout, order, room
from gvc.coding.schemes.ground.transform import COEFFICIENTS


def test_the_matrix_is_scipys() -> None:
    expected = torch.from_numpy(scipy.linalg.hadamard(GROUP) / GROUP**0.5).float()
    assert torch.allclose(hadamard(torch.device("cpu")), expected)


@pytest.mark.parametrize("layered", [False, True])
@pytest.mark.parametrize(("blocks", "used"), [(4, 256), (9, 1024), (9, 1088), (64, 8192)])
def test_every_place_has_its_own_symbol_part(blocks: int, used: int, layered: bool) -> None:
    made = layout(blocks, torch.tensor([used, used - STEP]), used, layered)
    for places in (made.place, made.symbol):
        assert (places.sort(1).values == torch.arange(used)).all()


def test_a_groups_symbols_lie_apart_and_carry_both_parts() -> None:
    used = 64 * STEP
    made = layout(64, torch.tensor([used]), used, False)
    symbols = made.symbol[0].reshape(-1, GROUP)
    assert (symbols[0] // 2 == symbols[1] // 2).all() and (symbols[0] % 2 == 0).all() and (symbols[1] % 2 == 1).all()
    assert ((symbols[0] // 2).diff() == used // 2 // GROUP).all()


def test_layers_keep_to_their_symbols() -> None:
    blocks = 9
    first, step = core_room(blocks), layer_room(blocks)
    used = first + 3 * step + STEP
    made = layout(blocks, torch.tensor([used]), used, True)
    for start, end in ((0, first), (first, first + step), (first + 3 * step, used)):
        for places in (made.place, made.symbol):
            assert (places[0, start:end].sort().values == torch.arange(start, end)).all()
    shorter = layout(blocks, torch.tensor([first + 2 * step]), used, True)
    assert torch.equal(shorter.place[0, : first + 2 * step], made.place[0, : first + 2 * step])


def test_the_order_is_core_then_falling_variance() -> None:
    classes = class_sets()[8]
    labels = torch.tensor([[0, 3, 3, 7, 1, 3]])
    used = 20 * STEP
    source = order(labels, 6, classes, torch.tensor([used]), used)[0]
    core = source[: 6 * CORE]
    assert sorted((core % COEFFICIENTS).unique().tolist()) == sorted(classes.core.tolist())
    nobody = 6 * COEFFICIENTS
    assert (source[6 * CORE : core_room(6)] == nobody).all()
    rest = source[core_room(6) :]
    assert len(rest.unique()) == len(rest) and (rest < nobody).all()
    levels = classes.levels[labels[0, rest // COEFFICIENTS], rest % COEFFICIENTS]
    assert (levels.diff() <= 0).all()
    unsent = set(range(nobody)) - set(source.tolist())
    outside = [i for i in unsent if i % COEFFICIENTS not in set(classes.core.tolist())]
    assert max(classes.levels[labels[0, i // COEFFICIENTS], i % COEFFICIENTS] for i in outside[::50]) <= levels[-1]
    assert (order(None, 6, classes, torch.tensor([used]), used)[0][6 * CORE :] == nobody).all()


def test_symbols_make_whole_groups() -> None:
    assert room(1023) == 1984 and room(31) == 0
