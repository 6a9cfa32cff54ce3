"""TensorFlow.js graph models in torch: read from a JSON of nodes and a file of weights, run node by node.

Values are tensors in TensorFlow's order [n, height, width, channels]. Everything runs in torch, so gradients reach the
input. What nodes compute is in `gvc.evaluation.pretrained.operations`.
"""

import base64
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gvc.content import installed
from gvc.errors import ParseError
from gvc.evaluation.pretrained.operations import OPERATIONS, Node

_DTYPES = {"float32": "<f4", "int32": "<i4", "float16": "<f2"}


class Graph:
    """A graph model; `outputs` are its results by name. Raises ParseError for a file that is no such model."""

    def __init__(self, model: Path, weights: Path):
        try:
            described = json.loads(model.read_text(encoding="utf-8"))
            nodes = {raw["name"]: _node(raw) for raw in described["modelTopology"]["node"]}
            outputs = (described.get("signature") or {}).get("outputs") or {}
            self.outputs = {key: _source(value["name"]) for key, value in outputs.items()} or _ends(nodes)
            self.constants = _weights(described["weightsManifest"], weights.read_bytes())
            self.order = _ordered(nodes, [source for source, _ in self.outputs.values()])
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise ParseError(f"{model.name} is no TensorFlow.js graph model: {type(error).__name__} {error}") from error
        unknown = {node.op for node in self.order} - set(OPERATIONS) - {"Placeholder", "Const"}
        if unknown:
            raise ParseError(f"{model.name} has operations that are not known here: {', '.join(sorted(unknown))}")
        missing = {node.name for node in self.order if node.op == "Const"} - set(self.constants)
        if missing:
            raise ParseError(f"{model.name} has no weights for {', '.join(sorted(missing)[:3])}")

    def __call__(self, x: Tensor) -> dict[str, Tensor]:
        """The results for the one input `x`, by name."""
        values: dict[str, Any] = {}
        for node in self.order:
            if node.op == "Placeholder":
                values[node.name] = x
            elif node.op == "Const":
                values[node.name] = self.constants[node.name]
            else:
                inputs = [_output(values[name], index) for name, index in node.inputs]
                values[node.name] = OPERATIONS[node.op](node, *inputs)
        return {key: _output(values[name], index) for key, (name, index) in self.outputs.items()}


def load(group: str, name: str) -> Graph:
    """The installed model GROUP/NAME.json and .bin, both verified. Raises ContentError when they are not there."""
    # kept for callers with and without gradients
    with torch.inference_mode(False):
        return Graph(installed.file(f"{group}/{name}.json"), installed.file(f"{group}/{name}.bin"))


def _output(value: Any, index: int) -> Tensor:
    return value[index] if isinstance(value, list) else value


def _source(text: str) -> tuple[str, int]:
    name, _, index = text.partition(":")
    return name, int(index or 0)


def _node(raw: Mapping[str, Any]) -> Node:
    inputs = tuple(_source(text) for text in raw.get("input", []) if not text.startswith("^"))
    attributes = {key: _attribute(value) for key, value in raw.get("attr", {}).items() if key != "value"}
    return Node(raw["name"], raw["op"], inputs, attributes)


def _attribute(value: Mapping[str, Any]) -> Any:
    if "list" in value:
        parts = [(kind, part) for kind in ("i", "f", "s") for part in value["list"].get(kind, [])]
        return [_attribute({kind: part}) for kind, part in parts]
    if "i" in value:
        return int(value["i"])
    if "s" in value:
        return base64.b64decode(value["s"]).decode()
    return next((value[kind] for kind in ("f", "b", "type") if kind in value), None)


def _ends(nodes: Mapping[str, Node]) -> dict[str, tuple[str, int]]:
    """Without a signature: the nodes that feed no other."""
    used = {name for node in nodes.values() for name, _ in node.inputs}
    return {name: (name, 0) for name in nodes if name not in used}


def _ordered(nodes: Mapping[str, Node], wanted: list[str]) -> list[Node]:
    """What `wanted` needs, each node after its inputs."""
    order: dict[str, Node] = {}
    open_nodes: set[str] = set()
    waiting = [(name, False) for name in reversed(wanted)]
    while waiting:
        name, ready = waiting.pop()
        if ready:
            order[name] = nodes[name]
        elif name not in order:
            if name in open_nodes:
                raise ValueError(f"{name} needs itself")
            open_nodes.add(name)
            waiting.append((name, True))
            waiting.extend((source, False) for source, _ in nodes[name].inputs if source not in order)
    return list(order.values())


def _weights(manifest: list[dict], data: bytes) -> dict[str, Tensor]:
    """The tensors that lie one after the other in the weights file."""
    tensors, offset = {}, 0
    for weight in (weight for group in manifest for weight in group["weights"]):
        stored = _DTYPES[(weight.get("quantization") or weight)["dtype"]]
        count = math.prod(weight["shape"])
        values = np.frombuffer(data, stored, count, offset)
        offset += values.nbytes
        wanted = np.int32 if weight["dtype"] == "int32" else np.float32
        tensors[weight["name"]] = torch.from_numpy(values.astype(wanted).reshape(weight["shape"]))
    if offset != len(data):
        raise ValueError(f"{len(data)} bytes of weights where {offset} are described")
    return tensors
