"""The blockage: how often, how long, what it does to the path, and what it refuses."""

import numpy as np
import pytest

from gvc import registry
from gvc.errors import ConfigError


def make(**parameters):
    return registry.create("channel", "blockage", sample_rate_hz=1e5, center_frequency_hz=2.4e9, **parameters)


@pytest.mark.parametrize(("share", "mean_s"), [(0.1, 0.01), (0.5, 0.002)])
def test_share_and_lengths_are_as_stated(share, mean_s):
    """Geometric statistics of a two-state Markov channel (Gilbert 1960); many seeds, 3 sigma."""
    blocked, shares = [], []
    for seed in range(20):
        out = np.abs(make(blocked_share=share, blocked_s=mean_s, seed=seed).process(np.ones(200_000, np.complex64))[0])
        assert set(np.unique(out)) <= {0.0, 1.0}
        edges = np.flatnonzero(np.diff(out))
        starts = edges[out[edges] == 1]
        ends = edges[out[edges] == 0]
        ends = ends[ends > starts[0]]
        blocked += list(ends - starts[: len(ends)])
        shares.append(1 - out.mean())
    lengths = np.array(blocked) / 1e5
    assert abs(lengths.mean() - mean_s) < 3 * mean_s / np.sqrt(len(lengths)) + 1e-5
    assert abs(lengths.std() / mean_s - 1) < 0.15  # exponential
    assert abs(np.mean(shares) - share) < 3 * np.std(shares) / np.sqrt(len(shares))


def test_the_path_in_the_open_is_the_other_channel():
    signal = np.exp(2j * np.pi * 0.03 * np.arange(30_000)).astype(np.complex64)
    tdl = {"delay_spread_s": 2e-5, "speed_mps": 3.0, "delay_samples": 10.5, "cfo_hz": 500.0, "rx_antennas": 2}
    alone = registry.create("channel", "tdl-a", sample_rate_hz=1e5, center_frequency_hz=2.4e9, **tdl).process(signal)
    behind = make(path="tdl-a", blocked_share=0.4, blocked_s=0.01, **tdl)
    out = behind.process(signal)
    open_ = behind.is_open(np.arange(out.shape[1]))
    assert 0.2 < open_.mean() < 0.9
    assert np.array_equal(out, alone * open_)


def test_never_blocked_is_the_path_itself():
    signal = np.ones(5000, np.complex64)
    plain = registry.create("channel", "awgn", sample_rate_hz=1e5, center_frequency_hz=2.4e9, snr_db=3.0, seed=2)
    assert np.array_equal(make(blocked_share=0.0, snr_db=3.0, seed=2).process(signal), plain.process(signal))


def test_noise_stays_while_it_is_blocked():
    out = make(blocked_share=0.95, blocked_s=1e3, snr_db=0.0, seed=1, occupied_fraction=1.0).process(np.ones(50_000))
    assert np.mean(np.abs(out) ** 2) == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"blocked_share": 1.0}, ["blocked_share", "0.95"]),
        ({"blocked_s": 0.0}, ["blocked_s"]),
        ({"path": "blockage"}, ["path"]),
        ({"path": "impaired"}, ["path"]),
        ({"path": "awgn", "speed_mps": 3.0}, ["speed_mps"]),
    ],
)
def test_bad_parameters_are_named(parameters, words):
    with pytest.raises(ConfigError) as caught:
        make(**parameters)
    assert all(word in str(caught.value) for word in words)
