"""The phase follower against closed forms."""

import numpy as np
import pytest

from gvc.phy.receiver.phase_path import follow_phase

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

BLOCK = 17
"""Symbols in a block, a midamble among them."""


def followed(
    angle: np.ndarray, variance: float | np.ndarray, jump: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    n = len(angle)
    jump = np.zeros(n, bool) if jump is None else jump
    return follow_phase(np.angle(np.exp(1j * angle)), np.broadcast_to(variance, n) * 1.0, np.arange(n) // BLOCK, jump)


def around(phase: np.ndarray) -> np.ndarray:
    """Angle in (-pi, pi]."""
    return np.angle(np.exp(1j * phase))


def test_a_steady_phase_is_averaged_over_the_whole_burst() -> None:
    """The mean of n measurements of variance r has variance r / n. Where chance looks like a walk, the
    follower averages over less, and says so.
    """
    random = np.random.default_rng(0)
    n, r = 102, 0.02
    errors, claims = [], []
    for _ in range(200):
        phase, claim, slope = followed(2.0 + np.sqrt(r) * random.standard_normal(n), r)
        errors.append(np.square(around(phase - 2.0)))
        claims.append(claim)
        assert not slope.any()
    assert r / n < np.median(claims) < 1.5 * r / n
    assert np.median(np.mean(errors, axis=1)) < 3 * r / n
    assert 0.4 * np.mean(claims) < np.mean(errors) < 1.2 * np.mean(claims)


def test_a_random_walk_has_the_smoothers_steady_state_variance() -> None:
    """Forward p = (q + sqrt(q^2 + 4 q r)) / 2 - q after a measurement, and both directions together
    s = p q / sqrt(q^2 + 4 q r) + ... = r q / sqrt(q^2 + 4 q r) (random walk plus noise, Harvey 1989, section 4.6).
    """
    random = np.random.default_rng(1)
    n, q, r = 102, 0.05, 0.02
    expected = r * q / np.sqrt(q**2 + 4 * q * r)
    errors, claims = [], []
    for _ in range(100):
        truth = np.cumsum(np.sqrt(q) * random.standard_normal(n))
        phase, claim, _ = followed(truth + np.sqrt(r) * random.standard_normal(n), r)
        errors.append(around(phase - truth)[20:-20])
        claims.append(claim[20:-20])
    assert np.mean(np.square(errors)) == pytest.approx(expected, rel=0.15)
    assert np.mean(claims) == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("rate", [0.5, -1.2])
def test_a_line_is_followed_round_the_circle(rate: float) -> None:
    random = np.random.default_rng(2)
    n, r = 102, 0.02
    truth = rate * np.arange(n)
    phase, claim, slope = followed(truth + np.sqrt(r) * random.standard_normal(n), r)
    assert np.abs(around(phase - truth)).max() < 4 * np.sqrt(r / 3)
    assert slope == pytest.approx(np.full(6, rate), abs=0.05)
    assert np.all(claim < r)


def test_frequency_that_changes_is_measured_block_by_block() -> None:
    random = np.random.default_rng(3)
    n, r = 102, 0.01
    rate = np.where(np.arange(n) < 3 * BLOCK, 0.0, 0.4)
    truth = np.cumsum(rate)
    phase, _, slope = followed(truth + np.sqrt(r) * random.standard_normal(n), r)
    assert slope == pytest.approx([0, 0, 0, 0.4, 0.4, 0.4], abs=0.05)
    assert np.abs(around(phase - truth)).max() < 0.3


def test_a_jump_that_is_flagged_is_followed_at_once() -> None:
    random = np.random.default_rng(4)
    n, r, at = 102, 0.01, 60
    truth = np.where(np.arange(n) < at, 0.3, 0.3 + 2.5)
    jump = np.arange(n) == at
    phase, claim, _ = followed(truth + np.sqrt(r) * random.standard_normal(n), r, jump)
    assert np.abs(around(phase - truth)).max() < 0.15
    assert claim.max() < r  # each side averages its own


def test_a_jump_within_a_block_is_no_slope() -> None:
    random = np.random.default_rng(6)
    n, r = 102, 0.03
    for _ in range(50):
        at = int(random.integers(20, 95))
        truth = np.where(np.arange(n) < at, 0.0, random.uniform(-np.pi, np.pi))
        phase, claim, slope = followed(truth + np.sqrt(r) * random.standard_normal(n), r, np.arange(n) == at)
        assert np.count_nonzero(slope) <= 1
        assert np.mean(around(phase - truth) ** 2) < 8 * np.mean(claim)


def test_what_is_not_known_is_bridged() -> None:
    """Between two known ends a random walk has the variance of a bridge: q m (g - m) / g, m steps into a gap of g."""
    random = np.random.default_rng(5)
    n, q, r = 102, 0.01, 1e-4
    gap = slice(50, 60)
    errors, claims = [], []
    for _ in range(200):
        truth = np.cumsum(np.sqrt(q) * random.standard_normal(n))
        variance = np.full(n, r)
        variance[gap] = np.inf
        seen = truth + np.sqrt(r) * random.standard_normal(n)
        seen[gap] = random.uniform(-np.pi, np.pi, 10)
        phase, claim, _ = followed(seen, variance)
        errors.append(around(phase - truth)[gap])
        claims.append(claim[gap])
    m = np.arange(1, 11)
    bridge = q * m * (11 - m) / 11
    assert np.mean(claims, axis=0) == pytest.approx(bridge, rel=0.2)
    assert np.mean(np.square(errors)) == pytest.approx(bridge.mean(), rel=0.25)


def test_nothing_known_at_all() -> None:
    phase, claim, slope = followed(np.zeros(40), np.inf)
    assert np.all(np.isfinite(phase)) and np.all(claim > 10) and not slope.any()
