import numpy as np
import pytest

from gvc.phy.peak_limiter import PeakLimiter


@pytest.mark.parametrize("backoff_db", [3.0, 6.0, 8.0])
def test_gain_and_distortion_of_gaussian_samples(backoff_db: float) -> None:
    random = np.random.default_rng(0)
    x = (random.standard_normal(1_000_000) + 1j * random.standard_normal(1_000_000)) / 2**0.5
    limiter = PeakLimiter(backoff_db)
    y = limiter.apply(x)
    assert np.vdot(x, y).real / np.vdot(x, x).real == pytest.approx(1, abs=1e-3)
    assert np.mean(np.abs(y - x) ** 2) == pytest.approx(limiter.distortion, rel=0.08)
    assert 20 * np.log10(np.max(np.abs(y)) * limiter.gain) <= backoff_db + 1e-3


def test_weak_samples_only_scale() -> None:
    limiter = PeakLimiter(9.0)
    x = np.array([0, 1, 1j, -1 - 1j])
    assert np.allclose(limiter.apply(x), x / limiter.gain)
