"""The capacity bound: bytes by Shannon, pictures by the codec, whatever the slots become."""

import numpy as np
import pytest

from gvc.coding.concealment import GREY
from gvc.coding.schemes.bound.scheme import Capacity
from gvc.errors import InputError
from gvc.noise_map import NU_MAX

N, COUNT, SIDE = 2, 256, 64


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    across, down = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    moving = [np.stack([2 * across + 8 * t, 2 * down, 60 + across + down], -1) for t in range(N)]
    return np.stack(moving).astype(np.uint8)


def told(scheme: Capacity, noise_map: np.ndarray, pictures: np.ndarray):
    scheme.tell(np.zeros(noise_map.shape, np.complex64), noise_map)
    slots = scheme.encode(pictures, 10.0)
    assert [len(slot.symbols) for slot in slots] == [COUNT] * N
    assert np.mean(np.abs([slot.symbols for slot in slots]) ** 2) == pytest.approx(1)
    return scheme.decode([None] * N, SIDE, SIDE)


def test_the_budget_is_shannons_and_all_is_decoded(pictures: np.ndarray) -> None:
    done = told(Capacity(COUNT, N, codec="x264"), np.full((N, COUNT), 1 / 15, np.float32), pictures)
    assert done.report["budget"] == pytest.approx(N * COUNT * 4 / 8, abs=1)
    assert 0 < done.report["bytes"] <= done.report["budget"]
    assert done.report["efficiency"] == pytest.approx(4, rel=0.01)
    assert not done.concealed.any()
    assert np.mean((done.pictures.astype(float) - pictures) ** 2) < 200


def test_outage_leaves_the_slots_that_carry_the_rate(pictures: np.ndarray) -> None:
    noise_map = np.full((N, COUNT), 1 / 15, np.float32)
    noise_map[1] = 1 / 3
    assert told(Capacity(COUNT, N, codec="x264"), noise_map, pictures).report["efficiency"] == pytest.approx(
        3, rel=0.01
    )
    worst = told(Capacity(COUNT, N, codec="x264", outage=0.1), noise_map, pictures).report["budget"]
    assert worst == pytest.approx(N * COUNT * 2 / 8, abs=1)
    half = told(Capacity(COUNT, N, codec="x264", outage=0.5), noise_map, pictures).report["budget"]
    assert half == pytest.approx(COUNT * 4 / 8, abs=1)


def test_a_channel_that_carries_nothing_shows_grey(pictures: np.ndarray) -> None:
    done = told(Capacity(COUNT, N, codec="x264"), np.full((N, COUNT), NU_MAX, np.float32), pictures)
    assert done.concealed.all() and (done.pictures == GREY).all()


def test_segments_come_back_in_order(pictures: np.ndarray) -> None:
    scheme = Capacity(COUNT, N, codec="x264")
    for brightness in (40, 200):
        scheme.tell(np.zeros((N, COUNT), np.complex64), np.full((N, COUNT), 0.01, np.float32))
        scheme.encode(np.full_like(pictures, brightness), 10.0)
    for brightness in (40, 200):
        assert np.abs(scheme.decode([None] * N, SIDE, SIDE).pictures.astype(float) - brightness).max() < 10


def test_it_is_a_bound_of_simulations_alone(pictures: np.ndarray) -> None:
    with pytest.raises(InputError, match="simulations"):
        Capacity(COUNT, N, codec="x264").encode(pictures, 10.0)
    with pytest.raises(InputError, match=r"capacity\.outage"):
        Capacity(COUNT, N, outage=1.0)
