"""Freezes: WebRTC's definition on sequences counted by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvc.evaluation.service.freezes import freezes


def rendered(text: str) -> np.ndarray:
    return np.array([letter == "x" for letter in text])


@pytest.mark.parametrize(
    ("text", "fps", "count", "seconds"),
    [
        ("x" * 50, 25, 0, 0.0),
        ("x" * 20 + "." * 3 + "x" * 20, 25, 0, 0.0),  # 160 ms, less than 40 + 150
        ("x" * 20 + "." * 4 + "x" * 20, 25, 1, 0.2),  # 200 ms
        ("x" * 20 + "." * 3 + "x" * 20, 20, 1, 0.2),  # exactly 50 + 150 ms
        ("x" * 30 + "." * 2 + "x" * 30, 5, 1, 0.6),  # exactly three times the mean
        ("x" * 30 + "." + "x" * 30, 5, 0, 0.0),  # twice the mean, 200 ms more
        ("x" * 10 + "." * 9 + "x" * 10 + "." * 9 + "x" * 10, 25, 2, 0.8),
        ("." * 9 + "x" * 10, 25, 1, 0.4),
        ("x" * 10 + "." * 9, 25, 1, 0.4),
        ("." * 24, 25, 1, 1.0),
        # At every fifth frame, intervals of 200 ms are the mean soon, and no freezes.
        ("x...." * 40, 25, 1, 0.2),
    ],
)
def test_counted_by_hand(text: str, fps: float, count: int, seconds: float) -> None:
    found = freezes(rendered(text), fps)
    assert found.count == count and found.seconds == pytest.approx(seconds)


@given(st.lists(st.booleans(), max_size=200), st.sampled_from([5.0, 25.0, 60.0]))
def test_never_more_than_the_time_there_is(shown: list[bool], fps: float) -> None:
    found = freezes(np.array(shown, bool), fps)
    assert 0 <= found.seconds <= (len(shown) + 1) / fps + 1e-9
    assert (found.count == 0) == (found.seconds == 0)
