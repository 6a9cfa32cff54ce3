import json

import pytest
import torch

from gvc.errors import WeightsError
from models import weights
from models.arms import ENCODER, Places
from models.jscc import network as jscc


@pytest.fixture
def saved(tmp_path):
    network = jscc.Encoder(jscc.SIZES["small"])
    weights.save(network, tmp_path / ENCODER)
    return network, tmp_path / ENCODER


def test_weights_come_back_as_they_were_to_half_precision(saved) -> None:
    network, path = saved
    again = weights.load(jscc.Encoder(jscc.SIZES["small"]), path)
    for name, value in network.state_dict().items():
        assert torch.equal(again.state_dict()[name], value.half().float())


def test_missing_file_says_how_to_train(tmp_path) -> None:
    with pytest.raises(WeightsError, match="models train"):
        Places("small", tmp_path).encoder()


def test_truncated_file_is_refused(saved) -> None:
    _, path = saved
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="bytes"):
        weights.check(path)


def test_altered_file_is_refused(saved) -> None:
    _, path = saved
    blob = bytearray(path.read_bytes())
    blob[len(blob) // 2] ^= 1
    path.write_bytes(bytes(blob))
    with pytest.raises(WeightsError, match="SHA-256"):
        weights.check(path)


def test_file_outside_the_manifest_is_refused(saved) -> None:
    _, path = saved
    (path.parent / "manifest.json").write_text("{}")
    with pytest.raises(WeightsError, match="manifest"):
        weights.check(path)


def test_weights_of_another_preset_are_refused(saved) -> None:
    _, path = saved
    with pytest.raises(WeightsError, match="another network or preset"):
        weights.load(jscc.Encoder(jscc.SIZES["default"]), path)


def test_bytes_that_are_no_safetensors_are_refused_even_with_a_matching_manifest(tmp_path) -> None:
    import hashlib

    blob = b"\x80\x04 not tensors" * 10
    path = tmp_path / ENCODER
    path.write_bytes(blob)
    entry = {ENCODER: {"sha256": hashlib.sha256(blob).hexdigest(), "bytes": len(blob)}}
    (tmp_path / "manifest.json").write_text(json.dumps(entry))
    with pytest.raises(WeightsError, match="not a safetensors"):
        weights.load(jscc.Encoder(jscc.SIZES["small"]), path)


def test_large_networks_are_cut_into_files_that_a_repository_takes(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(weights, "SHARD_BYTES", 500_000)
    network = jscc.Encoder(jscc.SIZES["small"])
    weights.save(network, tmp_path / ENCODER)
    files = sorted(tmp_path.glob("*.safetensors"))
    assert len(files) > 3 and all(file.stat().st_size < 600_000 for file in files)
    again = weights.load(jscc.Encoder(jscc.SIZES["small"]), tmp_path / ENCODER)
    assert all(torch.equal(v.half().float(), again.state_dict()[k]) for k, v in network.state_dict().items())
    files[0].write_bytes(b"")
    with pytest.raises(WeightsError, match="bytes"):
        weights.load(jscc.Encoder(jscc.SIZES["small"]), tmp_path / ENCODER)
    monkeypatch.setattr(weights, "SHARD_BYTES", 15 << 20)
    weights.save(network, tmp_path / ENCODER)
    assert list(weights.manifest(tmp_path)) == [ENCODER]
