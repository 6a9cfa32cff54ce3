import hashlib
import json
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from gvc.errors import InputError, WeightsError
from models import weights
from models.arms import ENCODER, Places
from models.jscc import network as jscc
from models.training.fit import StepLog


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


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "3", "[" * 5000, '{"encoder.safetensors": 3}', '{"encoder.safetensors": {}}',
     '{"encoder.safetensors": {"sha256": 1, "bytes": "2"}}', '{"other": {"bytes": 1}}'],
)  # fmt: skip
def test_a_damaged_manifest_is_named(saved, text: str) -> None:
    _, path = saved
    (path.parent / "manifest.json").write_text(text)
    with pytest.raises(WeightsError, match=r"manifest\.json"):
        weights.load(jscc.Encoder(jscc.SIZES["small"]), path)


def enter(path: Path, blob: bytes) -> Path:
    path.write_bytes(blob)
    entry = {path.name: {"sha256": hashlib.sha256(blob).hexdigest(), "bytes": len(blob)}}
    (path.parent / "manifest.json").write_text(json.dumps(entry))
    return path


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e30])
def test_a_value_that_is_no_finite_number_is_refused_even_with_a_matching_manifest(saved, value: float) -> None:
    network, path = saved
    tensors = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    next(iter(tensors.values())).view(-1)[3] = value
    with pytest.raises(WeightsError, match="no finite number"):
        weights.load(jscc.Encoder(jscc.SIZES["small"]), enter(path, save(tensors)))


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_other_bytes_with_a_matching_manifest_are_weights_or_an_error(tmp_path_factory, data) -> None:
    folder = tmp_path_factory.getbasetemp()
    network = torch.nn.Linear(3, 2)
    blob = bytearray(save({name: tensor.half() for name, tensor in network.state_dict().items()}))
    for _ in range(data.draw(st.integers(0, 3))):
        blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    kind = data.draw(st.sampled_from([b"F16", b"I16", b"F64", b"U16", b"F8_", b"BF16"]))
    blob = bytes(blob).replace(b"F16", kind) if data.draw(st.booleans()) else bytes(blob)
    try:
        loaded = weights.load(network, enter(folder / "linear.safetensors", blob))
        assert all(value.isfinite().all() for value in loaded.state_dict().values())
    except WeightsError as error:
        assert "linear.safetensors" in str(error)


@pytest.mark.parametrize("shape", [[1 << 62], [1 << 40, 1 << 40], [-1]])
def test_absurd_shapes_are_refused(tmp_path, shape: list[int]) -> None:
    head = json.dumps({"weight": {"dtype": "F16", "shape": shape, "data_offsets": [0, 4]}}).encode()
    path = enter(tmp_path / "linear.safetensors", len(head).to_bytes(8, "little") + head + bytes(4))
    with pytest.raises(WeightsError, match="not a safetensors file"):
        weights.load(torch.nn.Linear(3, 2), path)
    path = enter(path, (1 << 60).to_bytes(8, "little") + head)
    with pytest.raises(WeightsError, match="not a safetensors file"):
        weights.load(torch.nn.Linear(3, 2), path)


@pytest.mark.parametrize("text", ["{", "3", "{}", '{"stage": "a", "step": "b"}', "[" * 5000])
def test_a_damaged_step_log_is_named(tmp_path, text: str) -> None:
    (tmp_path / "log.jsonl").write_text('{"stage": "start"}\n' + text + "\n")
    with pytest.raises(InputError, match=r"log\.jsonl.*--resume"):
        StepLog(tmp_path / "log.jsonl", keep=True)


def test_bytes_that_are_no_safetensors_are_refused_even_with_a_matching_manifest(tmp_path) -> None:
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
