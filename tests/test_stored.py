"""Stored files: whatever is in them, content or a typed error that names the file, within bounds."""

import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gvc import stored
from gvc.errors import InputError

ARRAYS = {
    "plain": np.arange(7, dtype=np.float32),
    "columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "none": np.zeros((0, 4), np.complex64),
    "one": np.array(3.5),
}


def test_arrays_come_back(tmp_path: Path) -> None:
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", **ARRAYS)
        found = stored.read_arrays(tmp_path / "a.npz")
        assert list(found) == list(ARRAYS)
        for name, array in ARRAYS.items():
            assert np.array_equal(found[name], array) and found[name].dtype == array.dtype
        found["plain"][0] = 5


def test_a_zip_bomb_is_refused_at_once(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (1 << 24,)})
        for _ in range(128):
            file.write(bytes(1 << 20))
    with pytest.raises(InputError, match=r"a\.npz would take 134217856 bytes of memory, more than the 67108864"):
        stored.read_arrays(tmp_path / "a.npz")


@pytest.mark.parametrize("shape", [(1 << 50,), (1 << 40, 0, 1 << 40), (-1,), (8, 8)])
def test_a_shape_is_believed_only_as_far_as_the_bytes_reach(tmp_path: Path, shape: tuple) -> None:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", file.getvalue() + bytes(8 * 7))
    with pytest.raises(InputError, match=r"a\.npz is damaged"):
        stored.read_arrays(tmp_path / "a.npz")


def test_objects_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.array([{}], object))
    with pytest.raises(InputError, match="holds objects"):
        stored.read_arrays(tmp_path / "a.npz")


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_altered_arrays_are_arrays_or_an_input_error(tmp_path_factory: pytest.TempPathFactory, data) -> None:
    path = tmp_path_factory.getbasetemp() / "altered.npz"
    file = io.BytesIO()
    np.savez_compressed(file, **ARRAYS)
    content = bytearray(file.getvalue())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.sampled_from([len(content), len(content) // 2, 30]))])
    try:
        assert all(isinstance(array, np.ndarray) for array in stored.read_arrays(path).values())
    except InputError as error:
        assert "altered.npz" in str(error)


@given(
    st.binary(max_size=40) | st.sampled_from([b"[" * 5000, b'{"a":' * 5000, b"9" * 5000, b"\xff\xfe{}", b"[1]", b"3"])
)
def test_any_bytes_are_a_mapping_or_an_input_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "some.json"
    path.write_bytes(content)
    try:
        assert isinstance(stored.read_mapping(path), dict)
    except InputError as error:
        assert "some.json" in str(error)


def test_what_is_too_large_or_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({}))
    os.truncate(tmp_path / "a.json", stored.MOST_JSON_BYTES + 1)
    with pytest.raises(InputError, match="a.json is larger than"):
        stored.read_json(tmp_path / "a.json")
    for read in (stored.read_json, stored.read_arrays):
        with pytest.raises(InputError, match="nothing.here cannot be read: No such file"):
            read(tmp_path / "nothing.here")
