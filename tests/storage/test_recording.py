"""Sample files: what is written comes back; what is not a recording is refused."""

import hashlib
import json
import tarfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvc.errors import InputError
from gvc.storage.recording import SampleReader, SampleWriter


def samples(count: int) -> np.ndarray:
    return np.random.default_rng(count).standard_normal(2 * count, np.float32).view(np.complex64)


@pytest.mark.parametrize("name", ["x.cf32", "x.iq", "x.sigmf-data", "x.sigmf-meta", "x.sigmf"])
def test_what_is_written_comes_back(tmp_path: Path, name: str) -> None:
    sent = samples(150_001)
    with SampleWriter(tmp_path / name, 1e6, 2.4e9) as writer:
        writer.write(sent[:7])
        writer.write(sent[7:])
        writer.commit()
    reader = SampleReader(tmp_path / name, 1e6)
    assert reader.samples == len(sent)
    assert np.array_equal(np.concatenate(list(reader)), sent)
    assert not list(tmp_path.glob(".*"))


def test_sigmf_says_what_the_samples_are(tmp_path: Path) -> None:
    with SampleWriter(tmp_path / "x.sigmf-data", 5e6, 2.4e9) as writer:
        writer.write(samples(3))
        writer.commit()
    about = json.loads((tmp_path / "x.sigmf-meta").read_text())
    assert about["global"]["core:datatype"] == "cf32_le"
    assert about["global"]["core:sample_rate"] == 5e6
    assert about["captures"] == [{"core:sample_start": 0, "core:frequency": 2.4e9}]
    with pytest.raises(InputError, match="5000000.0 Hz, but the radio has 1e.06 Hz"):
        SampleReader(tmp_path / "x.sigmf-data", 1e6)


def test_what_is_not_committed_leaves_nothing_and_keeps_the_old(tmp_path: Path) -> None:
    (tmp_path / "x.cf32").write_bytes(b"before")
    with SampleWriter(tmp_path / "x.cf32", 1e6, 2.4e9) as writer:
        writer.write(samples(3))
    assert [path.name for path in tmp_path.iterdir()] == ["x.cf32"]
    assert (tmp_path / "x.cf32").read_bytes() == b"before"


@given(st.binary(max_size=200))
def test_any_bytes_are_metadata_or_an_input_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("sigmf")
    (folder / "x.sigmf-meta").write_bytes(data)
    (folder / "x.sigmf-data").write_bytes(bytes(8))
    with pytest.raises(InputError):
        SampleReader(folder / "x.sigmf-data", 1e6)


@given(st.recursive(st.none() | st.integers() | st.text(max_size=4), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["global", "core:datatype", "core:sample_rate"]), inner), max_leaves=8))  # fmt: skip
def test_any_json_is_metadata_or_an_input_error(tmp_path_factory: pytest.TempPathFactory, content) -> None:
    folder = tmp_path_factory.mktemp("sigmf")
    (folder / "x.sigmf-meta").write_text(json.dumps(content))
    (folder / "x.sigmf-data").write_bytes(bytes(8))
    with pytest.raises(InputError):
        SampleReader(folder / "x.sigmf-data", 1e6)


def recording(folder: Path, data: bytes, captures: list[dict] | None = None, **about: object) -> Path:
    """A SigMF pair with these samples; `about` are keys of `global`, without their namespace."""
    described = {"core:datatype": "cf32_le", "core:version": "1.0.0", "core:sample_rate": 1e6}
    described |= {f"core:{key}": value for key, value in about.items()}
    meta = {"global": described, "captures": captures or [{"core:sample_start": 0}], "annotations": []}
    (folder / "x.sigmf-data").write_bytes(data)
    (folder / "x.sigmf-meta").write_text(json.dumps(meta))
    return folder / "x.sigmf-meta"


def read(path: Path) -> np.ndarray:
    reader = SampleReader(path, 1e6, 2.4e9)
    found = np.concatenate(list(reader))
    assert len(found) == reader.samples
    return found


