"""The noise map of disturbed bursts tells the truth, and what one burst loses costs no other."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from benchmarks.phy_disturbed import DISTURBANCES, measured
from gvc.noise_map import NU_MAX
from gvc.phy import BurstReceiver, BurstTransmitter, Numerology, ReceivedBurst
from gvc.phy.layout import burst_layout, fragment_symbols
from gvc.phy.payload import create_payload
from gvc.phy.receiver.channel_estimator import Smoothing
from tests.phy.conftest import gaussian_frames, impair

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

U = Numerology.load("ofdm64")
BY_NAME = {disturbance.name: disturbance for disturbance in DISTURBANCES}
LEAD = 500
"""Samples before the first burst, as `impair` puts them."""
SIZES = {1: (16, 16), 2: (32, 48), 5: (48, 80), 86: (256, 256)}
"""Pictures by the payload symbols of their burst."""


@dataclasses.dataclass
class Sent:
    """Bursts back to back; rows: what each sent, complex [M, D]; starts: first sample of each, with LEAD."""

    numerology: Numerology
    samples: np.ndarray
    rows: list[np.ndarray]
    starts: list[int]

    def payload(self, symbol: int, burst: int = 0) -> int:
        """First sample of a payload symbol's cyclic prefix."""
        u = self.numerology
        row = burst_layout(u, len(self.rows[burst])).payload_rows[symbol]
        return self.starts[burst] + u.preamble_samples + int(row) * u.symbol_samples


def sent(u: Numerology = U, symbols: int = 86, frames: int = 1, seed: int = 0) -> Sent:
    transmitter = BurstTransmitter(u)
    samples: list[np.ndarray] = []
    rows: list[np.ndarray] = []
    starts: list[int] = []
    for frame in gaussian_frames(frames, *SIZES[symbols], 32, seed):
        fragments = fragment_symbols(u, len(frame.symbols))
        grid = create_payload(0, u.scramble_seed).spread(frame.symbols, sum(fragments) * u.data_carriers)
        rows += np.split(grid.reshape(-1, u.data_carriers), np.cumsum(fragments)[:-1])
        for burst in transmitter.bursts(frame):
            starts.append(LEAD + sum(len(burst) for burst in samples))
            samples.append(burst)
    return Sent(u, np.concatenate([*samples, transmitter.flush_samples()]), rows, starts)


def pulse(samples: np.ndarray, at: int, count: int, level_db: float = 10.0, seed: int = 0) -> np.ndarray:
    """The samples [rx, n] with Gaussian noise from `at` on; 0 dB is the power of a burst of `impair`."""
    random = np.random.default_rng(seed)
    noise = random.standard_normal((2, len(samples), count)) * 10 ** (level_db / 20) / 2**0.5
    out = samples.copy()
    out[:, at : at + count] += noise[0] + 1j * noise[1]
    return out


def slip(samples: np.ndarray, at: int, count: int) -> np.ndarray:
    """The samples [rx, n] with `count` doubled in front of `at`, or, below 0, missing from `at` on."""
    if count < 0:
        return np.delete(samples, np.arange(at, at - count), axis=1)
    return np.insert(samples, [at] * count, samples[:, at - count : at], axis=1)


def receive(samples: np.ndarray, u: Numerology = U, chunk: int = 10_000, **options: Any) -> list[ReceivedBurst]:
    receiver = BurstReceiver(u, rx_antennas=len(samples), **options)
    starts = range(0, samples.shape[1], chunk)
    return [burst for start in starts for burst in receiver.push(samples[:, start : start + chunk])]


def over_claim_db(error: np.ndarray, claim: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(error) / np.mean(claim)))


def calibration_db(bursts: list[ReceivedBurst], rows: list[np.ndarray], start: int = 0) -> float:
    """Mean error over mean claim of what is not erased, from payload symbol `start` on."""
    claim = np.concatenate([burst.noise_map[start:] for burst in bursts])
    error = np.concatenate([np.abs(burst.symbols - row)[start:] ** 2 for burst, row in zip(bursts, rows, strict=True)])
    known = claim < NU_MAX
    return over_claim_db(error[known], claim[known])


class Boxcar:
    """A channel estimator from outside, with nothing but what the protocol asks: the mean of three carriers."""

    def __init__(self, numerology: Numerology):
        k = len(numerology.carriers)
        matrix = np.eye(k) + np.eye(k, k=1) + np.eye(k, k=-1)
        matrix = (matrix / matrix.sum(axis=0)).astype(np.complex64)
        gain = np.sum(np.abs(matrix) ** 2, axis=0).astype(np.float32)
        self._smoothing = Smoothing(matrix, gain, np.full(k, 1e-4, np.float32), np.diag(matrix).real.copy())

    def smoothing(self, snr_db: float) -> Smoothing:
        return self._smoothing

    def preamble_smoothing(self, snr_db: float) -> Smoothing:
        return self._smoothing


