import dataclasses

import numpy as np
import pytest

from gvc import registry
from gvc.errors import InputError
from gvc.phy import BurstReceiver, BurstTransmitter, Numerology
from gvc.phy.peak_limiter import PeakLimiter
from gvc.phy.receiver.genie import ChannelGenie
from tests.phy.conftest import gaussian_frames, impair


@pytest.mark.parametrize("name", ["ofdm64", "ofdm256"])
@pytest.mark.parametrize("snr_db", [5.0, 10.0, 20.0])
def test_awgn_error_is_that_of_the_noise(link, name: str, snr_db: float) -> None:
    """Closed form: noise 10^(-snr/10) and clipping; the estimates may add 0.6 dB."""
    outcome = link(name, frames=4, size=(256, 256), snr_db=snr_db)
    u = outcome.receiver.numerology
    clip = PeakLimiter(u.clip_backoff_db).distortion * u.occupied_fraction
    closed_form = 10 * np.log10(10 ** (-snr_db / 10) + clip)
    assert outcome.counters.bursts_received == outcome.bursts_sent
    assert closed_form - 0.15 < outcome.error_db() < closed_form + 0.6
    assert np.mean([f.snr_db for f in outcome.received]) == pytest.approx(snr_db, abs=0.3)
    assert np.mean([f.evm_db for f in outcome.received]) == pytest.approx(-snr_db, abs=1.0)


def test_noiseless_wire_leaves_only_clipping(link) -> None:
    outcome = link(frames=2, size=(128, 128))
    assert outcome.error_db() < -35
    assert [f.frame_id for f in outcome.received] == [0, 1]
    assert outcome.received[-1].last and not outcome.received[0].last
    assert [f.mode for f in outcome.received] == [0, 1]


def test_result_does_not_depend_on_the_cut() -> None:
    u = Numerology.load("ofdm64")
    transmitter = BurstTransmitter(u)
    bursts = [b for f in gaussian_frames(5, 64, 64, 32) for b in transmitter.bursts(f)]
    samples = impair(np.concatenate([*bursts, transmitter.flush_samples()]), u, snr_db=8, cfo_hz=21e3)
    whole = BurstReceiver(u).push(samples)
    assert len(whole) == 5
    random = np.random.default_rng(3)
    for largest in (7, 100, 5000):
        receiver, pieces, at = BurstReceiver(u), [], 0
        while at < samples.shape[1]:
            step = int(random.integers(0, largest)) if largest > 7 else 7
            pieces += receiver.push(samples[:, at : at + step])
            at += step
        assert [b.header for b in pieces] == [b.header for b in whole]
        for piece, reference in zip(pieces, whole, strict=True):
            assert np.array_equal(piece.symbols, reference.symbols)
            assert np.array_equal(piece.noise_map, reference.noise_map)


@pytest.mark.parametrize("carriers", [-4.0, -3.5, -2.0, -0.5, 1.49, 2.51, 4.0])
@pytest.mark.parametrize("name", ["ofdm64", "ofdm256"])
def test_carrier_offset_of_up_to_four_carriers(link, name: str, carriers: float) -> None:
    cfo_hz = carriers * Numerology.load(name).carrier_spacing_hz
    outcome = link(name, frames=3, snr_db=10, cfo_hz=cfo_hz)
    assert outcome.counters.bursts_received == 3
    assert outcome.received[0].bursts[0].cfo_hz == pytest.approx(cfo_hz, abs=30 if name == "ofdm64" else 60)
    assert outcome.error_db() < -9


@pytest.mark.parametrize("sro_ppm", [-20.0, 20.0])
@pytest.mark.parametrize("one_oscillator", [True, False])
def test_sampling_offset(link, sro_ppm: float, one_oscillator: bool) -> None:
    cfo_hz = sro_ppm * 1e-6 * 2.4e9 if one_oscillator else 3000.0
    outcome = link(
        frames=3,
        size=(256, 256),
        snr_db=20,
        sro_ppm=sro_ppm,
        cfo_hz=cfo_hz,
        receiver={"one_oscillator": one_oscillator},
    )
    assert outcome.counters.bursts_received == 3
    assert outcome.error_db() < -19.2


@pytest.mark.parametrize("before", [0, 1, 15, 16, 333])
def test_timing_is_found_wherever_the_burst_starts(link, before: int) -> None:
    outcome = link(frames=1, snr_db=15, before=before)
    assert outcome.received[0].bursts[0].start_sample == pytest.approx(before, abs=2)


