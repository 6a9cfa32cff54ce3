"""Bursts under a tone or a narrow-band interferer: found by what linear prediction leaves."""

import numpy as np
import pytest

from gvc.phy import BurstReceiver, BurstTransmitter, Numerology
from gvc.phy.kernels import prediction
from gvc.phy.kernels.agreement import header_agreement
from gvc.phy.receiver.ofdm_windows import SampleBuffer
from gvc.phy.receiver.whitening import Whitening
from tests.phy.conftest import gaussian_frames, impair

BURSTS = 4


def tone(samples: int, frequency: float) -> np.ndarray:
    return np.exp(2j * np.pi * (frequency * np.arange(samples) + 0.3))


def interferer(samples: int, frequency: float, seed: int = 5) -> np.ndarray:
    """Gaussian noise of unit power, about 50 kHz wide at 1 Msps."""
    random = np.random.default_rng(seed)
    noise = random.standard_normal(samples) + 1j * random.standard_normal(samples)
    taps = np.sinc(0.05 * np.arange(-60, 61)) * np.hamming(121)
    shaped = np.convolve(noise, taps, "same") * tone(samples, frequency)
    return shaped / np.sqrt(np.mean(np.abs(shaped) ** 2))


def disturbed(
    name: str, level_db: float, frequency: float, numerology: str = "ofdm64", antennas: int = 1
) -> tuple[Numerology, np.ndarray]:
    """Numerology, and BURSTS bursts as they are received, frames 0, 1, ..."""
    u = Numerology.load(numerology)
    transmitter = BurstTransmitter(u)
    gap = np.zeros(700)
    parts = [part for frame in gaussian_frames(BURSTS, 64, 64, 32) for part in (*transmitter.bursts(frame), gap)]
    taps = np.array([[1.0, 0.5j, -0.2], [0.3, 0.8, 0.3j]])[:antennas]
    samples = impair(np.concatenate(parts), u, snr_db=15, cfo_hz=4800, taps=taps, rx_antennas=antennas)
    made = {"tone": tone, "interferer": interferer}[name](samples.shape[1], frequency)
    return u, (samples + 10 ** (level_db / 20) * made).astype(np.complex64)


@pytest.mark.parametrize("frequency", [-0.28, -0.07, 0.031, 0.19])
@pytest.mark.parametrize(
    ("name", "level_db"), [("tone", -10.0), ("tone", -5.0), ("tone", 0.0), ("tone", 6.0), ("interferer", 0.0)]
)
def test_every_burst_is_found(name: str, level_db: float, frequency: float) -> None:
    u, samples = disturbed(name, level_db, frequency)
    received = BurstReceiver(u).push(samples)
    assert [burst.header.frame for burst in received] == list(range(BURSTS))
    assert all(abs(burst.cfo_hz - 4800) < 300 for burst in received)


@pytest.mark.parametrize(("numerology", "antennas"), [("ofdm256", 1), ("ofdm64", 2), ("ofdm64-robust", 1)])
def test_every_burst_is_found_with(numerology: str, antennas: int) -> None:
    u, samples = disturbed("tone", 0.0, 0.2, numerology, antennas)
    received = BurstReceiver(u, rx_antennas=antennas).push(samples)
    assert [burst.header.frame for burst in received] == list(range(BURSTS))


@pytest.mark.parametrize("piece", [7, 1000])
@pytest.mark.parametrize("name", ["tone", "interferer"])
def test_the_cut_does_not_matter(name: str, piece: int) -> None:
    u, samples = disturbed(name, 0.0, 0.19)
    whole = BurstReceiver(u).push(samples)
    receiver = BurstReceiver(u)
    pieces = [b for at in range(0, samples.shape[1], piece) for b in receiver.push(samples[:, at : at + piece])]
    assert len(whole) == len(pieces) == BURSTS
    for one, other in zip(whole, pieces, strict=True):
        assert np.array_equal(one.symbols, other.symbols)
        assert np.array_equal(one.noise_map, other.noise_map)


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_the_scale_does_not_matter(scale: float) -> None:
    u, samples = disturbed("tone", 0.0, 0.19)
    received = BurstReceiver(u).push((samples * scale).astype(np.complex64))
    assert [burst.header.frame for burst in received] == list(range(BURSTS))


@pytest.mark.parametrize("level_db", [-4.0, 0.0, 10.0, 30.0, 50.0])
def test_a_tone_in_noise_is_no_candidate(level_db: float) -> None:
    """Without linear prediction it is one every 192 samples: slow, and in the way of what begins there."""
    random = np.random.default_rng(2)
    n = 100_000
    noise = (random.standard_normal(n) + 1j * random.standard_normal(n)) / 2**0.5
    receiver = BurstReceiver(Numerology.load("ofdm64"))
    assert not receiver.push((noise + 10 ** (level_db / 20) * tone(n, 0.11)).astype(np.complex64))
    assert receiver.candidates < 30


def test_predictor_of_a_first_order_process() -> None:
    """Closed form: r(k) = a^k is whitened by 1 - a z^-1, which leaves 1 - |a|^2 of its power."""
    a = 0.6 * np.exp(0.7j)
    taps, gain = prediction.predictor.py_func(a ** np.arange(prediction.ORDER + 1))
    np.testing.assert_allclose(taps, [1, -a, 0, 0, 0], atol=2e-3)
    assert gain == pytest.approx(1 / (1 - 0.36), rel=2e-3)


def test_sums_of_cells_give_what_the_filter_gives() -> None:
    random = np.random.default_rng(4)
    x = random.standard_normal((2, 600)).astype(np.float32) + 3 * tone(600, 0.2).real
    x = (x + 1j * random.standard_normal((2, 600))).astype(np.complex64)
    lags = np.zeros(3 * prediction.ORDER + 2, np.complex128)
    for start in range(16, 512, 16):
        row = np.zeros(len(lags), np.complex64)
        prediction.cell_lags(x, start, row)
        lags += row
    taps, _ = prediction.predictor.py_func(lags[: prediction.ORDER + 1])
    product, energy = prediction.behind(lags, taps)
    y = prediction.filtered(x, 0, 600, taps)[:, 16:]
    assert energy == pytest.approx(np.sum(np.abs(y[:, :496]) ** 2), rel=0.05)
    assert product == pytest.approx(np.sum(y[:, 16:512] * y[:, :496].conj()), abs=0.05 * energy)


def test_noise_is_left_alone() -> None:
    random = np.random.default_rng(6)
    buffer = SampleBuffer(1, 600)
    buffer.append((random.standard_normal((1, 600)) + 1j * random.standard_normal((1, 600))).astype(np.complex64), 0)
    assert Whitening.of(buffer, 0, 600) is None


def test_a_tone_in_the_long_training_does_not_contradict_the_header() -> None:
    random = np.random.default_rng(7)
    response = random.standard_normal((1, 1, 52)) + 1j * random.standard_normal((1, 1, 52))
    observed = np.repeat(response, 14, axis=1)
    observed[:, :2, 20:22] += 20
    observed[:, 2:, 20:22] += 20 * np.exp(2j * np.pi * random.random((12, 1)))
    assert header_agreement(observed.astype(np.complex64), 12)[0] == pytest.approx(1, abs=0.1)
    stranger = random.standard_normal((1, 12, 52)) + 1j * random.standard_normal((1, 12, 52))
    observed[:, 2:] = stranger
    assert header_agreement(observed.astype(np.complex64), 12)[0] < 0.5
