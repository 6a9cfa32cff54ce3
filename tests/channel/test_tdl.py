"""TDL channels against Sionna itself, TR 38.901 and the theory of the Doppler spectrum."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy.special import j0
from scipy.stats import kstest, rayleigh

from gvc import registry, seeds
from gvc.channel.fading import TdlFading
from gvc.channel.time_varying_filter import TimeVaryingFilter, segment_length
from gvc.errors import InputError

FC = 2.4e9
LIGHT_MPS = 299_792_458.0

# TR 38.901 V19.2 Tables 7.7.2-1 and -3, first and strongest rows: normalised delay, power in dB.
TABLE_A = {0: (0.0, -13.4), 1: (0.3819, 0.0), 2: (0.4025, -2.2), 3: (0.5868, -4.0), 22: (9.6586, -29.7)}
TABLE_C = {0: (0.0, -4.4), 1: (0.2099, -1.2), 5: (0.6366, 0.0), 23: (8.6523, -22.8)}


def make(name, fs=1e6, **parameters):
    return registry.create("channel", name, sample_rate_hz=fs, center_frequency_hz=FC, **parameters)


@pytest.mark.parametrize("profile", list("ABCDE"))
@pytest.mark.parametrize("antennas", [1, 2])
def test_equals_one_long_call_of_sionna(profile, antennas, monkeypatch):
    """Forty pieces of ours are one call of Sionna's TDL that starts from the same generator state."""
    from sionna.phy.channel.tr38901 import TDL

    rate, total = 1000.0, 2000
    generator = torch.Generator().manual_seed(seeds.integer(7, f"channel/tdl-{profile.lower()}"))
    monkeypatch.setattr(TDL, "torch_rng", generator)
    tdl = TDL(profile, 300e-9, FC, min_speed=30.0, num_rx_ant=antennas, precision="double", device="cpu")
    expected, delays = tdl(1, total, rate)
    expected = expected[0, 0, :, 0, 0].numpy().transpose(0, 2, 1)  # [rx, time, path]

    fading = TdlFading(profile, 300e-9, FC, 30.0, antennas, seed=7)
    pieces = [fading.gains(start / rate, np.arange(50) / rate) for start in range(0, total, 50)]
    assert np.abs(np.concatenate(pieces, axis=1) - expected).max() < 1e-9
    assert np.allclose(fading.path_delays_s, delays.numpy().ravel())


@pytest.mark.parametrize(("profile", "table"), [("A", TABLE_A), ("C", TABLE_C)])
def test_profile_is_the_standards(profile, table):
    fading = TdlFading(profile, 1e-6, FC, 3.0, 1, seed=0)
    strongest = fading.mean_powers.max()
    for path, (delay, power_db) in table.items():
        assert fading.path_delays_s[path] * 1e6 == pytest.approx(delay, abs=1e-4)
        assert 10 * np.log10(fading.mean_powers[path] / strongest) == pytest.approx(power_db, abs=1e-3)
    assert fading.mean_powers.sum() == pytest.approx(1.0)
    mean = np.sum(fading.mean_powers * fading.path_delays_s)
    spread = np.sqrt(np.sum(fading.mean_powers * (fading.path_delays_s - mean) ** 2))
    assert spread == pytest.approx(1e-6, rel=0.01)  # normalised to an RMS delay spread of one


def ensemble(profile, draws, speed=3.0, times=np.zeros(1)):
    return np.stack([TdlFading(profile, 3e-7, FC, speed, 8, seed).gains(0.0, times) for seed in range(draws)])


