"""Lower bounds against closed forms and against estimators that attain them; the tables that show them."""

import numpy as np
import pytest

from benchmarks import phy_ageing, phy_bounds
from benchmarks.cramer_rao import bayesian_channel_error, channel_error, frequency_variance
from gvc import seeds
from gvc.phy import Numerology

UNIT = np.ones(1)


def noise(*shape: int, variance: float) -> np.ndarray:
    drawn = seeds.stream(0, "bounds").standard_normal((*shape, 2))
    return np.sqrt(variance / 2) * (drawn[..., 0] + 1j * drawn[..., 1])


@pytest.mark.parametrize("n", [8, 100])
def test_frequency_of_a_tone_has_rife_and_boorstyns_bound(n: int) -> None:
    bound = frequency_variance(np.ones((n, 1)), np.arange(n), 2j * UNIT, 0.1)
    assert bound == pytest.approx(6 * 0.1 / (4 * n * (n**2 - 1)))


def test_frequency_counts_energy_about_its_mean_time() -> None:
    energy, times = np.array([1.0, 4.0, 0.25, 2.0]), np.array([0.0, 3.0, 10.0, 90.0])
    mean = np.sum(energy * times) / np.sum(energy)
    bound = frequency_variance(np.sqrt(energy)[:, None], times, UNIT, 0.2)
    assert bound == pytest.approx(0.2 / (2 * np.sum(energy * (times - mean) ** 2)))
    assert frequency_variance(np.sqrt(energy)[:, None], times + 1e4, UNIT, 0.2) == pytest.approx(bound)


def test_maximum_likelihood_attains_the_frequency_bound_over_two_unknown_taps() -> None:
    n, variance = 48, 0.01
    sent = np.exp(1j * np.pi * 0.7 * np.arange(n) ** 2 / n)
    signal = np.stack([np.r_[sent, 0], np.r_[0, sent]], axis=1)
    times, response = np.arange(n + 1.0), np.array([1.0, 0.6j])
    basis, _ = np.linalg.qr(signal)
    received = signal @ response + noise(400, n + 1, variance=variance)
    steps = np.linspace(-0.02, 0.02, 201)
    turned = received[:, None] * np.exp(-1j * steps[:, None] * times)
    explained = np.sum(np.abs(turned @ basis.conj()) ** 2, axis=2)
    found = steps[np.argmax(explained, axis=1)]
    bound = frequency_variance(signal, times, response, variance)
    assert bound > frequency_variance((signal @ response)[:, None], times, UNIT, variance)
    assert np.var(found) == pytest.approx(bound, rel=0.2)


def test_least_squares_attains_the_channel_bound() -> None:
    carriers, symbols, taps, variance = 24, 3, 4, 0.05
    turns = np.exp(-2j * np.pi / 32 * np.outer(np.arange(carriers), np.arange(taps)))
    basis, _ = np.linalg.qr(turns)
    mean = np.mean(noise(4000, symbols, carriers, variance=variance), axis=1)
    every, delayed = np.mean(np.abs(mean) ** 2), np.mean(np.abs(mean @ basis.conj()) ** 2) * taps / carriers
    assert every == pytest.approx(channel_error(carriers, carriers, symbols, variance), rel=0.03)
    assert delayed == pytest.approx(channel_error(taps, carriers, symbols, variance), rel=0.03)


def test_the_bayesian_bound_has_its_limits() -> None:
    for s2 in (0.01, 3.0):
        assert bayesian_channel_error(np.eye(5), np.eye(1), s2) == pytest.approx(s2 / (1 + s2))
        assert bayesian_channel_error(np.ones((5, 5)), np.ones((3, 3)), s2) == pytest.approx(s2 / (15 + s2))


def test_the_linear_mmse_estimator_attains_the_bayesian_bound() -> None:
    over_carriers, over_time = 0.9 ** np.abs(np.subtract.outer(range(6), range(6))), np.array([[1, 0.5], [0.5, 1]])
    both, s2 = np.kron(over_time, over_carriers), 0.2
    true = noise(20000, 12, variance=1) @ np.linalg.cholesky(both).T
    observed = true + noise(20001, 12, variance=s2)[1:]  # one row on, so not the same draws
    found = observed @ np.linalg.solve(both + s2 * np.eye(12), both)
    bound = bayesian_channel_error(over_carriers, over_time, s2)
    assert np.mean(np.abs(found - true) ** 2) == pytest.approx(bound, rel=0.02)


def test_nothing_beats_its_bound() -> None:
    u = Numerology.load("ofdm64")
    preamble, burst = phy_bounds.frequency(u, 15.0, 12)
    assert preamble["loss_db"] > 3 and preamble["bound_dispersive_hz"] > preamble["bound_hz"]
    assert burst["rms_hz"] > burst["bound_training_hz"] > burst["bound_hz"]
    least_squares, smoothed = phy_bounds.channel(u, "awgn", 15.0, 6, ["ls", "dft-smoothed"])
    assert least_squares["mse_db"] == pytest.approx(least_squares["bound_carrier_db"], abs=0.5)
    assert least_squares["mse_db"] > smoothed["mse_db"] > smoothed["bound_bayes_db"]
    assert {"mse_db", "loss_db"}.isdisjoint(phy_bounds.channel(u, "awgn", -12.0, 1, ["ls"])[0])


def test_a_layout_is_the_best_where_it_carries_most() -> None:
    same = {"channel": "tdl-a-30ns", "snr_db": 10.0}
    rows = [
        {**same, "layout": layout, "speed_mps": speed, "net_bits": bits}
        for layout, speed, bits in (("short", 1.0, 2.0), ("long", 1.0, 2.5), ("short", 9.0, 1.5), ("long", 9.0, 0.5))
    ]
    assert [(row["layout"], row["ahead_bits"]) for row in phy_ageing.best(rows)] == [("long", 0.5), ("short", 1.0)]
    assert phy_ageing.draw(rows).axes[0].get_title() == "tdl-a-30ns, 10 dB"
