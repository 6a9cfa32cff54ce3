"""Whitening is a rotation; its estimate is the textbook's (Kay, Estimation Theory, 12.5), faded or erased."""

import numpy as np
import pytest
from scipy.linalg import hadamard

from gvc.coding.schemes.softcast.whitening import GROUP, across_slots, estimate, spread
from gvc.noise_map import NU_MAX


def falling(count: int) -> np.ndarray:
    return 40.0 / (1 + np.arange(count))


def test_it_keeps_power_evens_it_out_and_comes_back() -> None:
    values = np.random.default_rng(1).standard_normal(4 * GROUP) * np.sqrt(falling(4 * GROUP))
    symbols = spread(values)
    assert symbols.dtype == np.complex64 and len(symbols) == 2 * GROUP
    assert np.sum(np.abs(symbols) ** 2) == pytest.approx(np.sum(values**2), rel=1e-5)
    found = estimate(symbols, np.full(len(symbols), 1e-6, np.float32), falling(4 * GROUP))
    np.testing.assert_allclose(found, values, atol=1e-3)
    peak = spread(np.eye(1, 4 * GROUP)[0])
    np.testing.assert_allclose(np.abs(peak[np.abs(peak) > 0]), GROUP**-0.5, rtol=1e-5)


def test_the_estimate_is_the_textbooks() -> None:
    random = np.random.default_rng(2)
    received = (random.standard_normal((GROUP, 2)) @ [1, 1j]).astype(np.complex64)
    noise_map = random.exponential(size=GROUP).astype(np.float32)
    noise_map[[3, 17]] = NU_MAX
    received[[3, 17]] = 0
    powers = falling(2 * GROUP)
    known = noise_map < NU_MAX
    mixing = hadamard(GROUP)[known] / np.sqrt(GROUP)
    expected = np.empty((GROUP, 2))
    for part, seen in enumerate((received.real, received.imag)):
        prior = np.diag(powers.reshape(GROUP, 2)[:, part])
        cover = mixing @ prior @ mixing.T + np.diag(noise_map[known] / 2)
        expected[:, part] = prior @ mixing.T @ np.linalg.inv(cover) @ seen[known]
    np.testing.assert_allclose(estimate(received, noise_map, powers).reshape(GROUP, 2), expected, atol=1e-5)


def test_equal_noise_makes_it_the_scalar_estimate() -> None:
    values = np.random.default_rng(3).standard_normal(2 * GROUP)
    found = estimate(spread(values), np.full(GROUP, 0.4, np.float32), falling(2 * GROUP))
    np.testing.assert_allclose(found, values * falling(2 * GROUP) / (falling(2 * GROUP) + 0.2), atol=1e-4)


def test_a_group_meets_every_slot() -> None:
    dealt = across_slots(np.arange(4 * 2 * GROUP).astype(np.complex64), 4)
    assert [len(slot) for slot in dealt] == [2 * GROUP] * 4
    for slot in dealt:
        assert np.count_nonzero(slot.real < GROUP) == GROUP // 4
