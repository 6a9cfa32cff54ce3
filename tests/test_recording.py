"""Sample files: what is written comes back; what is not a recording is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvc.errors import InputError
from gvc.recording import SampleReader, SampleWriter


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
    assert not list(tmp_path.glob("*.part"))


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
