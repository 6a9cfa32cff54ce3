"""Files are whole or absent; whatever is in them gives content or a typed error that names the file, within bounds."""

import io
import json
import math
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gvc.errors import InputError
from gvc.storage import files
from gvc.storage.arrays import read_arrays

ARRAYS = {
    "plain": np.arange(7, dtype=np.float32),
    "columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "none": np.zeros((0, 4), np.complex64),
    "one": np.array(3.5),
}


def test_arrays_come_back(tmp_path: Path) -> None:
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", **ARRAYS)
        found = read_arrays(tmp_path / "a.npz")
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
        read_arrays(tmp_path / "a.npz")


@pytest.mark.parametrize("shape", [(1 << 50,), (1 << 40, 0, 1 << 40), (-1,), (8, 8)])
def test_a_shape_is_believed_only_as_far_as_the_bytes_reach(tmp_path: Path, shape: tuple) -> None:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", file.getvalue() + bytes(8 * 7))
    with pytest.raises(InputError, match=r"a\.npz is damaged"):
        read_arrays(tmp_path / "a.npz")


def test_objects_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.array([{}], object))
    with pytest.raises(InputError, match="holds objects"):
        read_arrays(tmp_path / "a.npz")


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
        assert all(isinstance(array, np.ndarray) for array in read_arrays(path).values())
    except InputError as error:
        assert "altered.npz" in str(error)


@given(
    st.binary(max_size=40) | st.sampled_from([b"[" * 5000, b'{"a":' * 5000, b"9" * 5000, b"\xff\xfe{}", b"[1]", b"3"])
)
def test_any_bytes_are_a_mapping_or_an_input_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "some.json"
    path.write_bytes(content)
    try:
        assert isinstance(files.read_mapping(path), dict)
    except InputError as error:
        assert "some.json" in str(error)


def test_what_is_too_large_or_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({}))
    os.truncate(tmp_path / "a.json", files.MOST_JSON_BYTES + 1)
    with pytest.raises(InputError, match="a.json is larger than"):
        files.read_json(tmp_path / "a.json")
    for read in (files.read_json, read_arrays):
        with pytest.raises(InputError, match="nothing.here cannot be read: No such file"):
            read(tmp_path / "nothing.here")


@pytest.mark.parametrize("there", [True, False])
def test_a_file_or_folder_takes_its_name_only_when_it_is_whole(tmp_path: Path, there: bool) -> None:
    file, folder = tmp_path / "a.json", tmp_path / "b"
    if there:
        files.write_json(file, 1)
        folder.mkdir()
        (folder / "old").touch()
    before = {path.name for path in tmp_path.rglob("*")}
    with pytest.raises(RuntimeError), files.whole(file) as draft:
        draft.write_text("half")
        raise RuntimeError
    with pytest.raises(RuntimeError), files.whole(folder) as draft:
        draft.mkdir()
        (draft / "new").touch()
        raise RuntimeError
    assert {path.name for path in tmp_path.rglob("*")} == before
    with files.whole(file) as draft:
        draft.write_text("2")
    with files.whole(folder) as draft:
        draft.mkdir()
        (draft / "new").touch()
    assert {path.name for path in tmp_path.rglob("*")} == {"a.json", "b", "new"} and files.read_json(file) == 2


def test_json_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    files.write_json(tmp_path / "a.json", {"a": [np.float32(0.5), math.nan, Path("b"), "c\udcff"], 2: (True, None)})
    assert files.read_json(tmp_path / "a.json") == {"a": [0.5, None, "b", "c\\udcff"], "2": [True, None]}
    with pytest.raises(OSError):
        files.write_json(tmp_path / "nowhere/a.json", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_drafts_of_the_dead_are_cleared_and_a_folder_half_replaced_is_given_back(tmp_path: Path) -> None:
    run = tmp_path / "run[1]"
    run.mkdir()
    (run / "old").touch()
    run.rename(tmp_path / ".run[1].old-12")
    dead, alive = files.draft_of(run), files.draft_of(run)
    dead.touch()
    alive.touch()
    lock = files.locked(alive)
    assert lock is not None
    files.clear_drafts(run)
    os.close(lock)
    assert {path.name for path in tmp_path.rglob("*")} == {alive.name, "run[1]", "old"}