CHANNELS = ["awgn", "tdl-c-900ns"]


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(
    "name", ["pulses 10 dB 400 samples", "pulses -5 dB 100 samples", "tone -10 dB", "interferer -10 dB"]
)
def test_hit_and_unhit_elements_have_each_the_noise_claimed(name: str, channel: str) -> None:
    row = measured(U, BY_NAME[name], channel, 15.0, 6)
    assert row["bursts_received"] >= row["bursts_sent"] - 2  # a tone may cost the preamble
    assert abs(row["hit_db"]) < 1.5 and abs(row["unhit_db"]) < 0.5
    assert abs(row["worst_decile_db"]) < 3
    assert row["erased_unhit"] < 0.01 and row["erased_hit"] < 0.4


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(
    "name", ["bits 1", "bits 4", "clipping 3 dB", "iq 1 dB 5 degrees", "phase noise 100 Hz", "drift 10 kHz/s"]
)
def test_what_hits_everything_is_claimed_within_a_decibel(name: str, channel: str) -> None:
    row = measured(U, BY_NAME[name], channel, 15.0, 5)
    assert row["bursts_received"] >= row["bursts_sent"] - 1
    assert abs(row["all_db"]) < 1
    assert abs(row["worst_decile_db"]) < 3
    assert row["erased_all"] < 0.05


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(
    "name", [*(f"{what} {n}" for what in ("missing", "doubled") for n in (1, 10, 300)), "step 100 Hz", "step 1000 Hz"]
)
def test_the_rest_of_the_burst_is_found_again_behind_a_sudden_change(name: str, channel: str) -> None:
    row = measured(U, BY_NAME[name], channel, 15.0, 6)
    assert row["bursts_received"] == row["bursts_sent"]
    assert abs(row["hit_db"]) < 1.5 and abs(row["unhit_db"]) < 0.5
    assert abs(row["worst_decile_db"]) < 3
    assert row["erased_unhit"] < 0.05 and row["erased_hit"] < 0.25


@pytest.mark.parametrize("name", ["pulses 10 dB 400 samples", "missing 10", "tone -10 dB"])
def test_two_antennas(name: str) -> None:
    row = measured(U, BY_NAME[name], "tdl-c-900ns", 15.0, 10, rx_antennas=2)
    assert row["bursts_received"] >= row["bursts_sent"] - 1
    assert abs(row["hit_db"]) < 1.5 and abs(row["unhit_db"]) < 0.5
    assert abs(row["worst_decile_db"]) < 3


@pytest.mark.parametrize("name", ["pulses 10 dB 400 samples", "missing 10", "interferer -10 dB"])
def test_wide_numerology(name: str) -> None:
    row = measured(Numerology.load("ofdm256"), BY_NAME[name], "awgn", 15.0, 5)
    assert row["bursts_received"] == row["bursts_sent"]
    assert abs(row["hit_db"]) < 1.5 and abs(row["unhit_db"]) < 0.5
    assert abs(row["worst_decile_db"]) < 3


@pytest.mark.parametrize("count", [-300, -10, -1, 1, 10, 300])
def test_a_slip_is_measured_and_the_next_burst_close_behind_is_found(count: int) -> None:
    stream = sent(frames=3)
    samples = slip(impair(stream.samples, U, snr_db=20), stream.payload(40), count)
    bursts = receive(samples)
    assert [burst.header.sequence for burst in bursts] == [0, 1, 2]
    assert [burst.disturbed for burst in bursts] == [True, False, False]
    assert [burst.slip_samples for burst in bursts] == [count, 0, 0]
    expected = np.array(stream.starts) + [0, count, count]
    assert [burst.start_sample for burst in bursts] == pytest.approx(expected, abs=1)
    behind = bursts[0].noise_map[40 + 6 :]
    assert np.mean(behind < NU_MAX) > 0.9
    assert abs(calibration_db(bursts[:1], stream.rows[:1])) < 0.5
    assert np.median(behind) < 2 * np.median(bursts[1].noise_map)


def test_what_is_disturbed_does_not_depend_on_how_the_stream_is_cut() -> None:
    stream = sent(frames=3)
    samples = impair(stream.samples, U, snr_db=15, cfo_hz=2e3)
    samples = slip(pulse(samples, stream.payload(30, 1), 300), stream.payload(60), -50)
    whole = receive(samples, chunk=samples.shape[1])
    assert [burst.disturbed for burst in whole] == [True, True, False]
    for chunk in (997, 8192):
        for burst, other in zip(whole, receive(samples, chunk=chunk), strict=True):
            assert np.array_equal(burst.symbols, other.symbols) and np.array_equal(burst.noise_map, other.noise_map)
            assert (burst.disturbed, burst.slip_samples) == (other.disturbed, other.slip_samples)


