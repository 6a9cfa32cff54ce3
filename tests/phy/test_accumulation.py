"""The robust profile: bursts found below the noise."""

import numpy as np
import pytest

from gvc.phy import BurstReceiver, BurstTransmitter, Numerology
from gvc.phy.receiver.accumulation import Accumulation
from tests.phy.conftest import gaussian_frames, impair


@pytest.mark.parametrize("name", ["ofdm64-robust", "ofdm256-robust"])
@pytest.mark.parametrize("carriers", [-4.0, 2.45])
def test_every_burst_is_found_at_minus_five_db(link, name: str, carriers: float) -> None:
    cfo_hz = carriers * Numerology.load(name).carrier_spacing_hz
    outcome = link(name, frames=6, size=(16, 16), snr_db=-5, cfo_hz=cfo_hz)
    assert outcome.counters.bursts_received == 6


def test_two_antennas_and_echoes_at_minus_six_db(link) -> None:
    taps = np.zeros((2, 9), complex)
    taps[0, [0, 3, 8]] = [0.7, 0.5j, 0.5]
    taps[1, [1, 2]] = [0.6, -0.8j]
    outcome = link("ofdm64-robust", frames=6, size=(16, 16), snr_db=-6, taps=taps)
    assert outcome.counters.bursts_received == 6


@pytest.mark.parametrize("before", [0, 1, 15, 333])
def test_timing_and_error_where_it_is_bright(link, before: int) -> None:
    outcome = link("ofdm64-robust", frames=2, snr_db=20, before=before, cfo_hz=21e3)
    assert outcome.received[0].bursts[0].start_sample == pytest.approx(before, abs=2)
    assert outcome.received[0].bursts[0].cfo_hz == pytest.approx(21e3, abs=30)
    assert outcome.error_db() < -19.2


def test_noise_alone_gives_nothing() -> None:
    random = np.random.default_rng(0)
    receiver = BurstReceiver(Numerology.load("ofdm64-robust"))
    assert receiver.push(random.standard_normal(600_000, np.float32).view(np.complex64)) == []
    assert receiver.candidates < 10


@pytest.mark.parametrize("kind", ["zeros", "tone", "constant"])
def test_other_signals_give_nothing(kind: str) -> None:
    n = np.arange(50_000)
    signal = {"zeros": 0 * n, "tone": np.exp(2j * np.pi * n / 16), "constant": 1 + 0 * n}[kind]
    assert BurstReceiver(Numerology.load("ofdm64-robust")).push(signal.astype(np.complex64)) == []


def test_result_does_not_depend_on_the_cut() -> None:
    u = Numerology.load("ofdm64-robust")
    transmitter = BurstTransmitter(u)
    bursts = [b for f in gaussian_frames(3, 16, 16, 32) for b in transmitter.bursts(f)]
    samples = impair(np.concatenate([*bursts, transmitter.flush_samples()]), u, snr_db=-5, cfo_hz=21e3)
    whole = BurstReceiver(u).push(samples)
    assert len(whole) == 3
    random = np.random.default_rng(3)
    for largest in (100, 5000):
        receiver, pieces, at = BurstReceiver(u), [], 0
        while at < samples.shape[1]:
            step = int(random.integers(0, largest))
            pieces += receiver.push(samples[:, at : at + step])
            at += step
        assert [b.header for b in pieces] == [b.header for b in whole]
        assert all(np.array_equal(a.symbols, b.symbols) for a, b in zip(pieces, whole, strict=True))


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_the_search_knows_no_scale(scale: float) -> None:
    u = Numerology.load("ofdm64-robust")
    (burst,) = BurstTransmitter(u).bursts(gaussian_frames(1, 16, 16, 32)[0])
    samples = impair(burst, u, snr_db=-5)
    search = Accumulation(u)
    scaled = (samples * scale).astype(np.complex64)
    candidate = search.detect(samples, 0, 4000)
    assert candidate == search.detect(scaled, 0, 4000) >= 0
    assert search.acquire(samples, candidate).window == search.acquire(scaled, candidate).window


def test_noise_passes_the_threshold_no_more_often_than_bounded() -> None:
    """Chernoff's bound for one frequency, times as many as are tried, over every place of 3 million samples."""
    u = Numerology.load("ofdm64-robust")
    search, random = Accumulation(u), np.random.default_rng(7)
    noise = random.standard_normal((1, 2 * 200_000), np.float32).view(np.complex64)
    cells = noise.shape[1] // 16
    found, at = 0, 0
    while (candidate := search.detect(noise, at, noise.shape[1])) >= 0:
        found, at = found + 1, candidate + 16
    assert found <= search.FALSE_CANDIDATES * search.FREQUENCIES * cells


def test_works_on_a_waveform_with_a_short_preamble(link) -> None:
    outcome = link(frames=3, snr_db=5, cfo_hz=-40e3, receiver={"synchroniser": "accumulation"})
    assert outcome.counters.bursts_received == 3
