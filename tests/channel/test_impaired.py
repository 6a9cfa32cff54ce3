"""The impaired channel: every kind against its closed form, any cut, order, what the genie knows, what is refused."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gvc import config, registry
from gvc.channel.impaired import Impaired
from gvc.errors import ConfigError
from gvc.phy import BurstReceiver, Numerology, PictureShape, SymbolFrame
from gvc.simulation.offline import channel_of, receiver_of, send

FS = 1e6
EACH: dict[str, dict] = {
    "pulses": {"level_db": 10, "samples": [40, 400], "every_s": 1e-3},
    "tone": {"level_db": -10, "frequency_hz": [-1e5, 1e5]},
    "interferer": {"level_db": -10, "bandwidth_hz": 50e3, "frequency_hz": 100e3},
    "transmitter": {"level_db": -10, "period_s": 2.5e-3, "delay_s": 5e-4, "payload_symbols": 4},
    "frequency-steps": {"step_hz": 300, "every_s": 5e-4},
    "frequency-drift": {"rate_hz_per_s": 1e6, "within_hz": 500},
    "phase-noise": {"linewidth_hz": 100},
    "iq-imbalance": {"gain_db": 1, "phase_deg": 5},
    "dc": {"level_db": -20},
    "gain-steps": {"step_db": -6, "period_s": 1e-3},
    "scale": {"factor": 1e-6},
    "clipping": {"level_db": 3},
    "quantisation": {"bits": 5},
    "slips": {"doubled": 30, "at": [7, 500, 2000]},
}
ALL = [
    *({"kind": kind, **options} for kind, options in EACH.items()),
    {"kind": "slips", "missing": 9, "period_s": 1e-3},
]


def make(*impairments: dict, path: str = "awgn", **parameters) -> Impaired:
    ends = {"sample_rate_hz": FS, "center_frequency_hz": 2.4e9}
    return registry.create("channel", "impaired", {"path": path, "impairments": impairments}, **ends, **parameters)


def run(channel: Impaired, signal: np.ndarray, cuts=()) -> np.ndarray:
    pieces = np.split(signal, np.sort(np.asarray(cuts, int)))
    return np.concatenate([*(channel.process(piece) for piece in pieces), channel.flush()], axis=1)


def of(kind: str, signal: np.ndarray | None = None, seed: int = 0, **options) -> np.ndarray:
    """What one impairment makes of a signal (silence), on one antenna."""
    signal = np.zeros(200_000, np.complex64) if signal is None else signal
    return run(make({"kind": kind, **options}, seed=seed), signal)[0]


def gaussian(count: int, seed: int = 0) -> np.ndarray:
    draws = np.random.default_rng(seed).standard_normal(2 * count, np.float32)
    return draws.view(np.complex64) / np.float32(2**0.5)


def decibel(power) -> float:
    return float(10 * np.log10(power))


def test_every_kind_is_tested():
    assert sorted(EACH) == registry.names("impairment")


@settings(max_examples=8, deadline=None)
@given(cuts=st.lists(st.integers(0, 5000), max_size=12), seed=st.integers(0, 3))
@pytest.mark.parametrize("kinds", [*([kind] for kind in ALL), ALL], ids=lambda kinds: kinds[0]["kind"])
def test_nothing_depends_on_the_cut(kinds, cuts, seed):
    signal = gaussian(5000)
    whole, cut = (make(*kinds, seed=seed, rx_antennas=2, snr_db=10.0, delay_samples=3) for _ in range(2))
    expected = run(whole, signal)
    assert np.array_equal(run(cut, signal, cuts), expected)
    # the answers about the past do not change it, nor does when they are asked
    asked = make(*kinds, seed=seed, rx_antennas=2)
    assert np.array_equal(asked.hit(np.arange(5000)), whole.hit(np.arange(5000)))


def test_seeds_and_places_in_the_list_draw_apart():
    tone = {"kind": "tone", **EACH["tone"]}
    one, again, other = (make(tone, tone, seed=seed) for seed in (1, 1, 2))
    frequencies = [[i.frequency_hz for i in channel.impairments] for channel in (one, again, other)]
    assert frequencies[0] == frequencies[1] != frequencies[2]
    assert frequencies[0][0] != frequencies[0][1]


def test_pulses_have_their_level_lengths_and_rate():
    channel = make({"kind": "pulses", "level_db": 7, "samples": [10, 30], "every_s": 1e-3}, rx_antennas=2)
    out = run(channel, np.zeros(400_000, np.complex64))
    on = channel.hit(np.arange(400_000))
    assert np.array_equal(on, out[0] != 0) and np.array_equal(on, out[1] != 0)
    assert decibel(np.mean(np.abs(out[:, on]) ** 2)) == pytest.approx(7, abs=0.2)
    edges = np.flatnonzero(np.diff(on.astype(int)))
    lengths = np.diff(edges)[::2] if not on[edges[0]] else np.diff(edges)[1::2]
    assert lengths.min() >= 10 and np.median(lengths) == pytest.approx(20, abs=2)
    assert np.mean(on) == pytest.approx(0.02, rel=0.2)
    # the antennas hear one source: the same waveform but for a phase
    assert abs(np.vdot(out[0], out[1])) == pytest.approx(np.linalg.norm(out[0]) * np.linalg.norm(out[1]), rel=1e-5)


def test_pulses_start_where_they_are_told():
    out = of("pulses", level_db=0, samples=5, at=[100, 700, 702])
    assert np.array_equal(np.flatnonzero(out), [*range(100, 105), *range(700, 707)])


def test_a_period_is_kept():
    starts = np.flatnonzero(of("pulses", level_db=0, samples=1, period_s=2.5e-3))
    assert set(np.diff(starts)) == {2500} and starts[0] < 2500


def test_tone_is_one_line_of_its_power():
    out = of("tone", level_db=-12, frequency_hz=62.5e3)
    assert np.allclose(out[1:] / out[:-1], np.exp(2j * np.pi * 62.5e3 / FS), atol=1e-5)
    assert decibel(np.abs(out[0]) ** 2) == pytest.approx(-12, abs=1e-3)


@pytest.mark.parametrize(("bandwidth_hz", "frequency_hz"), [(5e3, -2e5), (50e3, 1e5), (600e3, 0.0), (1e6, 0.0)])
def test_interferer_has_its_power_in_its_band(bandwidth_hz, frequency_hz):
    out = of("interferer", np.zeros(1 << 18, np.complex64), level_db=-10, bandwidth_hz=bandwidth_hz,
             frequency_hz=frequency_hz)  # fmt: skip
    power = np.abs(out) ** 2
    assert decibel(power.mean()) == pytest.approx(-10, abs=0.4)
    assert np.mean(power**2) / power.mean() ** 2 == pytest.approx(2, rel=0.2)  # complex Gaussian
    spectrum = np.abs(np.fft.fft(out)) ** 2
    inside = np.abs(np.fft.fftfreq(len(out), 1 / FS) - frequency_hz) < bandwidth_hz / 2 * 1.04
    assert spectrum[inside].sum() > 0.99 * spectrum.sum()


def test_second_transmitter_is_found_by_a_receiver():
    u = Numerology.load("ofdm64")
    channel = make({"kind": "transmitter", "level_db": 0, "period_s": 10e-3, "delay_s": 2e-3, "payload_symbols": 8})
    out = run(channel, np.zeros(50_000, np.complex64))
    bursts = BurstReceiver(u).push(out)
    assert [burst.header.sequence for burst in bursts] == list(range(5))
    assert [burst.start_sample for burst in bursts] == pytest.approx([2000 + 10_000 * k for k in range(5)], abs=2)
    assert all(np.allclose(np.abs(burst.symbols), 1, atol=0.2) for burst in bursts)
    on = channel.hit(np.arange(50_000))
    assert np.array_equal(np.flatnonzero(np.diff(on.astype(int), prepend=0) > 0), 2000 + 10_000 * np.arange(5))
    assert not out[0, ~on].any() and np.mean(np.abs(out[0, on]) ** 2) == pytest.approx(1, abs=0.1)


def test_frequency_goes_up_and_back_without_a_jump_of_phase():
    out = of("frequency-steps", np.ones(4000, np.complex64), step_hz=1000, at=[1000, 3000])
    frequency = np.angle(out[1:] * out[:-1].conj()) / (2 * np.pi) * FS
    assert np.allclose(frequency[:1000], 0, atol=1) and np.allclose(frequency[3000:], 0, atol=1)
    assert np.allclose(frequency[1000:3000], 1000, atol=1)


@pytest.mark.parametrize("rate_hz_per_s", [1e6, -4e5])
def test_drift_is_a_ramp_that_turns_around(rate_hz_per_s):
    out = of("frequency-drift", np.ones(20_000, np.complex64), rate_hz_per_s=rate_hz_per_s, within_hz=2000)
    frequency = np.angle(out[1:] * out[:-1].conj()) / (2 * np.pi) * FS
    moved = np.cumsum(np.full(19_999, abs(rate_hz_per_s) / FS)) + 2000
    expected = np.sign(rate_hz_per_s) * (np.abs((moved % 8000) - 4000) * -1 + 2000)
    assert np.allclose(frequency, expected, atol=3)


def test_phase_noise_is_a_wiener_process():
    """Increments over T have variance 2 pi linewidth T (Demir et al. 2000)."""
    out = of("phase-noise", np.ones(1 << 19, np.complex64), linewidth_hz=200)
    phase = np.unwrap(np.angle(out))
    for lag in (1, 10, 100):
        step = phase[lag:] - phase[:-lag]
        assert np.var(step) == pytest.approx(2 * np.pi * 200 * lag / FS, rel=0.05)
    one = np.diff(phase)
    assert abs(np.mean(one[1:] * one[:-1])) < 0.02 * np.var(one)


@pytest.mark.parametrize(("gain_db", "phase_deg"), [(1, 5), (0, 3), (-2, 0)])
def test_image_rejection_is_the_closed_form(gain_db, phase_deg):
    tone = np.exp(2j * np.pi * 0.125 * np.arange(4096)).astype(np.complex64)
    out = np.fft.fft(of("iq-imbalance", tone, gain_db=gain_db, phase_deg=phase_deg))
    g, c = 10 ** (gain_db / 20), np.cos(np.deg2rad(phase_deg))
    expected = (1 + 2 * g * c + g**2) / (1 - 2 * g * c + g**2)
    assert decibel(np.abs(out[512] / out[-512]) ** 2) == pytest.approx(decibel(expected), abs=0.01)
    assert np.sum(np.abs(out) ** 2) == pytest.approx(4096**2, rel=1e-4)


def test_front_end_levels():
    assert decibel(np.abs(of("dc", level_db=-15)[0]) ** 2) == pytest.approx(-15, abs=1e-3)
    gain = np.abs(of("gain-steps", np.ones(3000, np.complex64), step_db=6, at=[1000, 2000]))
    assert np.allclose(gain[[0, 999, 1000, 1999, 2000]], [1, 1, 10**0.3, 10**0.3, 1], rtol=1e-6)
    signal = gaussian(50_000)
    clipped = of("clipping", signal, level_db=3)
    assert np.abs(clipped).max() <= 10**0.15 * (1 + 1e-6)
    assert np.allclose(np.angle(clipped * signal.conj()), 0, atol=1e-5)
    assert np.array_equal(clipped[np.abs(signal) < 1.4], signal[np.abs(signal) < 1.4])


@pytest.mark.parametrize("bits", [1, 4, 8])
def test_quantisation_has_its_steps_and_their_noise(bits):
    signal = (np.random.default_rng(1).uniform(-3, 3, (50_000, 2)).astype(np.float32)).view(np.complex64)[:, 0]
    out = of("quantisation", signal, bits=bits, full_scale=3)
    step = 6 / 2**bits
    levels = np.unique(out.view(np.float32))
    assert len(levels) == 2**bits and np.allclose(levels, (np.arange(2**bits) + 0.5) * step - 3, atol=1e-5)
    assert np.mean(np.abs(out - signal) ** 2) == pytest.approx(step**2 / 6, rel=0.03)
    assert np.abs(of("quantisation", 10 * signal, bits=bits, full_scale=3)).max() < 3 * 2**0.5


@pytest.mark.parametrize("factor", [1e-12, 1e-5, 1e12])
def test_scale_is_of_signal_noise_and_the_noise_variance(factor):
    parameters = {"snr_db": 10.0, "occupied_fraction": 1.0}
    channel = make({"kind": "scale", "factor": factor}, **parameters)
    plain = registry.create("channel", "awgn", sample_rate_hz=FS, center_frequency_hz=2.4e9, **parameters)
    signal = gaussian(1000)
    assert np.allclose(run(channel, signal), plain.process(signal) * factor, rtol=1e-5, atol=0)
    assert channel.noise_variance == pytest.approx(0.1 * factor**2, rel=1e-5)


@pytest.mark.parametrize(("options", "missing"), [({"missing": 20}, True), ({"doubled": 20}, False)])
def test_slips_leave_out_or_repeat(options, missing):
    places = [100, 500, 990]
    channel = make({"kind": "slips", "at": places, **options})
    out = run(channel, np.arange(1000).astype(np.complex64), [7, 100, 505])[0].real.astype(int)
    if missing:
        gone = {place + i for place in places for i in range(20)}
        expected = [i for i in range(1000) if i not in gone or i == 999]  # a stream's last sample stays
    else:
        expected = [j for i in range(1000) for j in ([*range(i - 20, i), i] if i in places else [i])]
    assert out.tolist() == expected
    assert channel.source(np.arange(len(out) - 1)).tolist() == expected[:-1]
    assert channel.hit(np.arange(200)).tolist() == [False] * 100 + [True] * 100


def test_places_act_in_the_order_of_the_way():
    """Whatever the list's order: the tone is turned by the CFO, scaled, and then skipped through."""
    listed = [
        {"kind": "slips", "missing": 5, "at": [50]},
        {"kind": "scale", "factor": 100},
        {"kind": "tone", "level_db": 0, "frequency_hz": 20e3},
    ]
    out = run(make(*listed, cfo_hz=3e3, sro_ppm=0.0), np.zeros(100, np.complex64))[0]
    samples = np.r_[:50, 55:100]
    assert np.allclose(np.abs(out), 100)
    assert np.allclose(out / out[0], np.exp(2j * np.pi * 23e3 / FS * samples), atol=1e-4)


