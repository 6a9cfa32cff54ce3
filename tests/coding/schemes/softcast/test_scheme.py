"""Softcast as a whole: power, graceful quality, least squares, losses, hostile slots."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from gvc.coding.concealment import GREY
from gvc.coding.scheme import Slot
from gvc.coding.schemes.softcast.analogue import AnalogueBlock
from gvc.coding.schemes.softcast.metadata import _HEADER
from gvc.coding.schemes.softcast.scheme import Softcast
from gvc.coding.schemes.softcast.whitening import across_slots
from gvc.noise_map import NU_MIN
from gvc.phy.payload import SOFTCAST
from tests.coding.conftest import any_slots

COUNT = 1536
SIZE = 64, 96


def test_slots_have_unit_power_together_and_each_about_that(scene: np.ndarray) -> None:
    slots = Softcast(COUNT, 4).encode(scene, 10.0)
    assert [(slot.symbols.shape, slot.symbols.dtype, slot.payload_type) for slot in slots] == [
        ((COUNT,), np.complex64, SOFTCAST)
    ] * 4
    power = [np.mean(np.abs(slot.symbols) ** 2) for slot in slots]
    assert np.mean(power) == pytest.approx(1, abs=0.002)
    assert 0.8 < min(power) < max(power) < 1.25
    assert max(np.abs(slot.symbols).max() for slot in slots) < 6
    assert len({slot.mode for slot in slots}) == 1 and 1 <= slots[0].mode <= 15


@pytest.mark.parametrize("fading", [False, True])
def test_quality_rises_with_the_snr(scene: np.ndarray, receive: Callable, psnr: Callable, fading: bool) -> None:
    slots = Softcast(COUNT, 4).encode(scene, 10.0)
    found = []
    for snr_db in (0.0, 4.0, 8.0, 12.0, 16.0, 20.0):
        shown = Softcast(COUNT, 4).decode(receive(slots, snr_db, 1, fading), *SIZE)
        assert not shown.concealed.any()
        found.append(psnr(scene, shown.pictures))
    assert (np.diff(found) > 0).all() and found[-1] > found[0] + 5


def test_nothing_dropped_and_no_noise_is_near_lossless(scene: np.ndarray, receive: Callable, psnr: Callable) -> None:
    count = 14000
    slots = Softcast(count, 4).encode(scene, 40.0)
    shown = Softcast(count, 4).decode(receive(slots, 60.0), *SIZE)
    assert psnr(scene, shown.pictures) > 45


def test_error_is_what_the_allocation_expects(scene: np.ndarray, receive: Callable) -> None:
    """The closed form over chunks sent and left out, 3 dB steps of the variances included."""
    scheme = Softcast(COUNT, 4)
    block = AnalogueBlock(4, *SIZE, 4 * COUNT)
    expected: list[float] = []
    fit = block._fit
    block._fit = lambda *given: (plan := fit(*given)) and (expected.append(plan[0]), plan)[1]
    block.encode(scene.astype(np.float32), 10.0)
    shown = scheme.decode(receive(Softcast(COUNT, 4).encode(scene, 10.0), 10.0, 2), *SIZE)
    measured = np.sum((shown.pictures.astype(float) - scene) ** 2)
    assert measured == pytest.approx(min(expected), rel=0.15)


def test_least_squares_beat_inversion_at_0_db(scene: np.ndarray, receive: Callable, psnr: Callable) -> None:
    slots = receive(Softcast(COUNT, 4).encode(scene, 15.0), 0.0, 3)
    best = psnr(scene, Softcast(COUNT, 4).decode(slots, *SIZE).pictures)
    trusting = [replace(slot, noise_map=np.full(COUNT, NU_MIN, np.float32)) for slot in slots]
    assert best > psnr(scene, Softcast(COUNT, 4).decode(trusting, *SIZE).pictures) + 1


def test_a_lost_slot_costs_every_picture_a_little(scene: np.ndarray, receive: Callable) -> None:
    slots = Softcast(COUNT, 4).encode(scene, 12.0)
    whole = Softcast(COUNT, 4).decode(receive(slots, 12.0, 4), *SIZE)
    holed = Softcast(COUNT, 4).decode(receive(slots, 12.0, 4, lost=[2]), *SIZE)
    assert not holed.concealed.any()
    errors = [np.mean((d.pictures.astype(float) - scene) ** 2, axis=(1, 2, 3)) for d in (whole, holed)]
    assert (errors[1] > errors[0]).all() and errors[1].max() < 3 * errors[1].min()


def test_without_metadata_the_last_picture_stays(scene: np.ndarray, receive: Callable) -> None:
    scheme = Softcast(COUNT, 4)
    slots = scheme.encode(scene, 10.0)
    lost = scheme.decode([None] * 4, *SIZE)
    assert lost.concealed.all() and (lost.pictures == GREY).all() and lost.report["metadata_lost"] == 1
    shown = scheme.decode(receive(slots, 10.0), *SIZE)
    frozen = scheme.decode([replace(slot, mode=0) for slot in receive(slots, 10.0)], *SIZE)
    assert frozen.concealed.all() and (frozen.pictures == shown.pictures[-1]).all()


def test_segments_of_any_length_and_slots_of_any_size_work(
    scene: np.ndarray, receive: Callable, psnr: Callable
) -> None:
    for n in (1, 3):
        scheme = Softcast(COUNT, 4)
        shown = scheme.decode(receive(scheme.encode(scene[:n], 10.0), 10.0), *SIZE)
        assert shown.pictures.shape == (n, *SIZE, 3) and psnr(scene[:n], shown.pictures) > 18
    small = Softcast(96, 1)
    slots = small.encode(scene[:1], 10.0)
    assert np.mean(np.abs(slots[0].symbols) ** 2) == pytest.approx(1)
    assert small.decode(receive(slots, 10.0), *SIZE).concealed.all()


def test_pictures_of_one_colour(receive: Callable) -> None:
    plain = np.full((2, 48, 64, 3), (20, 130, 240), np.uint8)
    slots = Softcast(800, 2).encode(plain, 10.0)
    symbols = np.abs([slot.symbols for slot in slots])
    assert np.mean(symbols**2) == pytest.approx(1, abs=0.01) and symbols.max() < 6
    shown = Softcast(800, 2).decode(receive(slots, 10.0), 48, 64)
    assert np.abs(shown.pictures.astype(int) - plain).max() <= 1


@given(any_slots((0, 1, 700, 800), 3))
@settings(max_examples=25, deadline=None)
def test_any_slots_give_pictures(slots: list) -> None:
    shown = Softcast(800, 3).decode(slots, 48, 64)
    assert shown.pictures.shape == (len(slots), 48, 64, 3) and shown.concealed.all()


@pytest.mark.parametrize("scale", [6e-8, 1.0, 65504.0])
def test_crafted_metadata_gives_pictures_or_is_concealed(receive: Callable, scale: float) -> None:
    """Metadata that passes its CRC, as only an attacker's does: levels, scale and grid of any kind."""
    block = AnalogueBlock(2, 48, 64, 1600)
    random = np.random.default_rng(int(scale))
    for size in (1, 8, 15):
        metadata = block._metadata(size)
        for grid, lowest, fill in ((0, -128, 255), (3, 127, 255), (5, 0, 183), (2, 127, 0)):
            body = bytes(random.choice([0, 255, fill], max(0, min(40, metadata.payload_bytes - 10))).astype(np.uint8))
            head = _HEADER.pack(6e4, -6e4, 0.0, scale, lowest, grid)
            symbols = np.full(1600, 1 + 1j, np.complex64)
            symbols[: metadata.symbols] = metadata.encode((head + body)[: metadata.payload_bytes])
            slots = receive([Slot(part, SOFTCAST, size) for part in across_slots(symbols, 2)], 20.0)
            assert Softcast(800, 2).decode(slots, 48, 64).pictures.shape == (2, 48, 64, 3)