@pytest.mark.parametrize("profile", ["a", "c", "d"])
@pytest.mark.parametrize("ppm", [0.0, 40.0, -200.0])
def test_tone_has_its_closed_form(profile, ppm):
    """Every path's gain times the tone at its delay, summed: no filter, no interpolation. The whole chain at once."""
    fs, speed, delay = 1e6, 30.0, 12.7
    channel = make(f"tdl-{profile}", fs, delay_spread_s=900e-9, speed_mps=speed, sro_ppm=ppm, delay_samples=delay)
    fading = channel.fading
    for cycles in (-0.4, 0.03, 0.25):
        channel = make(f"tdl-{profile}", fs, delay_spread_s=900e-9, speed_mps=speed, sro_ppm=ppm, delay_samples=delay)
        tone = np.exp(2j * np.pi * cycles * np.arange(12_000)).astype(np.complex64)
        out = np.concatenate([channel.process(part) for part in np.split(tone, [3000, 3001, 9000])], axis=1)[0]
        n = np.arange(100, len(out), 13)
        instants = n * (1 + 1e-6 * ppm)
        gains = fading.gains(0.0, instants / fs)[0]
        shifts = instants[:, None] - delay - fading.path_delays_s * fs
        expected = np.sum(gains * np.exp(2j * np.pi * cycles * shifts), axis=1)
        error = np.mean(np.abs(out[n] - expected) ** 2) / np.mean(np.abs(expected) ** 2)
        assert 10 * np.log10(error) < -60, cycles


def test_mean_power_of_every_path():
    gains = ensemble("C", 150)[:, :, 0]  # [draw, rx, path]
    measured = np.mean(np.abs(gains) ** 2, axis=(0, 1))
    expected = TdlFading("C", 3e-7, FC, 3.0, 1, 0).mean_powers
    assert np.all(np.abs(measured / expected - 1) < 5 / np.sqrt(150 * 8))
    assert measured.sum() == pytest.approx(1.0, abs=0.03)


def test_paths_fade_as_rayleigh_and_independently():
    gains = ensemble("A", 150)[:, :, 0].reshape(-1, 23)
    for path in (0, 1, 5):
        scaled = np.abs(gains[:, path]) / np.sqrt(np.mean(np.abs(gains[:, path]) ** 2))
        assert kstest(scaled, rayleigh(scale=np.sqrt(0.5)).cdf).pvalue > 1e-3
    normal = gains / np.sqrt(np.mean(np.abs(gains) ** 2, axis=0))
    correlation = np.abs(normal.conj().T @ normal) / len(normal) - np.eye(23)
    assert correlation.max() < 5 / np.sqrt(len(normal))


def test_antennas_fade_independently():
    gains = ensemble("C", 150)[:, :, 0, 0]
    gains /= np.sqrt(np.mean(np.abs(gains) ** 2))
    correlation = gains.conj().T @ gains / len(gains) - np.eye(8)
    assert np.abs(correlation).max() < 5 / np.sqrt(len(gains))


def test_doppler_spectrum_is_jakes():
    """The autocorrelation over time is J0(2 pi f_d t) with f_d = v f_c / c."""
    doppler_hz = 30.0 * FC / LIGHT_MPS
    lags = np.linspace(0, 2 / doppler_hz, 25)
    gains = ensemble("A", 200, speed=30.0, times=lags)  # [draw, rx, lag, path]
    power = np.mean(np.abs(gains[:, :, 0]) ** 2, axis=(0, 1))
    correlation = np.mean(gains * gains[:, :, :1].conj(), axis=(0, 1)) / power
    measured = correlation.mean(axis=1)  # over the 23 paths
    assert np.abs(measured - j0(2 * np.pi * doppler_hz * lags)).max() < 0.03


@pytest.mark.parametrize("ppm", [0.0, 100.0])
def test_doppler_spectrum_of_the_stream(ppm):
    """The same law at the output, through filter, resampler and cuts: a flat channel that is sent a constant."""
    speed, step, count = 300.0, 25, 20  # samples between lags, lags
    doppler_hz = speed * FC / LIGHT_MPS
    correlation = np.zeros(count, complex)
    for seed in range(12):
        channel = make("tdl-a", delay_spread_s=0.0, speed_mps=speed, rx_antennas=16, sro_ppm=ppm, seed=seed)
        out = np.concatenate([channel.process(np.ones(2048, np.complex64)) for _ in range(3)], axis=1)[:, 100:]
        starts = np.arange(0, out.shape[1] - step * count, 500)
        lagged = out[:, starts[:, None] + step * np.arange(count)]
        correlation += np.mean(lagged * lagged[:, :, :1].conj(), axis=(0, 1))
    measured = correlation / correlation[0].real
    assert np.abs(measured - j0(2 * np.pi * doppler_hz * step * np.arange(count) / 1e6)).max() < 0.12


