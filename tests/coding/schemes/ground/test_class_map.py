"""The coded map of classes."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from gvc.coding.schemes.ground import class_map


@given(st.data(), st.integers(1, 6), st.integers(1, 6), st.sampled_from([1, 8, 64]))
def test_a_map_comes_back(data: st.DataObject, rows: int, columns: int, count: int) -> None:
    size = rows * columns
    labels = torch.tensor(data.draw(st.lists(st.integers(0, count - 1), min_size=size, max_size=size)))
    packed = class_map.pack(labels, rows, columns, count)
    assert torch.equal(class_map.unpack(packed + bytes(3), rows, columns, count), labels)


@given(st.binary(max_size=80), st.sampled_from([1, 8, 64]))
def test_any_bytes_are_a_map(data: bytes, count: int) -> None:
    labels = class_map.unpack(data, 4, 5, count)
    assert labels.shape == (20,) and 0 <= labels.min() and labels.max() < count


def test_a_map_of_like_neighbours_is_short() -> None:
    smooth = torch.arange(96).div(24, rounding_mode="floor") * 4 + 20
    mixed = torch.randint(64, (96,), generator=torch.Generator().manual_seed(1))
    assert len(class_map.pack(smooth, 8, 12, 64)) < 0.75 * len(class_map.pack(mixed, 8, 12, 64))
    assert class_map.pack(mixed, 8, 12, 1) == b""


def test_the_start_of_the_coder_is_what_maps_say() -> None:
    grid = torch.full((6, 6), 5)
    start = class_map.fit([grid] * 20, 8).reshape(-1, 8)
    packed_context = class_map.context(5, 5, 8)
    # 5 is 101: the first decision is nearly always a 1, the second a 0
    assert start[packed_context, 1] < 200 and start[packed_context, 3] > 3900
    assert class_map.context(None, None, 8) == 0 and class_map.context(7, None, 8) == class_map.context(7, 7, 8)
