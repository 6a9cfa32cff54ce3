"""Two bursts at once: the stronger is taken, wherever it begins, and the weaker ends there."""

import dataclasses

import numpy as np
import pytest

from gvc.noise_map import NU_MAX
from gvc.phy import BurstReceiver, BurstTransmitter, Numerology, ReceivedBurst
from gvc.phy.receiver.rivals import Rivals
from tests.phy.conftest import gaussian_frames, impair

U = Numerology.load("ofdm64")
OURS, THEIRS = 1, 2
BURSTS = 3


def burst_samples(stream: int) -> list[np.ndarray]:
    """Bursts of 64 payload symbols, each with a number of its own."""
    transmitter = BurstTransmitter(U, stream=stream)
    return [
        burst for frame in gaussian_frames(BURSTS, 192, 256, 32, seed=stream) for burst in transmitter.bursts(frame)
    ]


@pytest.fixture(scope="module")
def mixed():
    """(our gain, their gain, how much later theirs begin) -> samples with both; 25 dB over noise for a gain of 1."""
    ours, theirs = burst_samples(OURS), burst_samples(THEIRS)

    def mix(gain: float, their_gain: float, later: int) -> np.ndarray:
        spacing = 2 * len(ours[0]) + 2000
        samples = np.zeros(BURSTS * spacing, complex)
        for i in range(BURSTS):
            begin = i * spacing + max(0, -later)
            samples[begin:][: len(ours[i])] += gain * ours[i]
            samples[begin + later :][: len(theirs[i])] += their_gain * theirs[i]
        return impair(samples, U, snr_db=25, cfo_hz=1.5e3)

    return mix


def of_stream(bursts: list[ReceivedBurst], stream: int) -> list[ReceivedBurst]:
    return [burst for burst in bursts if burst.header.stream == stream]


@pytest.mark.parametrize("gain", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("later", [40, 200, 1500, 4000])
def test_the_stronger_of_two_is_received_as_if_it_were_alone(mixed, gain: float, later: int) -> None:
    """From within the short training (40, 200) over the header (1500: welle.io#247) to the payload."""
    receiver = BurstReceiver(U)
    found = of_stream(receiver.push(mixed(gain, 1.0, later)), THEIRS)
    assert [burst.header.sequence for burst in found] == [0, 1, 2]
    sir_db = -10 * np.log10(gain**2 + 10**-2.5)
    assert max(burst.evm_db for burst in found) < 3 - sir_db


@pytest.mark.parametrize("later", [100, 1500, 4000])
def test_a_weaker_one_that_begins_later_takes_nothing(mixed, later: int) -> None:
    receiver = BurstReceiver(U)
    found = receiver.push(mixed(1.0, 0.8, later))
    assert [burst.header.stream for burst in found] == [OURS] * BURSTS
    assert receiver.not_understood == 0


@pytest.mark.parametrize(("later", "kept"), [(4300, 32), (5600, 48), (6200, 48)])
def test_what_lies_under_the_stronger_is_erased_and_the_rest_is_right(mixed, later: int, kept: int) -> None:
    alone = BurstReceiver(U).push(mixed(0.3, 0.0, 0))
    receiver = BurstReceiver(U, keep_raw=True)
    both = receiver.push(mixed(0.3, 1.0, later))
    cut = of_stream(both, OURS)
    assert len(cut) == len(of_stream(both, THEIRS)) == BURSTS
    assert receiver.not_understood == 0
    for burst, whole in zip(cut, alone, strict=True):
        # 1,360 samples of preamble and header, then 17 symbols of 80 a block: two end before sample 4,300. At 5,600 and
        # 6,200 the stronger one's header comes after the weaker one's end.
        assert burst.symbols.shape == burst.noise_map.shape == burst.raw[0].shape == whole.symbols.shape
        assert np.all(burst.noise_map[kept:] == np.float32(NU_MAX)) and not np.any(burst.symbols[kept:])
        error = np.abs(burst.symbols[:kept] - whole.symbols[:kept]) ** 2
        assert np.mean(error) < 0.3 * np.mean(burst.noise_map[:kept])
        assert 0.8 < np.mean(burst.noise_map[:kept]) / np.mean(whole.noise_map[:kept]) < 1.25


def test_one_of_which_nothing_is_left_is_not_understood(mixed) -> None:
    receiver = BurstReceiver(U)
    assert of_stream(receiver.push(mixed(0.1, 1.0, 1500)), OURS) == []
    assert receiver.not_understood == BURSTS
    assert receiver.candidates == receiver.headers_read == 2 * BURSTS


@pytest.mark.parametrize(
    ("gain", "later"), [(0.1, 1500), (0.3, 4000), (0.7, 200), (0.5, 5600), (0.5, 6200), (0.5, 6700)]
)
def test_overlaps_do_not_depend_on_the_cut(mixed, gain: float, later: int) -> None:
    samples = mixed(gain, 1.0, later)
    whole = BurstReceiver(U).push(samples)
    random = np.random.default_rng(4)
    for largest in (50, 3000):
        receiver, pieces, at = BurstReceiver(U), [], 0
        while at < samples.shape[1]:
            step = int(random.integers(1, largest))
            pieces += receiver.push(samples[:, at : at + step])
            at += step
        assert [dataclasses.astuple(b.header) for b in pieces] == [dataclasses.astuple(b.header) for b in whole]
        for piece, reference in zip(pieces, whole, strict=True):
            assert piece.start_sample == reference.start_sample
            assert np.array_equal(piece.symbols, reference.symbols)
            assert np.array_equal(piece.noise_map, reference.noise_map)


@pytest.mark.parametrize("snr_db", [2.0, 10.0, 25.0])
def test_an_undisturbed_link_looks_for_no_rival(monkeypatch, snr_db: float) -> None:
    taps = np.array([[1, 0.5j, 0, 0.4]])

    def refuse(*given: object) -> None:
        raise AssertionError("looked for a rival")

    monkeypatch.setattr(Rivals, "stronger", refuse)
    samples = impair(np.concatenate([*burst_samples(OURS), np.zeros(640)]), U, snr_db=snr_db, cfo_hz=2e3, taps=taps)
    assert len(BurstReceiver(U).push(samples)) == BURSTS
