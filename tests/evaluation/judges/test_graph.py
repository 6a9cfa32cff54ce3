"""The interpreter of TensorFlow.js graphs on tiny graphs made here, against torch and against values by hand."""

import base64
import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from gvc.errors import ParseError
from gvc.evaluation.pretrained.graph import Graph
from gvc.evaluation.pretrained.operations import OPERATIONS, Node


def text(value):
    return {"s": base64.b64encode(value.encode()).decode()}


def numbers(*values):
    return {"list": {"i": [str(value) for value in values]}}


def model(folder, nodes, weights, outputs=None, **changes):
    """A graph model in `folder`: `nodes` (name, op, inputs, attributes), `weights` name -> array."""
    described = []
    for name, values in weights.items():
        entry = {"name": name, "shape": list(values.shape), "dtype": "int32" if values.dtype == np.int32 else "float32"}
        if values.dtype == np.float16:
            entry["quantization"] = {"dtype": "float16", "original_dtype": "float32"}
        described.append(entry)
    raw = [{"name": name, "op": "Const", "attr": {"dtype": {"type": "DT_FLOAT"}}} for name in weights]
    raw += [{"name": name, "op": op, "input": inputs, "attr": attr} for name, op, inputs, attr in nodes]
    content = {
        "modelTopology": {"node": raw},
        "weightsManifest": [{"paths": ["net.bin"], "weights": described}],
        **({"signature": {"outputs": {key: {"name": name} for key, name in outputs.items()}}} if outputs else {}),
        **changes,
    }
    (folder / "net.json").write_text(json.dumps(content))
    (folder / "net.bin").write_bytes(b"".join(values.tobytes() for values in weights.values()))
    return folder / "net.json", folder / "net.bin"


@pytest.fixture
def tiny(tmp_path):
    """A convolution with bias and ReLU6, a depthwise one, a mean, a fully named output."""
    rng = np.random.default_rng(0)
    weights = {
        "kernel": rng.normal(0, 1, (3, 3, 2, 4)).astype(np.float32),
        "bias": rng.normal(0, 1, 4).astype(np.float16),
        "deep": rng.normal(0, 1, (3, 3, 4, 1)).astype(np.float32),
        "axes": np.array([1, 2], np.int32),
    }
    same = {"padding": text("SAME"), "strides": numbers(1, 2, 2, 1)}
    fused = {**same, "fused_ops": {"list": {"s": [text("BiasAdd")["s"], text("Relu6")["s"]]}}}
    nodes = [
        ("picture", "Placeholder", [], {}),
        ("first", "_FusedConv2D", ["picture", "kernel", "bias"], fused),
        ("second", "DepthwiseConv2dNative", ["first:0", "deep"], {**same, "strides": numbers(1, 1, 1, 1)}),
        ("mean", "Mean", ["second", "axes", "^first"], {"keep_dims": {"b": False}}),
    ]
    return Graph(*model(tmp_path, nodes, weights, {"answer": "mean:0"})), weights


def test_a_tiny_network_is_what_torch_computes(tiny):
    graph, weights = tiny
    x = torch.from_numpy(np.random.default_rng(1).normal(0, 1, (1, 7, 10, 2)).astype(np.float32)).requires_grad_()
    answer = graph(x)["answer"]
    kernel, deep = (torch.from_numpy(weights[name]) for name in ("kernel", "deep"))
    bias = torch.from_numpy(weights["bias"].astype(np.float32))
    # 7x10 at stride 2: one row above and below, nothing left and one column right
    planes = F.pad(x.permute(0, 3, 1, 2), (0, 1, 1, 1))
    first = F.relu6(F.conv2d(planes, kernel.permute(3, 2, 0, 1), bias, 2))
    second = F.conv2d(first, deep.permute(2, 3, 0, 1), padding=1, groups=4)
    torch.testing.assert_close(answer, second.mean((2, 3)))
    answer.sum().backward()
    assert torch.isfinite(x.grad).all() and x.grad.abs().max() > 0


def run(op, *inputs, **attributes):
    return OPERATIONS[op](Node("node", op, (), attributes), *inputs)


def test_resizing_follows_tensorflows_first_convention():
    x = torch.tensor([0.0, 2, 4]).view(1, 1, 3, 1)
    size = torch.tensor([1, 6])
    assert run("ResizeBilinear", x, size).flatten().tolist() == [0, 1, 2, 3, 4, 4]
    corners = run("ResizeBilinear", x, torch.tensor([1, 5]), align_corners=True)
    assert corners.flatten().tolist() == [0, 1, 2, 3, 4]
    half = run("ResizeBilinear", x, size, half_pixel_centers=True)
    assert half.flatten().tolist() == [0, 0.5, 1.5, 2.5, 3.5, 4]


def test_operations_on_places():
    x = torch.arange(12.0).reshape(3, 4)
    assert run("GatherV2", x, torch.tensor([2, 0]), torch.tensor(0)).tolist() == [[8, 9, 10, 11], [0, 1, 2, 3]]
    assert run("GatherNd", x, torch.tensor([[0, 1], [2, 3]])).tolist() == [1, 11]
    sliced = run("StridedSlice", x, *(torch.tensor(v) for v in ([1, 0], [2, 4], [1, 2])), shrink_axis_mask=1)
    assert sliced.tolist() == [4, 6]
    values, places = run("TopKV2", torch.tensor([3.0, 9, 5]), torch.tensor(2))
    assert values.tolist() == [9, 5] and places.tolist() == [1, 2]
    dense = run("SparseToDense", torch.tensor([1, 3]), torch.tensor([4]), torch.tensor([7, 8]), torch.tensor(0))
    assert dense.tolist() == [0, 7, 0, 8]
    parts = run("SplitV", x, torch.tensor([1, 3]), torch.tensor(1))
    assert [part.shape[1] for part in parts] == [1, 3]
    pool = {"ksize": [1, 2, 2, 1], "strides": [1, 2, 2, 1], "padding": "SAME"}
    assert run("MaxPool", -x.view(1, 3, 4, 1), **pool).flatten().tolist() == [0, -2, -8, -10]
    padded = run("PadV2", x[:1, :2], torch.tensor([[0, 1], [1, 0]]), torch.tensor(-1.0))
    assert padded.tolist() == [[-1, 0, 1], [-1, -1, -1]]


def test_what_is_no_model_is_refused(tmp_path):
    one = {"one": np.ones(1, np.float32)}
    add = [("x", "Placeholder", [], {}), ("sum", "Add", ["x", "one"], {})]
    assert float(Graph(*model(tmp_path, add, one))(torch.ones(1))["sum"]) == 2
    with pytest.raises(ParseError, match="not known here: Launch"):
        Graph(*model(tmp_path, [("x", "Launch", ["one"], {})], one))
    with pytest.raises(ParseError, match="needs itself"):
        Graph(*model(tmp_path, [("a", "Relu", ["b"], {}), ("b", "Relu", ["a"], {})], one, {"out": "a"}))
    with pytest.raises(ParseError, match="no TensorFlow.js"):
        Graph(*model(tmp_path, [("sum", "Add", ["absent", "one"], {})], one))
    with pytest.raises(ParseError, match="no TensorFlow.js"):
        Graph(*model(tmp_path, add, one, modelTopology=[]))
    path, weights = model(tmp_path, add, one)
    weights.write_bytes(weights.read_bytes() * 2)
    with pytest.raises(ParseError, match="8 bytes of weights"):
        Graph(path, weights)
    path.write_text("{")
    with pytest.raises(ParseError):
        Graph(path, weights)
