"""The hybrid: power shares, quality between and above its base, losses."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from gvc.coding.concealment import GREY
from gvc.coding.scheme import ReceivedSlot
from gvc.coding.schemes.hybrid.scheme import CONTROL_SYMBOLS, Hybrid
from gvc.errors import InputError
from gvc.noise_map import NU_MAX
from gvc.phy.payload import HYBRID
from tests.coding.conftest import as_told

COUNT = 2048
SIZE = 64, 96


def hybrid(mcs: str = "qpsk-1_2", **options: object) -> Hybrid:
    return Hybrid(COUNT, segment_frames=4, codec="x264", adaptation="fixed", mcs=mcs, **options)


def base_alone(slots: list[ReceivedSlot | None], bandwidth: float) -> list[ReceivedSlot | None]:
    """The same slots, of which the refinement's symbols are erased: estimated as nothing."""
    first = round(COUNT * bandwidth) + CONTROL_SYMBOLS // 4
    kept = []
    for slot in slots:
        noise_map = slot.noise_map.copy()
        noise_map[first:] = NU_MAX
        symbols = slot.symbols.copy()
        symbols[first:] = 0
        kept.append(replace(slot, symbols=symbols, noise_map=noise_map))
    return kept


@pytest.mark.parametrize(("bandwidth", "power"), [(0.3, 0.2), (0.5, 0.8), (0.7, 0.7)])
def test_energy_is_shared_as_configured(scene: np.ndarray, bandwidth: float, power: float) -> None:
    slots = hybrid(bandwidth=bandwidth, power=power).encode(scene, 10.0)
    assert {slot.payload_type for slot in slots} == {HYBRID}
    energy = np.abs([slot.symbols for slot in slots]) ** 2
    assert energy.shape == (4, COUNT) and energy.mean() == pytest.approx(1, abs=0.01)
    first = round(COUNT * bandwidth)
    base = energy[:, :first].sum() + energy[:, first : first + CONTROL_SYMBOLS // 4].sum()
    assert base / energy.sum() == pytest.approx(power, abs=0.01)


@pytest.mark.parametrize(("bandwidth", "power"), [(0.5, 0.5), (0.4, 0.8), (0.6, 0.95)])
@pytest.mark.parametrize("fading", [False, True])
@pytest.mark.parametrize(("refinement", "least_gain"), [("softcast", 1.0), ("jscc", 0.5)])
def test_never_below_the_base_and_better_with_the_snr(
    scene: np.ndarray,
    receive: Callable,
    psnr: Callable,
    bandwidth: float,
    power: float,
    fading: bool,
    refinement: str,
    least_gain: float,
) -> None:
    shares = {"bandwidth": bandwidth, "power": power, "refinement": refinement}
    slots = hybrid("qpsk-1_3", **shares).encode(scene, 12.0)
    found = []
    for snr_db in (-4.0, 0.0, 3.0, 6.0, 10.0, 15.0, 20.0):
        received = receive(slots, snr_db, 5, fading)
        both = hybrid("qpsk-1_3", **shares).decode(received, *SIZE)
        base = hybrid("qpsk-1_3", **shares).decode(base_alone(received, bandwidth), *SIZE)
        np.testing.assert_array_equal(both.concealed, base.concealed)
        # symbols that the shares of control and refinement lose in `base_alone` are no base's
        assert psnr(scene, both.pictures) >= psnr(scene, base.pictures) - 0.02, snr_db
        found.append(psnr(scene, both.pictures))
    assert found[-1] > psnr(scene, base.pictures) + (0.3 if power > 0.9 else least_gain)
    assert (np.diff(found) > -0.02).all()


def test_where_the_base_is_lost_the_last_picture_stays(scene: np.ndarray, receive: Callable) -> None:
    scheme = hybrid("16qam-5_6")
    slots = scheme.encode(scene, 10.0)
    none = scheme.decode(receive(slots, 2.0), *SIZE)
    assert none.concealed.all() and (none.pictures == GREY).all() and none.report["block_errors"] > 0
    shown = scheme.decode(receive(slots, 25.0), *SIZE)
    assert not shown.concealed.any() and shown.report["refined"] == 1
    lost = scheme.decode([None] * 4, *SIZE)
    assert lost.concealed.all() and (lost.pictures == shown.pictures[-1]).all() and lost.report["control_lost"] == 1


def test_a_slot_of_another_type_counts_as_lost(scene: np.ndarray, receive: Callable) -> None:
    slots = receive(hybrid("qpsk-1_5").encode(scene, 10.0), 20.0)
    slots[1] = replace(slots[1], payload_type=5)
    slots[2] = replace(slots[2], symbols=slots[2].symbols[:7], noise_map=slots[2].noise_map[:7])
    assert hybrid().decode(slots, *SIZE).pictures.shape == (4, *SIZE, 3)


def test_the_genie_is_told_of_the_bases_share(scene: np.ndarray, receive: Callable) -> None:
    scheme = Hybrid(COUNT, segment_frames=4, codec="x264", adaptation="genie", bandwidth=0.5, power=0.8)
    random = np.random.default_rng(6)
    variance = 10 ** (-0.9)
    error = (random.standard_normal((4, COUNT, 2)) @ [1, 1j] * np.sqrt(variance / 2)).astype(np.complex64)
    noise_map = np.full((4, COUNT), variance, np.float32)
    scheme.tell(error, noise_map)
    slots = scheme.encode(scene, 9.0)
    done = scheme.decode(as_told(slots, error, noise_map), *SIZE)
    assert done.report["block_errors"] == 0 and not done.concealed.any()
    # 0.8 / 0.5 of the power: about 2 dB more than the mean
    assert 1.5 < done.report["efficiency"] < np.log2(1 + 1.6 / variance)


def test_shares_that_leave_a_part_without_symbols_are_refused() -> None:
    with pytest.raises(InputError, match=r"hybrid\.bandwidth"):
        hybrid(bandwidth=0.9)
    with pytest.raises(InputError, match="refinement"):
        hybrid(refinement="sofcast")