@pytest.mark.parametrize("path", ["awgn", "tdl-a", "rayleigh-block"])
def test_the_genie_knows_oscillator_gains_and_slips(path):
    known = [*(i for i in ALL if i["kind"] in ("frequency-steps", "frequency-drift", "phase-noise", "gain-steps"))]
    channel = make(
        *known, {"kind": "scale", "factor": 1e3}, {"kind": "slips", "missing": 12, "at": [2500]}, path=path,
        cfo_hz=30e3, delay_samples=6.3, rx_antennas=2,
    )  # fmt: skip
    signal = gaussian(5000)
    out = run(channel, signal)
    samples = np.array([100, 1023, 1024, 2499, 2500, 4000])
    taps, lags = channel.genie_taps(samples)
    for i, n in enumerate(samples):
        expected = taps[:, i] @ signal[n - lags[i] - np.arange(taps.shape[2])]
        assert np.allclose(out[:, n], expected * np.exp(2j * np.pi * 30e3 / FS * n), atol=0.05)


@pytest.mark.parametrize("kind", EACH)
def test_a_frame_gets_through(kind):
    """Every kind as `--set` gives it, at a level that a link lives with, through the real receiver."""
    mild = {"level_db": 0} if kind == "clipping" else {"level_db": -20} if "level_db" in EACH[kind] else {}
    impairment = {"kind": kind, **EACH[kind], **mild}
    if kind == "frequency-drift":
        impairment["rate_hz_per_s"] = 1e4
    if kind == "slips":
        impairment["at"] = [7]
    if kind == "gain-steps":
        impairment["step_db"] = 1
    if kind == "frequency-steps":
        impairment["step_hz"] = 30
    if kind == "phase-noise":
        impairment["linewidth_hz"] = 10
    sets = ["channel.name=impaired", "channel.cfo_hz=2400", f"channel.options.impairments={json.dumps([impairment])}"]
    radio = config.build("sim-awgn", sets)
    shape = PictureShape(64, 64, 32)
    frame = SymbolFrame(0, gaussian(shape.elements), shape, last=True)
    (received,) = send(Numerology.load("ofdm64"), [frame], channel_of(radio, 20.0, 1), receiver_of(radio), 0.0)
    assert received.bursts_received == received.bursts_expected == 1
    assert np.mean(np.abs(received.symbols - frame.symbols) ** 2) < 0.3


