"""The digital scheme: round trip, cliff, losses, adaptation, genie."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from gvc.coding.concealment import GREY
from gvc.coding.scheme import ReceivedSlot
from gvc.coding.schemes.digital import link_adaptation
from gvc.coding.schemes.digital.scheme import LENGTH_BYTES, Digital
from gvc.errors import InputError
from gvc.noise_map import NU_MAX, NU_MIN
from gvc.phy.fec.mcs import named
from tests.coding.conftest import any_slots, as_told

COUNT = 1024
SIZE = 64, 96


def digital(mcs: str = "qpsk-1_2", **options: object) -> Digital:
    return Digital("x264", COUNT, 4, adaptation="fixed", mcs=mcs, **options)


@pytest.mark.parametrize("depth", [None, 1, 3])
def test_a_segment_comes_back(scene: np.ndarray, receive: Callable, psnr: Callable, depth: int | None) -> None:
    slots = digital(depth=depth).encode(scene, 10.0)
    assert [(len(slot.symbols), slot.payload_type, slot.mode) for slot in slots] == [(COUNT, 1, 2)] * 4
    assert np.mean(np.abs([slot.symbols for slot in slots]) ** 2) == pytest.approx(1, rel=1e-4)
    done = digital(depth=depth).decode(receive(slots, 10.0), *SIZE)
    assert not done.concealed.any() and psnr(scene, done.pictures) > 25
    assert done.report["block_errors"] == 0 and done.report["efficiency"] == 1
    assert done.report["blocks"] == sum(
        len(block.block_bytes) for _, block in digital(depth=depth).blocks(4, named("qpsk-1_2"))
    )


def test_quality_is_that_of_the_codec_and_falls_off_a_cliff(
    scene: np.ndarray, receive: Callable, psnr: Callable
) -> None:
    slots = digital().encode(scene, 10.0)
    high = digital().decode(receive(slots, 20.0), *SIZE)
    low = digital().decode(receive(slots, 4.0), *SIZE)
    np.testing.assert_array_equal(high.pictures, low.pictures)
    below = digital().decode(receive(slots, -2.0), *SIZE)
    assert below.concealed.all() and (below.pictures == GREY).all() and below.report["bytes"] == 0


def test_what_lies_behind_a_failed_block_is_lost_and_concealed(scene: np.ndarray, receive: Callable) -> None:
    """With a transport block in each slot the codec's bytes end where the last slot was lost."""
    scheme = digital(depth=1, preset="low-delay")
    slots = scheme.encode(scene, 10.0)
    whole = scheme.decode(receive(slots, 15.0), *SIZE)
    cut = digital(depth=1, preset="low-delay").decode(receive(slots, 15.0, lost=[3]), *SIZE)
    assert 0 < cut.report["bytes"] < whole.report["bytes"]
    first = int(np.argmax(cut.concealed))
    assert 0 < first and cut.concealed[first:].all()
    np.testing.assert_array_equal(cut.pictures[:first], whole.pictures[:first])
    assert (cut.pictures[first:] == cut.pictures[first - 1]).all()


def test_interleaving_over_the_segment_survives_a_lost_slot(scene: np.ndarray, receive: Callable) -> None:
    slots = digital("qpsk-1_3").encode(scene, 10.0)
    assert not digital("qpsk-1_3").decode(receive(slots, 10.0, lost=[1]), *SIZE).concealed.any()


def test_bytes_are_within_what_the_blocks_carry(scene: np.ndarray) -> None:
    for mcs in ("qpsk-1_5", "16qam-1_2", "64qam-5_6"):
        capacity = sum(block.payload_bytes for _, block in digital(mcs).blocks(4, named(mcs)))
        assert capacity == pytest.approx(4 * COUNT * named(mcs).efficiency / 8, rel=0.03, abs=5)
        assert LENGTH_BYTES < len(digital(mcs).compress(scene, capacity)) <= capacity


def test_a_budget_for_nothing_sends_no_picture(scene: np.ndarray, receive: Callable) -> None:
    scheme = Digital("x264", 64, 4, adaptation="fixed", mcs="qpsk-1_5")
    slots = scheme.encode(scene, 10.0)
    assert [len(slot.symbols) for slot in slots] == [64] * 4
    assert scheme.decode(receive(slots, 20.0), *SIZE).concealed.all()