def test_doppler_spectrum_ends_at_the_maximum_shift():
    fading = TdlFading("C", 3e-7, FC, 30.0, 1, 3)
    doppler_hz = 30.0 * FC / LIGHT_MPS
    assert fading.doppler_hz == pytest.approx(doppler_hz, rel=1e-6)
    rate, count = 2000.0, 8192
    gains = fading.gains(0.0, np.arange(count) / rate)[0]
    window = np.blackman(count)[:, None]
    spectrum = np.sum(np.abs(np.fft.fft(gains * window, axis=0)) ** 2, axis=1)
    frequency = np.fft.fftfreq(count, 1 / rate)
    outside = np.abs(frequency) > doppler_hz + 3 * rate / count
    assert spectrum[outside].sum() < 1e-6 * spectrum.sum()


def test_specular_path_of_d_and_e():
    """K factor 13.3 and 22 dB; the specular Doppler is 0.7 of the maximum."""
    for profile, k_db in (("D", 13.3), ("E", 22.0)):
        gains = TdlFading(profile, 3e-7, FC, 30.0, 1, 4).gains(0.0, np.arange(20_000) / 2000.0)[0, :, 0]
        frequency = 0.7 * 30.0 * FC / LIGHT_MPS
        tone = np.exp(2j * np.pi * frequency * np.arange(20_000) / 2000.0)
        specular = np.mean(gains * tone.conj())
        rest = np.mean(np.abs(gains - specular * tone) ** 2)
        assert 10 * np.log10(np.abs(specular) ** 2 / rest) == pytest.approx(k_db, abs=1.0)