def test_no_impairment_is_the_path_itself():
    signal = gaussian(3000)
    parameters = {"snr_db": 3.0, "seed": 2, "cfo_hz": 5e3, "delay_samples": 2.5}
    plain = registry.create("channel", "tdl-a", sample_rate_hz=FS, center_frequency_hz=2.4e9, **parameters)
    assert np.array_equal(run(make(path="tdl-a", **parameters), signal), run(plain, signal))


@pytest.mark.parametrize(
    ("impairments", "words"),
    [
        ({"kind": "tone"}, ["impairments", "list"]),
        (["tone"], ["impairments[0]", "kind", "quantisation"]),
        ([{"level_db": 3}], ["impairments[0]", "kind"]),
        ([{"kind": "ton"}], ["'ton'", "did you mean 'tone'"]),
        ([{"kind": "dc", "level_db": 0}, {"kind": "tone", "level": 3}], ["impairments[1]", "did you mean 'level_db'"]),
        ([{"kind": "tone", "level_db": 0}], ["impairments[0]", "frequency_hz"]),
        ([{"kind": "tone", "level_db": 101, "frequency_hz": 0}], ["level_db", "-100 to 100"]),
        ([{"kind": "tone", "level_db": 0, "frequency_hz": 6e5}], ["frequency_hz", "500000"]),
        ([{"kind": "tone", "level_db": 0, "frequency_hz": [1, 2, 3]}], ["frequency_hz", "range"]),
        ([{"kind": "interferer", "level_db": 0, "bandwidth_hz": 10}], ["bandwidth_hz", "1000"]),
        ([{"kind": "pulses", "level_db": 0, "samples": 9}], ["exactly one", "every_s"]),
        ([{"kind": "pulses", "level_db": 0, "samples": 9, "at": [1], "every_s": 1}], ["exactly one"]),
        ([{"kind": "pulses", "level_db": 0, "samples": 9, "at": [5, 1]}], ["ascending"]),
        ([{"kind": "pulses", "level_db": 0, "samples": 9, "at": 5}], ["list of sample numbers"]),
        ([{"kind": "pulses", "level_db": 0, "samples": 9, "every_s": 1e-6}], ["every_s", "1.6e-05"]),
        ([{"kind": "pulses", "level_db": 0, "samples": [9, 3], "at": []}], ["shorter length first"]),
        ([{"kind": "transmitter", "level_db": 0, "period_s": 1e-4}], ["period_s"]),
        ([{"kind": "transmitter", "level_db": 0, "period_s": 1, "numerology": "ofdm256"}], ["numerology", "sample"]),
        ([{"kind": "slips", "at": [1]}], ["missing or doubled"]),
        ([{"kind": "slips", "missing": 30, "at": [1, 20]}], ["19 samples apart"]),
        ([{"kind": "slips", "doubled": 1.5, "at": [1]}], ["doubled", "whole"]),
        ([{"kind": "quantisation", "bits": 0}], ["bits", "1 to 24"]),
        ([{"kind": "scale", "factor": 0}], ["factor", "1e-12"]),
        ([{"kind": "phase-noise", "linewidth_hz": True}], ["linewidth_hz"]),
    ],
)
def test_bad_impairments_are_named(impairments, words):
    with pytest.raises(ConfigError) as caught:
        registry.create("channel", "impaired", {"impairments": impairments}, sample_rate_hz=FS, center_frequency_hz=2e9)
    assert all(word in str(caught.value) for word in words), caught.value


def test_a_blocked_path_leaves_what_is_on_the_air():
    tone = {"kind": "tone", "level_db": 0, "frequency_hz": 1e5}
    signal = np.full(20_000, 10, np.complex64)
    out = run(make(tone, path="blockage", blocked_share=0.5, blocked_s=1e-3), signal)[0]
    assert 0.2 < np.mean(np.abs(out) < 1.01) < 0.8


@pytest.mark.parametrize(("path", "word"), [("impaired", "path"), ("awgm", "awgn")])
def test_the_path_is_a_channel_of_its_own(path, word):
    with pytest.raises(Exception, match=word) as caught:
        make(path=path)
    assert caught.value.exit_code == 2