def test_the_table_takes_the_most_efficient_scheme_that_is_good_enough() -> None:
    known = link_adaptation.thresholds("sim-awgn")
    table = link_adaptation.Measured("sim-awgn")
    for snr_db in (-10.0, 0.0, 7.0, 13.0, 30.0):
        chosen = table.choose(snr_db)
        better = [mcs for mcs, needed in known.items() if mcs.efficiency > chosen.efficiency and needed <= snr_db]
        assert not better and (known[chosen] <= snr_db or snr_db < min(known.values()))
    assert link_adaptation.Measured("sim-awgn", margin_db=3.0).choose(13.0) == table.choose(10.0)
    with pytest.raises(InputError, match="did you mean 'sim-awgn'"):
        link_adaptation.Measured("sim-awg")


def test_the_genie_takes_the_best_that_will_be_decoded(scene: np.ndarray) -> None:
    random = np.random.default_rng(7)
    gain = random.exponential(size=(4, 1)) * np.ones((1, COUNT))
    noise_map = np.clip(0.03 / gain, NU_MIN, NU_MAX).astype(np.float32)
    error = (random.standard_normal((4, COUNT, 2)) @ [1, 1j] * np.sqrt(noise_map / 2)).astype(np.complex64)
    scheme = Digital("x264", COUNT, 4, adaptation="genie")
    scheme.tell(error, noise_map)
    slots = scheme.encode(scene, 15.0)
    done = scheme.decode(as_told(slots, error, noise_map), *SIZE)
    assert done.report["block_errors"] == 0 and not done.concealed.any()
    capacity = np.mean(np.log2(1 + 1 / noise_map))
    assert 0.6 * capacity < done.report["efficiency"] < capacity
    with pytest.raises(InputError, match="simulations"):
        Digital("x264", COUNT, 4, adaptation="genie").encode(scene, 10.0)


def test_what_the_genie_takes_bears_a_little_more_noise(scene: np.ndarray) -> None:
    for number, variance in enumerate(np.geomspace(0.02, 0.5, 12)):
        random = np.random.default_rng(number)
        error = (random.standard_normal((4, COUNT, 2)) @ [1, 1j] * np.sqrt(variance / 2)).astype(np.complex64)
        noise_map = np.full((4, COUNT), variance, np.float32)
        scheme = Digital("x264", COUNT, 4, adaptation="genie")
        scheme.tell(error, noise_map)
        louder = error * np.float32(10 ** (0.25 / 20))
        done = scheme.decode(as_told(scheme.encode(scene, 15.0), louder, noise_map), *SIZE)
        assert done.report["block_errors"] == 0, variance


@given(any_slots((0, 5, COUNT), 4))
@settings(max_examples=15, deadline=None)
def test_any_slots_give_pictures(slots: list) -> None:
    shown = digital().decode(slots, *SIZE)
    assert shown.pictures.shape == (len(slots), *SIZE, 3) and shown.concealed.all()


def test_slots_with_another_header_than_the_first_do_not_stop_the_rest(scene: np.ndarray, receive: Callable) -> None:
    slots = receive(digital("qpsk-1_3").encode(scene, 10.0), 15.0)
    slots[2] = replace(slots[2], payload_type=3, mode=1)
    assert not digital().decode(slots, *SIZE).concealed.any()


def test_a_header_that_fits_no_byte_into_the_slots_is_a_lost_segment() -> None:
    slot = ReceivedSlot(np.zeros(8, np.complex64), np.ones(8, np.float32), payload_type=1, mode=0)
    shown = Digital("x264", 8, 4, adaptation="fixed", mcs="256qam-5_6").decode([slot] * 2, *SIZE)
    assert shown.concealed.all() and shown.report["blocks"] == 0


def test_sizes_that_make_no_sense_are_refused() -> None:
    for options in ({"segment_frames": 0}, {"segment_frames": 4, "depth": 5}):
        with pytest.raises(InputError, match="segments of"):
            Digital("x264", COUNT, adaptation="fixed", mcs="qpsk-1_2", **options)
