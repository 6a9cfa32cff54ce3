"""Laws that every stream channel keeps: cut independence, time base, noise, clock, bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gvc import registry
from gvc.errors import InputError

FS, FC = 1e6, 2.4e9
EVERY = ["awgn", "rayleigh-block", "tdl-a", "tdl-c", "tdl-d", "blockage", "impaired"]
TURNS = [{"kind": "phase-noise", "linewidth_hz": 50}, {"kind": "frequency-steps", "step_hz": 300, "period_s": 1e-3}]
OWN = {
    "rayleigh-block": {"block_samples": 3000},
    "blockage": {"blocked_share": 0.5, "blocked_s": 2e-3},
    "impaired": {"path": "tdl-a", "impairments": TURNS},
}


def make(name, **parameters):
    both_ends = {"sample_rate_hz": FS, "center_frequency_hz": FC}
    return registry.create("channel", name, **{**both_ends, **OWN.get(name, {}), **parameters})


def tone(n, cycles=0.05):
    return np.exp(2j * np.pi * cycles * np.arange(n)).astype(np.complex64)


def white(n, seed=0, occupied=0.8):
    """Random signal of unit power that fills the middle `occupied` of the band, as OFDM does."""
    spectrum = np.random.default_rng(seed).standard_normal((n, 2)).view(np.complex128)[:, 0]
    spectrum[np.abs(np.fft.fftfreq(n)) > occupied / 2] = 0
    signal = np.fft.ifft(spectrum)
    return (signal / np.sqrt(np.mean(np.abs(signal) ** 2))).astype(np.complex64)


def run(channel, signal, cuts):
    pieces = np.split(signal, np.sort(np.asarray(cuts, int)))
    return np.concatenate([*(channel.process(piece) for piece in pieces), channel.flush()], axis=1)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize(
    "parameters",
    [
        {"snr_db": 10.0},
        {"snr_db": 10.0, "cfo_hz": 40e3, "delay_samples": 100.5},
        {"snr_db": 10.0, "cfo_hz": -9e3, "sro_ppm": -120.0, "delay_samples": 3.0, "rx_antennas": 2},
    ],
)
def test_output_does_not_depend_on_the_cut(name, parameters):
    signal = white(20_000)
    whole = run(make(name, **parameters), signal, [])
    rng = np.random.default_rng(5)
    for cuts in (range(0, 20_000, 777), range(4096, 20_000, 4096), rng.integers(0, 20_000, 40), [1, 2, 3, 3, 3, 10]):
        cut = run(make(name, **parameters), signal, list(cuts))
        assert cut.shape == whole.shape
        assert np.abs(cut - whole).max() < 1e-6 * 4  # amplitudes reach 4


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 3000), max_size=12), delay=st.floats(0, 40), ppm=st.floats(-500, 500))
def test_any_cut_any_delay_any_offset(cuts, delay, ppm):
    signal = white(3000)
    settings_ = {"snr_db": 20.0, "delay_samples": delay, "sro_ppm": ppm}
    difference = run(make("awgn", **settings_), signal, cuts) - run(make("awgn", **settings_), signal, [])
    assert np.abs(difference).max() < 4e-6


@pytest.mark.parametrize("delay", [0.0, 7.0, 0.5, 2000.25])
@pytest.mark.parametrize("ppm", [0.0, 20.0, -20.0, 300.0])
def test_tone_comes_out_at_the_receivers_instants(delay, ppm):
    """A tone has a closed form at every instant; the error is that of interpolation and resampling."""
    for cycles in (0.02, -0.2, 0.40):
        out = run(make("awgn", sro_ppm=ppm, delay_samples=delay), tone(30_000, cycles), range(0, 30_000, 4096))[0]
        n = np.arange(int(delay) + 40, 29_000)
        expected = np.exp(2j * np.pi * cycles * (n * (1 + 1e-6 * ppm) - delay))
        error_db = 10 * np.log10(np.mean(np.abs(out[n] - expected) ** 2) + 1e-16)
        assert error_db < -60, (cycles, error_db)


@pytest.mark.parametrize("name", EVERY)
def test_everything_sent_comes_out(name):
    signal = np.zeros(5000, np.complex64)
    signal[4900:] = 1
    channel = make(name, delay_samples=50.5)
    held_back = 5000 - channel.process(signal).shape[1]
    assert 0 <= held_back <= 14
    tail = channel.flush()
    assert tail.shape[1] >= 50 + held_back
    assert np.abs(tail[0, held_back + 20]) > 0.1 * np.abs(tail[0]).max()
    assert np.abs(tail[0, -1]) < 1e-3 * np.abs(tail[0]).max()


def test_cfo_rotates_from_the_first_sample_without_drift():
    channel = make("awgn", cfo_hz=12_345.678, sro_ppm=0.0)
    out = run(channel, np.ones(100_000, np.complex64), range(0, 100_000, 999))[0]
    expected = np.exp(2j * np.pi * 12_345.678 / FS * np.arange(100_000))
    assert np.abs(out - expected).max() < 1e-5


def test_one_oscillator_by_default():
    assert make("awgn", cfo_hz=24e3).sro_ppm == pytest.approx(10.0)
    assert make("awgn", cfo_hz=24e3, sro_ppm=0.0).sro_ppm == 0
    # A slow receiver clock: fewer samples come out than went in.
    out = run(make("awgn", cfo_hz=240e3), np.zeros(50_000, np.complex64), [])
    assert out.shape[1] == pytest.approx(50_000 - 5 + 12, abs=1)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("snr_db", [-5.0, 12.0, 30.0])
def test_noise_is_as_stated_before_and_after_a_burst(name, snr_db):
    """The variance per sample follows from SNR and occupied fraction, within 0.2 dB, also where nothing is sent."""
    channel = make(name, snr_db=snr_db, delay_samples=9.25, rx_antennas=2, occupied_fraction=0.75)
    expected = 10 ** (-snr_db / 10) / 0.75
    assert channel.noise_variance == pytest.approx(expected)
    out = run(channel, np.zeros(60_000, np.complex64), range(0, 60_000, 5000))
    power = np.mean(np.abs(out) ** 2, axis=1)
    assert np.all(np.abs(10 * np.log10(power / expected)) < 0.1)
    assert np.abs(np.mean(out**2)) < 0.02 * expected  # circular
    assert np.abs(np.mean(out[0] * out[1].conj())) < 0.02 * expected  # independent between antennas
    assert np.abs(np.mean(out[0, 1:] * out[0, :-1].conj())) < 0.02 * expected  # white


def test_snr_on_a_resource_element():
    """Es/N0 of an occupied carrier after the receiver's FFT equals the stated SNR."""
    rng = np.random.default_rng(2)
    symbols, carriers = 3000, np.r_[-26:0, 1:27]
    grid = np.zeros((symbols, 64), complex)
    sent = np.exp(2j * np.pi * rng.random((symbols, 52)))
    grid[:, carriers] = sent
    time = np.fft.ifft(grid, axis=1) * 64 / np.sqrt(52)  # unit mean power
    out = make("awgn", snr_db=10.0).process(time.ravel().astype(np.complex64))[0].reshape(symbols, 64)
    received = np.fft.fft(out, axis=1)[:, carriers] / 64 * np.sqrt(52)
    snr_db = -10 * np.log10(np.mean(np.abs(received - sent) ** 2))
    assert abs(snr_db - 10.0) < 0.1