@pytest.mark.parametrize("estimator", ["ls", f"{__name__}:Boxcar", "lmmse-exponential", "learned"])
def test_any_channel_estimator_will_do(estimator: str) -> None:
    stream = sent(frames=2)
    samples = impair(stream.samples, U, snr_db=15)
    tone = 0.3 * np.exp(2j * np.pi * 12.4 / U.fft_size * np.arange(samples.shape[1]))
    samples = pulse(samples, stream.payload(20), 400)
    samples[:, stream.starts[1] - 40 :] += tone[stream.starts[1] - 40 :]
    samples = slip(samples, stream.payload(60), -20)
    bursts = receive(samples.astype(np.complex64), channel_estimator=estimator)
    assert [burst.disturbed for burst in bursts] == [True, True]
    assert bursts[0].slip_samples == -20
    assert abs(calibration_db(bursts[:1], stream.rows[:1])) < 1
    assert abs(calibration_db(bursts[1:], stream.rows[1:])) < 1


@pytest.mark.parametrize("dead", [0, 1])
@pytest.mark.parametrize("noise", [False, True])
def test_a_dead_antenna(dead: int, noise: bool) -> None:
    """It hears nothing at all, or nothing but noise."""
    stream = sent()
    taps = np.array([[1.0], [1.0]])
    taps[dead] = 0
    samples = impair(stream.samples, U, snr_db=15, taps=taps, rx_antennas=2)
    samples[dead] *= noise
    samples = pulse(samples, stream.payload(20), 400)
    samples[dead] *= noise
    (burst,) = receive(slip(samples, stream.payload(60), -20))
    assert burst.disturbed and burst.slip_samples == -20
    assert np.mean(burst.noise_map < NU_MAX) > 0.9
    assert abs(calibration_db([burst], stream.rows)) < 0.7


@pytest.mark.parametrize("symbols", [1, 2, 5])
def test_short_bursts_are_claimed_truly(symbols: int) -> None:
    """A pulse on the last payload symbol, in 15 bursts."""
    bursts, rows = [], []
    for seed in range(15):
        stream = sent(symbols=symbols, seed=seed)
        samples = impair(stream.samples, U, snr_db=15, seed=seed)
        found = receive(pulse(samples, stream.payload(symbols - 1), U.symbol_samples, 5.0, seed))
        bursts += found
        rows += stream.rows * len(found)
    assert len(bursts) == 15
    assert abs(calibration_db(bursts, rows)) < 1


@pytest.mark.parametrize("symbols", [1, 2, 5])
@pytest.mark.parametrize("count", [-30, -1, 1, 30])
def test_short_bursts_with_a_slip_are_erased_or_true(symbols: int, count: int) -> None:
    """Where no symbol is left the burst is lost; the one behind is received in any case."""
    bursts, rows = [], []
    for seed in range(6):
        stream = sent(symbols=symbols, frames=2, seed=seed)
        samples = impair(stream.samples, U, snr_db=15, seed=seed)
        found = receive(slip(samples, stream.payload(0) + 20, count))
        assert found[-1].header.sequence == 1
        bursts += found[:-1]
        rows += stream.rows[:1] * (len(found) - 1)
    assert not bursts or abs(calibration_db(bursts, rows)) < 1.5
    assert len(bursts) == 6 * ((symbols, count) in [(2, 1), (5, -30), (5, -1), (5, 1)])


def test_scale_changes_nothing() -> None:
    stream = sent(frames=2)
    samples = impair(stream.samples, U, snr_db=15)
    samples = slip(pulse(samples, stream.payload(20), 400), stream.payload(60), -20)
    samples = pulse(samples, stream.payload(20, 1), 100, -5.0)
    for scale in (2.0**-23, 1e-7, 1e7):
        for burst, other in zip(receive(samples), receive(samples * np.float32(scale)), strict=True):
            assert (burst.disturbed, burst.slip_samples) == (other.disturbed, other.slip_samples)
            assert np.allclose(burst.symbols, other.symbols, rtol=0, atol=2e-3)
            assert np.allclose(burst.noise_map, other.noise_map, rtol=5e-3)


@pytest.mark.parametrize("level_db", [-5.0, 20.0])
def test_without_noise_a_pulse_is_the_only_noise(level_db: float) -> None:
    stream = sent()
    (burst,) = receive(pulse(impair(stream.samples, U), stream.payload(20), 60, level_db))
    assert burst.disturbed
    hit = np.zeros(86, bool)
    hit[20] = True
    calm = burst.noise_map[~hit]
    error = np.abs(burst.symbols - stream.rows[0]) ** 2
    assert np.mean(burst.noise_map[hit]) > 20 * np.mean(calm)
    assert over_claim_db(error[~hit], calm) < 2
    known = burst.noise_map[hit] < NU_MAX
    assert not known.any() or abs(over_claim_db(error[hit][known], burst.noise_map[hit][known])) < 3