def test_delay_spread_of_half_the_prefix(link) -> None:
    taps = np.zeros((1, 9), complex)
    taps[0, [0, 3, 8]] = [0.7, 0.5j, 0.5]
    outcome = link(frames=5, size=(128, 128), snr_db=15, taps=taps)
    error, noise = outcome.errors()
    assert outcome.counters.bursts_received == 5
    assert np.mean(error / noise) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("equaliser", ["zf", "mmse"])
def test_two_antennas_gain_three_db(link, equaliser: str) -> None:
    one = link(frames=5, size=(128, 128), snr_db=10)
    two = link(frames=5, size=(128, 128), snr_db=10, rx_antennas=2, receiver={"equaliser": equaliser})
    assert one.error_db() - two.error_db() == pytest.approx(3, abs=0.25)


def test_combining_trusts_the_better_antenna(link) -> None:
    """MRC adds the antennas' SNRs; with gains 1 and 0.5 that is 0.97 dB over the better one."""
    taps = np.array([[1.0], [0.5j]])
    outcome = link(frames=5, size=(128, 128), snr_db=10, taps=taps)
    assert outcome.error_db() == pytest.approx(-10.97, abs=0.5)


@pytest.mark.parametrize("estimator", ["ls", "dft-smoothed", "lmmse-exponential"])
def test_estimators(link, estimator: str) -> None:
    outcome = link(frames=5, size=(128, 128), snr_db=10, receiver={"channel_estimator": estimator})
    error, noise = outcome.errors()
    assert np.mean(error / noise) == pytest.approx(1, abs=0.1)


def test_samples_that_are_not_finite_count_as_zero(link) -> None:
    u = Numerology.load("ofdm64")
    transmitter = BurstTransmitter(u)
    bursts = [b for f in gaussian_frames(3, 64, 64, 32) for b in transmitter.bursts(f)]
    samples = impair(np.concatenate([*bursts, transmitter.flush_samples()]), u, snr_db=20)
    samples[0, 100:110] = np.nan
    samples[0, 120] = complex(np.inf, 0)
    samples[0, 130] = 1e30
    samples[0, 2500] = complex(0, -np.inf)
    receiver = BurstReceiver(u)
    bursts = receiver.push(samples)
    assert len(bursts) == 3
    assert receiver.bad_samples == 13
    assert all(np.all(np.isfinite(b.symbols)) and np.all(np.isfinite(b.noise_map)) for b in bursts)
    assert BurstReceiver(u).push(np.full(20000, np.nan, np.complex64)) == []


@pytest.mark.parametrize("name", ["ofdm64", "ofdm256"])
@pytest.mark.parametrize("equaliser", ["mmse", "zf"])
def test_the_scale_of_the_samples_does_not_matter(name: str, equaliser: str) -> None:
    u = Numerology.load(name)
    transmitter = BurstTransmitter(u)
    bursts = [b for f in gaussian_frames(3, 64, 64, 32) for b in transmitter.bursts(f)]
    stream = np.concatenate([*bursts, transmitter.flush_samples()])
    samples = impair(stream, u, snr_db=3, cfo_hz=2e3, rx_antennas=2, taps=np.array([[1, 0.5j], [0.7, 0]]))
    options = {"rx_antennas": 2, "equaliser": equaliser, "keep_raw": True}
    expected = BurstReceiver(u, **options).push(samples)
    assert len(expected) == 3
    for scale in np.float32([1e-9, 1e-7, 1e-5, 1e5, 1e9, 1e12]):
        receiver = BurstReceiver(u, **options)
        found = receiver.push(samples * scale)
        assert [b.header for b in found] == [b.header for b in expected]
        assert receiver.bad_samples == 0
        for ours, theirs in zip(found, expected, strict=True):
            assert ours.snr_db == pytest.approx(theirs.snr_db, abs=1e-4)
            assert ours.evm_db == pytest.approx(theirs.evm_db, abs=1e-4)
            np.testing.assert_allclose(ours.noise_map, theirs.noise_map, rtol=1e-4)
            np.testing.assert_allclose(ours.symbols, theirs.symbols, atol=1e-3)
            np.testing.assert_allclose(ours.channel / scale, theirs.channel, atol=1e-4)
            np.testing.assert_allclose(ours.raw / scale, theirs.raw, atol=1e-3)
            np.testing.assert_allclose(ours.noise_variance / scale / scale, theirs.noise_variance, rtol=1e-4)
    receiver = BurstReceiver(u, **options)
    assert receiver.push(samples * np.float32(1e20)) == []
    assert receiver.bad_samples > 0.9 * len(stream)


