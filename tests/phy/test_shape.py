import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvc.errors import InputError
from gvc.phy.shape import BITS, CountShape, PictureShape, parse

VALUES = st.integers(0, (1 << BITS) - 1)


@given(VALUES, st.sampled_from([PictureShape, CountShape]))
def test_every_value_of_the_field_is_a_shape_and_comes_back(value: int, kind: type) -> None:
    shape = parse(kind, value)
    assert shape.pack() == value
    assert shape.elements >= 1


@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 15), (2160, 3840), (4096, 4096)])
def test_elements_count_whole_blocks_of_16_pixels(height: int, width: int) -> None:
    assert PictureShape(height, width, 32).elements == 16 * -(-height // 16) * -(-width // 16)


@pytest.mark.parametrize("values", [(4097, 16, 32), (16, 0, 32), (16, 16, 258), (16, 16, 33), (16, 16, 0)])
def test_a_picture_beyond_the_field(values: tuple[int, int, int]) -> None:
    with pytest.raises(InputError):
        PictureShape(*values)


@pytest.mark.parametrize("values", [(0, 0), ((1 << 24) + 1, 0), (1, 128)])
def test_a_count_beyond_the_field(values: tuple[int, int]) -> None:
    with pytest.raises(InputError):
        CountShape(*values)
