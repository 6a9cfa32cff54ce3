"""Reading published pickles without running them."""

import functools
import io
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gvc.errors import InputError, ParseError
from gvc.evaluation.metrics.convert import SUMS, convert, installed, read_arrays, read_old_torch
from gvc.paths import content_dir


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


def test_altered_sources_are_refused_and_nothing_is_written(tmp_path):
    sdist, wheel = tmp_path / "sdist.tar.gz", tmp_path / "wheel.whl"
    sdist.write_bytes(b"x")
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("DISTS_pytorch/weights.pt", b"x")
    with pytest.raises(InputError, match="SHA-256"):
        convert(sdist, wheel, tmp_path / "out")
    with pytest.raises(InputError, match="cannot be read"):
        convert(tmp_path / "absent", wheel, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_installed_is_whole():
    assert installed(content_dir() / "metrics"), "metric weights are not installed: run ./testbed setup"


def test_missing_or_altered_files_are_not_installed(tmp_path):
    assert not installed(tmp_path)
    (tmp_path / SUMS).write_text('{"lpips_alex.safetensors": "0"}')
    assert not installed(tmp_path)
    (tmp_path / SUMS).write_text("[]")
    assert not installed(tmp_path)