@dataclasses.dataclass
class Louder:
    """A genie of a stream that is `scale` times that of `genie`."""

    genie: ChannelGenie
    scale: float

    @property
    def noise_variance(self) -> float:
        return self.genie.noise_variance * self.scale**2

    def response(self, starts: np.ndarray, step: float, origin: int) -> np.ndarray:
        return self.genie.response(starts, step, origin) * np.float32(self.scale)


def test_perfect_channel_state_is_that_of_the_stream_at_any_scale() -> None:
    u = Numerology.load("ofdm64")
    transmitter = BurstTransmitter(u)
    [burst] = transmitter.bursts(gaussian_frames(1, 256, 256, 32)[0])
    stream = np.concatenate([np.zeros(400, np.complex64), burst, transmitter.flush_samples()])
    rates = {"sample_rate_hz": u.sample_rate_hz, "center_frequency_hz": 2.4e9}
    air = registry.create("channel", "awgn", **rates, occupied_fraction=u.occupied_fraction, snr_db=10.0, seed=1)
    samples = np.concatenate([air.process(stream), air.flush()], axis=1)
    genie = ChannelGenie(u, air, [(400, 86)])
    expected = BurstReceiver(u, genie=genie).push(samples)
    assert [b.evm_db for b in expected] == [pytest.approx(-10, abs=1)]
    for scale in (1e-9, 1e9):
        [found] = BurstReceiver(u, genie=Louder(genie, scale)).push(samples * np.float32(scale))
        np.testing.assert_allclose(found.noise_map, expected[0].noise_map, rtol=1e-4)
        np.testing.assert_allclose(found.symbols, expected[0].symbols, atol=1e-3)


def test_the_last_burst_comes_out_without_more_samples_than_flush_gives(link) -> None:
    for frames in (1, 2):
        assert link(frames=frames, size=(16, 16), snr_db=10).counters.frames_complete == frames


def test_noise_alone_gives_nothing() -> None:
    random = np.random.default_rng(0)
    receiver = BurstReceiver(Numerology.load("ofdm64"))
    for _ in range(20):
        assert receiver.push(random.standard_normal(100_000, np.float32).view(np.complex64)) == []


@pytest.mark.parametrize("kind", ["zeros", "tone", "constant"])
def test_other_signals_give_nothing_and_do_not_hang(kind: str) -> None:
    n = np.arange(50_000)
    signal = {"zeros": 0 * n, "tone": np.exp(2j * np.pi * n / 16), "constant": 1 + 0 * n}[kind]
    assert BurstReceiver(Numerology.load("ofdm64")).push(signal.astype(np.complex64)) == []


def test_wrong_number_of_antennas() -> None:
    receiver = BurstReceiver(Numerology.load("ofdm64"), rx_antennas=2)
    with pytest.raises(InputError, match="2 antennas"):
        receiver.push(np.zeros(10, np.complex64))
    with pytest.raises(InputError, match="at least 1"):
        BurstReceiver(Numerology.load("ofdm64"), rx_antennas=0)


def test_a_burst_after_a_lost_header_is_received(link, short_bursts) -> None:
    """Garbage over one header costs that burst alone."""
    outcome = link(short_bursts, frames=2, size=(64, 64), snr_db=20, drop=lambda burst: burst == 1)
    assert outcome.counters.bursts_received == outcome.bursts_sent - 1


@dataclasses.dataclass
class HalfGain:
    """An equaliser from outside: known by its path alone."""

    def equalise(self, received, response, noise):
        return 0.5 * received[0] / response[0], 0.25 * noise[0] / np.abs(response[0]) ** 2


def test_a_strategy_from_outside(link) -> None:
    outcome = link(frames=1, receiver={"equaliser": "tests.phy.test_receiver:HalfGain"})
    ratio = outcome.received[0].symbols / outcome.sent[0].symbols
    assert np.median(np.abs(ratio)) == pytest.approx(0.5, abs=0.01)


def test_unknown_strategy_names_the_nearest() -> None:
    with pytest.raises(InputError, match="dft-smoothed"):
        BurstReceiver(Numerology.load("ofdm64"), channel_estimator="dft-smooth")
