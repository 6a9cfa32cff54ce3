"""The figures of channel and signal show what is there: delays, Doppler, offsets, errors by carrier, peaks."""

import json

import numpy as np
import pytest

from gvc.phy.numerology import Numerology
from gvc.phy.payload import create_payload
from gvc.phy.signal_probe import LEVELS_DB, SignalProbe
from gvc.report import channel_plots, symbol_plots
from gvc.report.reported_run import ReportedRun
from gvc.report.style import LIGHT, stroke

WAVEFORM = Numerology.load("ofdm64")
RATE_HZ = 1e6
FRAME_SAMPLES = 8400
CONFIG = {"phy": {"numerology": "ofdm64"}, "channel": {"speed_mps": 3.0, "cfo_hz": 4800.0}}


@pytest.fixture
def run(tmp_path):
    """160 bursts, one a frame, over two paths 5 samples apart that shift by +20 and -20 Hz; 20 ppm of sampling offset
    and a carrier offset of 4,800 Hz; carrier 7 ten times as noisy as the others.
    """
    rng = np.random.default_rng(3)
    frames = np.arange(160)
    exact = 500 + frames * FRAME_SAMPLES * (1 + 20e-6)
    start = np.round(exact + rng.uniform(-0.4, 0.4, frames.size))
    late = (exact - start)[:, None] + WAVEFORM.timing_advance
    spin = 2j * np.pi * start[:, None] / RATE_HZ
    paths = [(0, 20.0, 1.0), (5, -20.0, 0.7)]
    channel = sum(
        gain * np.exp(spin * (shift + 4800)) * np.exp(-2j * np.pi * WAVEFORM.carriers * (delay + late) / 64)
        for delay, shift, gain in paths
    )
    np.savez(
        tmp_path / "bursts.npz",
        frame_id=frames,
        burst_index=0 * frames,
        start_sample=start.astype(np.int64),
        time_s=start / RATE_HZ,
        snr_db=10.0 + 0 * frames,
        cfo_hz=4800 + rng.normal(0, 10, frames.size),
        channel=channel[:, None].astype(np.complex64),
        carriers=WAVEFORM.carriers,
        sample_rate_hz=RATE_HZ,
    )
    width = WAVEFORM.data_carriers
    payload, count = create_payload(0, WAVEFORM.scramble_seed), 40 * width
    noise = np.full((40, width), 0.1)
    noise[:, 7] = 1.0
    noise = payload.collect(np.zeros(count, np.complex64), noise.ravel().astype(np.float32), count)[1]
    true, error = ((rng.normal(size=(count, 2)) @ np.array([1, 1j])) / 2**0.5 for _ in range(2))
    np.savez(
        tmp_path / "symbols.npz",
        offsets=[0, count],
        true=true.astype(np.complex64),
        equalised=(true + np.sqrt(noise) * error).astype(np.complex64),
        denoised=(true + 0.1 * error).astype(np.complex64),
    )
    config = {**CONFIG, "sample_rate_hz": RATE_HZ, "center_frequency_hz": 2.4e9}
    (tmp_path / "run.json").write_text(json.dumps({"config": config}))
    return ReportedRun(tmp_path)


def line(figure, axis=0, number=0):
    return figure.axes[axis].lines[number].get_xydata().T


def test_the_delay_profile_has_both_paths(run):
    delay, level = line(channel_plots.delay_profile(run, LIGHT))
    peaks = [delay[i] for i in range(1, delay.size - 1) if level[i] > max(level[i - 1], level[i + 1], -10)]
    assert peaks == pytest.approx([WAVEFORM.timing_advance, WAVEFORM.timing_advance + 5], abs=0.6)


def test_doppler_has_both_shifts_and_no_carrier_offset(run):
    shift, level = line(channel_plots.doppler(run, LIGHT))
    assert np.ptp(shift[level > -10]) == pytest.approx(40, abs=10)
    assert level[abs(shift) > 40].max() < -14


def test_timing_drifts_by_the_sampling_offset(run):
    time_s, timing = line(channel_plots.offsets(run, LIGHT), axis=1)
    assert np.polyfit(time_s, timing, 1)[0] == pytest.approx(20, abs=1)


def test_the_noisy_carrier_stands_out(run):
    carrier, evm_db = line(symbol_plots.carrier_evm(run, LIGHT))
    assert carrier[np.argmax(evm_db)] == WAVEFORM.carriers[WAVEFORM.data_index][7]
    assert evm_db.max() == pytest.approx(0, abs=2.5) and np.median(evm_db) == pytest.approx(-10, abs=1)


def test_the_error_scatter_states_both_errors(run):
    titles = [axis.get_title() for axis in symbol_plots.error_scatter(run, LIGHT).axes]
    said = [float(text.split("\n")[1].removesuffix(" dB").replace("−", "-")) for text in titles]
    assert said == [pytest.approx(10 * np.log10((47 * 0.1 + 1) / 48), abs=0.3), pytest.approx(-20, abs=0.3)]


def test_a_probe_measures_band_and_peaks():
    rng = np.random.default_rng(1)
    spectrum = np.zeros(1 << 16, complex)
    spectrum[: 1 << 15] = rng.normal(size=1 << 15) + 1j * rng.normal(size=1 << 15)
    probe = SignalProbe()
    samples = np.fft.ifft(spectrum) * 256
    for part in np.array_split(samples, 9):
        probe.add(part)
        probe.add(np.zeros(1000))
    seen = probe.record()
    density = seen["density"]
    assert density.sum() == pytest.approx(np.mean(abs(samples) ** 2), rel=0.05)
    assert density[: density.size // 2].sum() < 0.01 * density.sum()
    assert seen["excess"] == pytest.approx(np.exp(-(10 ** (LEVELS_DB / 10))), abs=0.01)
    assert probe.peak == pytest.approx(abs(samples).max())


def test_a_probe_of_silence_has_nothing_to_say():
    probe = SignalProbe()
    probe.add(np.zeros(5000))
    probe.add(np.zeros(0))
    assert probe.record() == {} and probe.peak == 0


def test_thirty_arms_are_drawn_differently():
    looks = [stroke(LIGHT, index) for index in range(30)]
    assert len({(look["color"], str(look["ls"])) for look in looks}) == 30