@pytest.mark.parametrize("name", EVERY)
def test_seeds(name):
    signal = white(2000)
    first, again, other = (run(make(name, snr_db=0.0, seed=s), signal, []) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("delay", [0.0, 0.5])
def test_nan_and_inf_pass_on_and_stay_local(name, delay):
    signal = white(4000)
    signal[1000], signal[2000] = np.nan, np.inf
    out = run(make(name, snr_db=20.0, delay_samples=delay), signal, [1500])
    bad = np.flatnonzero(~np.isfinite(out[0]))
    assert len(bad)
    assert np.all((np.abs(bad - 1000) < 60) | (np.abs(bad - 2000) < 60))


@pytest.mark.parametrize("name", EVERY)
def test_empty_input(name):
    channel = make(name, snr_db=10.0, delay_samples=0.5, rx_antennas=3)
    assert channel.process(np.zeros(0, np.complex64)).shape == (3, 0)
    assert channel.flush().shape[0] == 3


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("parameters", [{}, {"cfo_hz": 30e3, "delay_samples": 6.3}, {"sro_ppm": 100.0}])
def test_genie_taps_reproduce_the_output(name, parameters):
    channel = make(name, rx_antennas=2, **parameters)
    signal = white(8000)
    out = run(channel, signal, [])
    samples = np.array([100, 1023, 1024, 5000, 2999, 3000])
    taps, lags = channel.genie_taps(samples)
    for i, n in enumerate(samples):
        inputs = signal[n - lags[i] - np.arange(taps.shape[2])]
        expected = (taps[:, i] @ inputs) * np.exp(2j * np.pi * channel.cfo_hz / FS * n)
        assert np.allclose(out[:, n], expected, atol=3e-5)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"snr_db": 61}, ["snr_db", "-30", "60"]),
        ({"snr_db": float("nan")}, ["snr_db"]),
        ({"snr_db": "ten"}, ["snr_db", "'ten'"]),
        ({"delay_samples": -1}, ["delay_samples", "0 to"]),
        ({"rx_antennas": 1.5}, ["rx_antennas", "whole"]),
        ({"rx_antennas": 0}, ["rx_antennas", "1 to 16"]),
        ({"sro_ppm": 1e4}, ["sro_ppm", "500"]),
        ({"occupied_fraction": 0}, ["occupied_fraction"]),
        ({"cfo_hz": 6e5}, ["cfo_hz", "-500000 to 500000"]),
        ({"cfo_hz": 6e5, "sample_rate_hz": 1e7, "center_frequency_hz": 1e9}, ["cfo_hz", "600 ppm", "set sro_ppm"]),
        ({"snr": 10}, ["'snr'", "did you mean 'snr_db'"]),
        ({"block_samples": 100}, ["block_samples", "awgn"]),
    ],
)
def test_bad_parameters_are_named(parameters, words):
    with pytest.raises(InputError) as caught:
        make("awgn", **parameters)
    assert caught.value.exit_code == 2
    for word in words:
        assert word in str(caught.value)


def test_unset_parameters_of_other_channels_pass():
    make("awgn", speed_mps=None, delay_spread_s=None, block_samples=None)


def test_shape_is_checked():
    with pytest.raises(InputError, match="one-dimensional"):
        make("awgn").process(np.zeros((2, 5), np.complex64))
