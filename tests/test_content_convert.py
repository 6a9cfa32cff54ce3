"""Reading published pickles without running them."""

import functools
import io
import os
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gvc.content.convert import read_arrays, read_old_torch
from gvc.errors import ParseError


class Attack:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def old_torch(value) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def test_arrays_come_back():
    tree = {"a": {"kernel": np.arange(12, dtype=np.float32).reshape(3, 4)}, "scalar": np.float32(2.5)}
    back = read_arrays(io.BytesIO(pickle.dumps(tree, protocol=4)))
    np.testing.assert_array_equal(back["a"]["kernel"], tree["a"]["kernel"])
    assert back["scalar"] == 2.5


def test_tensors_in_the_old_format_come_back():
    alpha, beta = torch.randn(1, 5, 1, 1), torch.randn(7)
    back = read_old_torch(old_torch({"alpha": alpha, "beta": torch.nn.Parameter(beta)}))
    np.testing.assert_array_equal(back["alpha"], alpha.numpy())
    np.testing.assert_array_equal(back["beta"], beta.numpy())


def test_whole_numbers_and_turned_tensors_come_back():
    turned = torch.randn(4, 3, 2).permute(2, 0, 1)[:, 1:]
    back = read_old_torch(old_torch({"steps": torch.tensor(7), "turned": turned}))
    assert back["steps"].dtype == np.int64 and back["steps"] == 7
    np.testing.assert_array_equal(back["turned"], turned.numpy())


def test_a_tensor_outside_its_storage_is_refused():
    """A view that repeats one value without end would fill the memory."""
    with pytest.raises(ParseError, match="outside its storage"):
        read_old_torch(old_torch({"alpha": torch.ones(1).expand(2**50)}))


@pytest.mark.parametrize("wrap", [lambda a: a, lambda a: {"x": [1, a]}])
def test_code_in_a_pickle_is_refused_and_not_run(tmp_path, wrap):
    target = tmp_path / "ran"
    with pytest.raises(ParseError, match="refused"):
        read_arrays(io.BytesIO(pickle.dumps(wrap(Attack(target)))))
    with pytest.raises(ParseError, match="refused"):
        read_old_torch(old_torch(wrap(Attack(target))))
    assert not target.exists()


@given(st.binary(max_size=200))
def test_random_bytes_are_refused(data):
    with pytest.raises(ParseError):
        read_old_torch(data)
    try:
        read_arrays(io.BytesIO(data))
    except ParseError:
        pass


# Made once: torch writes addresses into it, and another one may have another length.
GOOD = functools.cache(lambda: old_torch({"alpha": torch.ones(4)}))


@given(st.data())
def test_an_altered_file_gives_tensors_or_an_error(data):
    good = bytearray(GOOD())
    for _ in range(2):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        read_old_torch(bytes(good))
    except ParseError:
        pass
