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


def test_default_block_outlasts_a_burst():
    assert make().block_samples == 20_000


def test_block_samples_is_checked():
    with pytest.raises(InputError, match="block_samples"):
        make(block_samples=0)