@pytest.mark.parametrize("size", ["f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_other_sample_types_are_scaled_to_a_full_scale_of_one(tmp_path: Path, size: str, order: str) -> None:
    kind = np.dtype(order + size)
    values = np.array([[0.5, -0.25], [0.0, 1 - 2.0**-6], [-1.0, 0.125]])
    if kind.kind in "iu":
        half = 2.0 ** (8 * kind.itemsize - 1)
        stored = values * half + (half if kind.kind == "u" else 0)
    else:
        stored = values
    name = f"c{kind.kind}{8 * kind.itemsize}" + ({"<": "_le", ">": "_be"}[order] if kind.itemsize > 1 else "")
    found = read(recording(tmp_path, stored.astype(kind).tobytes(), datatype=name))
    assert found.dtype == np.complex64 and np.array_equal(found, values @ [1, 1j])


@pytest.mark.parametrize("name", ["rf32_le", "cf16_le", "ci64_le", "ci16", "ci8_le", "cf32", "x", ""])
def test_sample_types_that_cannot_be_read_say_so(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="datatype"):
        read(recording(tmp_path, bytes(16), datatype=name))


def test_headers_between_captures_and_bytes_behind_are_left_out(tmp_path: Path) -> None:
    sent = samples(9)
    data = b"h" * 20 + sent[:4].tobytes() + b"k" * 3 + sent[4:].tobytes() + b"end"
    captures = [{"core:sample_start": 100, "core:header_bytes": 20}, {"core:sample_start": 104, "core:header_bytes": 3}]
    path = recording(tmp_path, data, captures, trailing_bytes=3, offset=100)
    with pytest.warns(UserWarning, match="2 captures are read as one"):
        assert np.array_equal(read(path), sent)
    (tmp_path / "x.sigmf-data").write_bytes(data[:22])
    with pytest.raises(InputError, match="header and trailing bytes leave no sample"):
        read(path)


def test_the_hash_of_the_samples_is_looked_at(tmp_path: Path) -> None:
    data = samples(100).tobytes()
    right = recording(tmp_path, data, sha512=hashlib.sha512(data).hexdigest())
    assert len(read(right)) == 100
    (tmp_path / "x.sigmf-data").write_bytes(data[:-1] + b"?")
    with pytest.raises(InputError, match="SHA-512"):
        read(right)


def test_samples_in_a_file_of_another_name(tmp_path: Path) -> None:
    path = recording(tmp_path, b"", dataset="x.iq")
    (tmp_path / "x.iq").write_bytes(samples(5).tobytes())
    assert np.array_equal(read(path), samples(5))
    for name in ("../x.iq", "", "/etc/passwd", ".", "x\0", "\ud800"):
        with pytest.raises(InputError, match="no name of a file beside it|cannot be read"):
            read(recording(tmp_path, samples(5).tobytes(), dataset=name))


@pytest.mark.parametrize(
    ("captures", "about", "why"),
    [
        (None, {"metadata_only": True}, "has no samples"),
        (None, {"num_channels": 2}, "2 channels"),
        ([{"core:frequency": 1e9}, {"core:frequency": 2e9, "core:sample_start": 3}], {}, "from sample 3 on"),
        (None, {"sample_rate": 1000002}, "resample"),
        (None, {"sample_rate": "1e6"}, "no number of Hz"),
        ([{"core:sample_start": 0}, {"core:sample_start": 99}], {}, "captures start at"),
        (None, {"trailing_bytes": -1}, "no count"),
        (None, {"trailing_bytes": 1}, "whole number"),
    ],
)
def test_what_cannot_be_received_is_refused(tmp_path: Path, captures: list[dict], about: dict, why: str) -> None:
    path = recording(tmp_path, samples(5).tobytes(), captures, **about)
    with warnings.catch_warnings(), pytest.raises(InputError, match=why):
        warnings.simplefilter("ignore")
        read(path)


def test_a_rate_that_is_off_by_a_rounding_is_the_same(tmp_path: Path) -> None:
    assert len(read(recording(tmp_path, bytes(8), sample_rate=1000000.0265))) == 1


def test_another_centre_frequency_is_said(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="9.15e.08 Hz, the radio is for 2.4e.09"):
        read(recording(tmp_path, bytes(8), [{"core:frequency": 915e6}]))


def test_an_archive_is_read_in_place(tmp_path: Path) -> None:
    recording(tmp_path, samples(70_000).tobytes())
    with tarfile.open(tmp_path / "y.sigmf", "w") as archive:
        for name in ("x.sigmf-meta", "x.sigmf-data"):
            archive.add(tmp_path / name, arcname=f"x/{name}")
    assert np.array_equal(read(tmp_path / "y.sigmf"), samples(70_000))
    whole = (tmp_path / "y.sigmf").read_bytes()
    for bad in (whole[:5000], whole[:100_000], b"no tar", b"", whole.replace(b"x.sigmf-data", b"x.sigmf-dota")):
        (tmp_path / "y.sigmf").write_bytes(bad)
        with pytest.raises(InputError, match="y.sigmf"):
            read(tmp_path / "y.sigmf")
    with pytest.raises(InputError, match="list of recordings"):
        read(tmp_path / "y.sigmf-collection")


_VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.lists(st.integers())


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "sample_rate",
                "num_channels",
                "dataset",
                "metadata_only",
                "trailing_bytes",
                "offset",
                "sha512",
                "datatype",
            ]
        ),
        _VALUES,
    ),
    st.lists(
        st.dictionaries(st.sampled_from(["core:sample_start", "core:header_bytes", "core:frequency"]), _VALUES)
        | _VALUES,
        max_size=3,
    ),
)
def test_any_values_are_samples_or_an_input_error(tmp_path_factory: pytest.TempPathFactory, about, captures) -> None:
    path = recording(tmp_path_factory.mktemp("sigmf"), bytes(80), captures, **about)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert len(read(path)) <= 10
    except InputError:
        pass


def test_a_file_that_becomes_shorter_gives_what_is_left_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "shrinks.cf32"
    np.ones(200_000, np.complex64).tofile(path)
    reader = SampleReader(path)
    chunks = iter(reader)
    got = len(next(chunks))
    with open(path, "r+b") as file:
        file.truncate(8 * 100_000 + 3)
    got += sum(len(chunk) for chunk in chunks)
    assert (got, reader.missing) == (100_000, 100_000)
