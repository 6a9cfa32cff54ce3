import numpy as np
import pytest

from gvc.decibel import RunningMedian


@pytest.mark.parametrize("count", [1, 2, 3, 10, 1001])
def test_the_running_median_is_the_median(count: int) -> None:
    values = np.random.default_rng(count).normal(10, 8, count)
    median = RunningMedian()
    for value in [*values, np.nan, -np.inf]:
        median.add(value)
    assert median.value == pytest.approx(np.median(values), abs=0.0051)


def test_of_nothing_it_is_none() -> None:
    assert RunningMedian().value is None