def test_delay_profile_of_the_stream():
    """Probed with impulses, the mean power of the taps is the profile seen through the interpolation kernel."""
    from gvc.channel.interpolation import HALF_WIDTH, kernel

    fs, spacing, probes = 4e6, 128, 400
    signal = np.zeros(probes * spacing, np.complex64)
    signal[spacing // 2 :: spacing] = 1
    power = np.zeros(spacing)
    for seed in range(4):
        # 1000 m/s: a new, nearly independent fade every few probes
        channel = make("tdl-c", fs=fs, delay_spread_s=1e-6, speed_mps=1000.0, rx_antennas=4, seed=seed)
        out = np.concatenate([channel.process(signal), channel.flush()], axis=1)[:, : len(signal)]
        power += np.mean(np.abs(out.reshape(4, probes, spacing)) ** 2, axis=(0, 1)) / 4
    fading = TdlFading("C", 1e-6, FC, 3.0, 1, 0)
    lags = np.arange(spacing) - spacing // 2
    expected = fading.mean_powers @ kernel(lags - fading.path_delays_s[:, None] * fs) ** 2
    assert np.abs(power - expected).sum() < 0.12 * expected.sum()
    assert power[: spacing // 2 - HALF_WIDTH].max() < 1e-9
    mean_delay = np.sum(lags * power) / power.sum() / fs
    assert mean_delay == pytest.approx(np.sum(fading.mean_powers * fading.path_delays_s), rel=0.1)


@pytest.mark.parametrize("name", ["tdl-a", "tdl-b", "tdl-c", "tdl-d", "tdl-e"])
def test_mean_snr_over_the_ensemble_is_as_stated(name):
    """Signal power over noise power on the occupied band, over independent fades, within 0.2 dB."""
    n = 4096
    grid = np.zeros(n, complex)
    occupied = np.abs(np.fft.fftfreq(n)) < 0.40
    grid[occupied] = np.exp(2j * np.pi * np.random.default_rng(0).random(occupied.sum()))
    signal = np.fft.ifft(grid) * n / np.sqrt(occupied.sum())
    signal = np.tile(signal, 3).astype(np.complex64)
    power = []
    for seed in range(120):
        channel = make(name, delay_spread_s=900e-9, rx_antennas=8, seed=seed, speed_mps=0.0)
        power.append(np.mean(np.abs(channel.process(signal)[:, n : 2 * n]) ** 2, axis=1))
    mean_power = np.mean(power)
    noisy = make(name, snr_db=10.0, occupied_fraction=occupied.mean(), rx_antennas=2)
    noise = np.mean(np.abs(noisy.process(np.zeros(50_000, np.complex64))) ** 2)
    assert abs(10 * np.log10(mean_power / (noise * occupied.mean())) - 10.0) < 0.2


def test_no_jump_between_calls_or_responses():
    """The response moves smoothly over an hour of stream time, at segment and batch borders too."""
    channel = make("tdl-c", delay_spread_s=900e-9, speed_mps=3.0)
    for start in (0, 64 * 512 - 100, 3_600_000_000 - 100):
        taps, _ = channel.genie_taps(np.arange(start, start + 200))
        steps = np.abs(np.diff(taps[0], axis=0)).max(axis=1)
        assert steps.max() < 5 * 2 * np.pi * channel.fading.doppler_hz / 1e6


@pytest.mark.parametrize(("speed", "ppm"), [(3.0, 0.0), (300.0, 0.0), (3.0, 20.0), (3.0, 400.0), (30.0, -100.0)])
def test_responses_between_segment_borders_are_exact_enough(speed, ppm):
    """Linear interpolation against a response computed at every sample, on the occupied band: below -60 dB."""
    doppler_hz, offset, fs = speed * FC / LIGHT_MPS, 1e-6 * ppm, 1e6
    fading = TdlFading("C", 900e-9, FC, speed, 1, 0)
    delays = fading.path_delays_s * fs

    def filter_with(segment):
        interval = segment * (1 + offset) / fs
        gains = lambda i: fading.gains(float(i[0]) * interval, (i - i[0]) * interval)  # noqa: E731
        return TimeVaryingFilter(gains, 1, delays, 0.0, offset, segment)

    coarse = filter_with(segment_length(fs, doppler_hz, offset))
    exact = filter_with(1)
    samples = np.arange(0, 6000, 7)
    (taps, lags), (truth, true_lags) = coarse.taps(samples), exact.taps(samples)
    carriers = np.arange(-26, 27) / 64

    def response(taps, lags):
        phase = np.exp(-2j * np.pi * carriers * (lags[:, None] + np.arange(taps.shape[2]))[:, :, None])
        return np.einsum("kl,klc->kc", taps[0], phase)

    wanted = response(truth, true_lags)
    error = response(taps, lags) - wanted
    assert 10 * np.log10(np.mean(np.abs(error) ** 2) / np.mean(np.abs(wanted) ** 2)) < -60


def test_global_generators_are_left_alone():
    from sionna.phy import config

    torch.manual_seed(1)
    config.seed = 5
    states = torch.get_rng_state(), config.torch_rng("cpu").get_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    make("tdl-d", snr_db=10.0).process(np.ones(3000, np.complex64))
    assert torch.equal(states[0], torch.get_rng_state())
    assert torch.equal(states[1], config.torch_rng("cpu").get_state())
    assert np.array_equal(states[2], np.random.get_state()[1])  # noqa: NPY002


def test_sionna_is_imported_by_the_constructor_only():
    code = (
        "import sys, json; from gvc import registry; import gvc.channel.tdl, gvc.channel.awgn;"
        "registry.resolve('channel', 'tdl-a');"
        "print(json.dumps([m for m in ('sionna', 'torch') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"speed_mps": -1}, ["speed_mps", "0 to 1000"]),
        ({"delay_spread_s": 1}, ["delay_spread_s", "0 to 0.001"]),
        ({"delay_spread_s": 900e-6}, ["delay_spread_s", "longer than 4096 samples"]),
        ({"speed_mp": 3}, ["'speed_mp'", "did you mean 'speed_mps'"]),
    ],
)
def test_bad_parameters_are_named(parameters, words):
    with pytest.raises(InputError) as caught:
        make("tdl-c", **parameters)
    for word in words:
        assert word in str(caught.value)
