"""The search for the finest setting that fits, against trying all."""

import math

from hypothesis import given
from hypothesis import strategies as st

from gvc.coding.codecs.video.search import GOOD_USE, Search


@given(
    st.integers(1, 300),
    st.floats(20, 1e5),
    st.floats(0.5, 12),
    st.integers(1, 10**5),
    st.integers(0, 300),
)
def test_finds_the_finest_that_fits(last: int, finest: float, halvings: float, budget: int, start: int) -> None:
    sizes = [max(10, round(finest * 2 ** (-halvings * setting / last))) for setting in range(last + 1)]
    asked = []

    def attempt(setting: int) -> bytes:
        asked.append(setting)
        return bytes(sizes[setting])

    found = Search(attempt, last, budget).run(min(start, last))
    best = next((setting for setting, size in enumerate(sizes) if size <= budget), None)
    if best is None:
        assert found is None
    else:
        assert found is not None and sizes[found] <= budget
        assert found == best or sizes[found] >= GOOD_USE * budget
    assert len(asked) == len(set(asked)) <= 3 * math.log2(last + 1) + 4


@given(st.lists(st.integers(1, 1000), min_size=2, max_size=60), st.integers(1, 1000), st.data())
def test_sizes_in_any_order_end_with_one_that_fits(sizes: list[int], budget: int, data: st.DataObject) -> None:
    search = Search(lambda setting: bytes(sizes[setting]), len(sizes) - 1, budget)
    found = search.run(data.draw(st.integers(0, len(sizes) - 1)))
    assert sizes[found] <= budget if found is not None else sizes[-1] > budget
