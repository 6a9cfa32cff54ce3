"""Metadata: an inverse, small for neighbours alike, typed errors on other bytes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gvc.coding.schemes.softcast.metadata import LARGEST, Metadata, grid_of, level, unpack, variance
from gvc.coding.schemes.softcast.transform import GRIDS, Chunks
from gvc.errors import ParseError

SHAPE = (3, 2, 3, 4)


@given(
    st.lists(st.integers(0, LARGEST), min_size=72, max_size=72),
    st.integers(-100, 100),
    st.integers(0, len(GRIDS) - 1),
)
@settings(max_examples=60, deadline=None)
def test_unpacking_gives_what_was_packed(levels: list[int], lowest: int, grid: int) -> None:
    sent = Metadata(np.array([100.5, -3, 0.25], np.float32), 1.5, grid, lowest, np.array(levels, np.uint8))
    packed = sent.pack(SHAPE)
    found = unpack(packed + bytes(3), SHAPE)
    assert (found.scale, found.grid, found.lowest) == (1.5, grid, lowest) and grid_of(packed) == grid
    np.testing.assert_array_equal(found.means, sent.means)
    np.testing.assert_array_equal(found.levels, sent.levels)


def test_smooth_levels_cost_little() -> None:
    shape = (3, 5, 12, 12)
    colour, time, row, column = np.indices(shape)
    levels = np.clip(20 - 3 * colour - 2 * time - row - column, 0, LARGEST).astype(np.uint8).ravel()
    packed = Metadata(np.zeros(3, np.float32), 1.0, 0, 0, levels).pack(shape)
    assert len(packed) * 8 < 0.9 * len(levels)


@given(st.binary(max_size=80))
@settings(max_examples=200, deadline=None)
def test_other_bytes_give_levels_in_range_or_a_parse_error(data: bytes) -> None:
    try:
        found = unpack(data, SHAPE)
    except ParseError:
        return
    assert found.levels.shape == (72,) and found.levels.max() <= LARGEST
    assert np.isfinite(found.variances()).all() and np.isfinite(found.means).all() and found.scale > 0


@pytest.mark.parametrize("fill", [0xFF, 0xB7, 0x80])
@pytest.mark.parametrize("grid", range(len(GRIDS)))
def test_crafted_bytes_for_large_pictures_give_levels_in_range_or_a_parse_error(fill: int, grid: int) -> None:
    """Levels that climb by one at each chunk would leave the coder's contexts: 34 bytes do for 720p."""
    head = Metadata(np.zeros(3, np.float32), 1.0, grid, 0, np.zeros(72, np.uint8)).pack(SHAPE)[:10]
    random = np.random.default_rng(fill + grid)
    shape = Chunks(4, 720, 1280, grid).shape
    for length in (1, 10, 24, 40):
        body = bytes(random.choice([0, 255, fill], length).astype(np.uint8))
        try:
            assert unpack(head + body, shape).levels.max() <= LARGEST
        except ParseError:
            pass


def test_what_is_no_metadata_is_refused() -> None:
    good = Metadata(np.zeros(3, np.float32), 1.0, 0, 0, np.ones(72, np.uint8)).pack(SHAPE)
    for bad in (b"", good[:5], good[:9] + bytes([len(GRIDS)]) + good[10:], b"\0\x7c" + good[2:]):
        with pytest.raises(ParseError):
            unpack(bad, SHAPE)


def test_levels_are_the_variances_within_half_a_step() -> None:
    variances = np.geomspace(1e-4, 1e9, 300)
    assert np.abs(10 * np.log10(variance(level(variances)) / variances)).max() < 1.51
