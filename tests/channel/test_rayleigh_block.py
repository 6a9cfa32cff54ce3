"""Rayleigh block fading: amplitude law, mean power, block borders."""

import numpy as np
import pytest
from scipy import stats

from gvc import registry
from gvc.errors import InputError


def make(**parameters):
    return registry.create(
        "channel", "rayleigh-block", sample_rate_hz=1e6, center_frequency_hz=2.4e9, **parameters
    )  # fmt: skip


def test_amplitude_is_rayleigh_and_blocks_are_independent():
    channel = make(block_samples=4, rx_antennas=2, seed=3)
    out = channel.process(np.ones(4 * 6000, np.complex64)).reshape(2, 6000, 4)
    assert np.array_equal(out, np.repeat(out[:, :, :1], 4, axis=2))  # constant within a block
    fades = out[:, :, 0]
    assert stats.kstest(np.abs(fades).ravel(), stats.rayleigh(scale=np.sqrt(0.5)).cdf).pvalue > 0.01
    assert stats.kstest(np.angle(fades).ravel(), stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 0.01
    assert np.mean(np.abs(fades) ** 2) == pytest.approx(1.0, abs=0.03)
    assert abs(np.mean(fades[:, 1:] * fades[:, :-1].conj())) < 0.03
    assert abs(np.mean(fades[0] * fades[1].conj())) < 0.04


def test_mean_snr_over_the_ensemble_is_as_stated():
    channel = make(block_samples=50, snr_db=10.0, occupied_fraction=1.0, seed=9)
    signal = np.ones(50 * 8000, np.complex64)
    out = channel.process(signal)[0].reshape(-1, 50)
    fades = out.mean(axis=1)
    noise = np.sum(np.abs(out - fades[:, None]) ** 2) / (len(out) * 49)
    snr_db = 10 * np.log10((np.mean(np.abs(fades) ** 2) - noise / 50) / noise)
    assert abs(snr_db - 10.0) < 0.2


def test_blocks_are_counted_from_the_start_of_the_stream():
    channel = make(block_samples=100, seed=1)
    for start in range(0, 1000, 37):
        out = channel.process(np.ones(37, np.complex64))[0]
        for i, value in enumerate(out):
            assert value == channel.fade((start + i) // 100)[0]


def bursts(count, length=500, pause=160):
    return np.tile(np.r_[np.zeros(pause), np.ones(length)], count).astype(np.complex64)


@pytest.mark.parametrize("parameters", [{}, {"delay_samples": 77.0}, {"delay_samples": 5.5, "cfo_hz": 48e3}])
def test_one_fade_a_burst_by_default(parameters):
    channel = make(seed=4, **parameters)
    signal = bursts(40)
    out = np.concatenate([channel.process(signal), channel.flush()], axis=1)[0]
    rotation = np.exp(-2j * np.pi * channel.cfo_hz / 1e6 * np.arange(len(out)))
    fades = []
    for burst in range(40):
        start = round((burst * 660 + 160 + channel.delay_samples) / (1 + 1e-6 * channel.sro_ppm))
        inside = (out * rotation)[start + 20 : start + 480]
        assert np.abs(inside - inside.mean()).max() < 0.01
        fades.append(inside.mean())
    assert len(np.unique(np.round(fades, 4))) == 40


def test_bursts_are_found_wherever_the_stream_is_cut():
    signal = bursts(30)
    for parameters in ({}, {"delay_samples": 3.0}, {"delay_samples": 3.25, "sro_ppm": 50.0}):
        whole = np.concatenate([(channel := make(**parameters)).process(signal), channel.flush()], axis=1)
        for size in (11, 100, 333, 660):
            channel = make(**parameters)
            parts = [channel.process(signal[i : i + size]) for i in range(0, len(signal), size)]
            cut = np.concatenate([*parts, channel.flush()], axis=1)
            assert np.abs(cut - whole).max() < 1e-6


def test_a_short_zero_within_a_burst_keeps_the_fade():
    signal = np.ones(1000, np.complex64)
    signal[400:430] = 0
    out = make().process(signal)[0]
    assert len(np.unique(out[signal != 0])) == 1


def test_block_samples_is_checked():
    with pytest.raises(InputError, match="block_samples"):
        make(block_samples=0)
