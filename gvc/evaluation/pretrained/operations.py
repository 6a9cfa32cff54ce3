"""What the nodes of TensorFlow graphs compute, in torch: by name, called with the node and its inputs' values.

Those that the installed models hold, as TensorFlow's own documentation defines them; pictures are
[n, height, width, channels].
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gvc.errors import ParseError

_TYPES = {"DT_FLOAT": torch.float32, "DT_INT32": torch.int32, "DT_BOOL": torch.bool}


@dataclass(frozen=True)
class Node:
    """One node of a graph: what it computes, from which (node, output), and its attributes."""

    name: str
    op: str
    inputs: tuple[tuple[str, int], ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def get(self, key: str, default: Any = None) -> Any:
        """Attribute `key`: an int, float, bool, text or type name, or a list of numbers or texts."""
        return self.attributes.get(key, default)


def _planes(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2)


def _pixels(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1)


def _numbers(x: Tensor) -> list[int]:
    return [int(value) for value in x.reshape(-1)]


def _same(x: Tensor, kernel: list[int], stride: list[int], value: float = 0.0) -> Tensor:
    """`x` [n, c, h, w] padded as TensorFlow's SAME: the odd pixel on the right and at the bottom."""
    padding = []
    for side, length, step in zip(reversed(x.shape[2:]), reversed(kernel), reversed(stride), strict=True):
        total = max((-(-side // step) - 1) * step + length - side, 0)
        padding += [total // 2, total - total // 2]
    return F.pad(x, padding, value=value) if any(padding) else x


def _convolution(node: Node, x: Tensor, kernel: Tensor, depthwise: bool) -> Tensor:
    stride = node.get("strides")[1:3]
    dilation = (node.get("dilations") or [1, 1, 1, 1])[1:3]
    if depthwise:  # [h, w, channels, multiplier]
        weight, groups = kernel.permute(2, 3, 0, 1).flatten(0, 1)[:, None], x.shape[3]
    else:
        weight, groups = kernel.permute(3, 2, 0, 1), 1
    planes = _planes(x)
    if node.get("padding") == "SAME":
        reach = [(side - 1) * step + 1 for side, step in zip(weight.shape[2:], dilation, strict=True)]
        planes = _same(planes, reach, stride)
    elif node.get("padding") == "EXPLICIT":
        _, _, top, bottom, left, right, _, _ = node.get("explicit_paddings")
        planes = F.pad(planes, (left, right, top, bottom))
    return _pixels(F.conv2d(planes, weight, None, stride, 0, dilation, groups))


def _fused(depthwise: bool) -> Callable[..., Tensor]:
    def run(node: Node, x: Tensor, kernel: Tensor, *more: Tensor) -> Tensor:
        y, rest = _convolution(node, x, kernel, depthwise), list(more)
        for name in node.get("fused_ops", []):
            if name == "BiasAdd":
                y = y + rest.pop(0)
            elif name == "Relu":
                y = F.relu(y)
            elif name == "Relu6":
                y = F.relu6(y)
            elif name == "Prelu":
                y = _prelu(node, y, rest.pop(0))
            elif name == "LeakyRelu":
                y = F.leaky_relu(y, node.get("leakyrelu_alpha", 0.2))
            else:
                raise ParseError(f"a convolution is fused with {name}, which is not known here")
        return y

    return run


def _prelu(node: Node, x: Tensor, slope: Tensor) -> Tensor:
    return torch.where(x > 0, x, x * slope)


def _mean(node: Node, x: Tensor, axes: Tensor) -> Tensor:
    return x.mean(_numbers(axes), node.get("keep_dims", False))


def _max_pool(node: Node, x: Tensor) -> Tensor:
    kernel, stride, planes = node.get("ksize")[1:3], node.get("strides")[1:3], _planes(x)
    if node.get("padding") == "SAME":
        planes = _same(planes, kernel, stride, -torch.inf)
    return _pixels(F.max_pool2d(planes, kernel, stride))


def _resize(node: Node, x: Tensor, size: Tensor) -> Tensor:
    height, width = _numbers(size)
    if node.get("align_corners") or node.get("half_pixel_centers"):
        corners = bool(node.get("align_corners"))
        return _pixels(F.interpolate(_planes(x), (height, width), mode="bilinear", align_corners=corners))
    # TensorFlow's first convention: pixel i looks at i * old / new, from the corner
    for axis, new in ((1, height), (2, width)):
        old = x.shape[axis]
        at = torch.arange(new, device=x.device) * (old / new)
        low = at.floor().long()
        share = (at - low).to(x.dtype).view([-1 if i == axis else 1 for i in range(4)])
        x = x.index_select(axis, low) * (1 - share) + x.index_select(axis, (low + 1).clamp(max=old - 1)) * share
    return x


def _pad(node: Node, x: Tensor, padding: Tensor, value: Tensor | None = None) -> Tensor:
    sides = [side for pair in reversed(padding.tolist()) for side in pair]
    return F.pad(x, sides, value=0.0 if value is None else float(value))


def _squeeze(node: Node, x: Tensor) -> Tensor:
    axes = node.get("squeeze_dims")
    return x.squeeze(tuple(axes)) if axes else x.squeeze()


def _top(node: Node, x: Tensor, count: Tensor) -> list[Tensor]:
    values, places = x.topk(int(count))
    return [values, places.to(torch.int32)]


def _gather(node: Node, x: Tensor, places: Tensor, axis: Tensor) -> Tensor:
    at = int(axis)
    picked = x.index_select(at, places.reshape(-1).long())
    return picked.reshape(*x.shape[:at], *places.shape, *x.shape[at + 1 :])


def _gather_nd(node: Node, x: Tensor, places: Tensor) -> Tensor:
    return x[tuple(places.long().unbind(-1))]


def _slice(node: Node, x: Tensor, begin: Tensor, end: Tensor, step: Tensor) -> Tensor:
    if node.get("ellipsis_mask") or node.get("new_axis_mask"):
        raise ParseError("a StridedSlice with an ellipsis or a new axis is not known here")
    masks = [node.get(f"{word}_mask", 0) for word in ("begin", "end", "shrink_axis")]
    picked: list[Any] = []
    for i, (first, last, stride) in enumerate(zip(*map(_numbers, (begin, end, step)), strict=True)):
        free_begin, free_end, single = (mask >> i & 1 for mask in masks)
        whole = slice(None if free_begin else first, None if free_end else last, stride)
        picked.append(first if single else whole)
    return x[tuple(picked)]


def _dense(node: Node, places: Tensor, shape: Tensor, values: Tensor, fill: Tensor) -> Tensor:
    dense = torch.full(_numbers(shape), fill.item(), dtype=values.dtype)
    places = places.reshape(-1, 1) if places.dim() < 2 else places
    dense[tuple(places.long().T)] = values
    return dense


def _floor_divided(node: Node, x: Tensor, y: Tensor) -> Tensor:
    return torch.div(x, y, rounding_mode="floor")


OPERATIONS: dict[str, Callable[..., Any]] = {
    "Identity": lambda node, x: x,
    "Conv2D": lambda node, x, kernel: _convolution(node, x, kernel, False),
    "DepthwiseConv2dNative": lambda node, x, kernel: _convolution(node, x, kernel, True),
    "_FusedConv2D": _fused(False),
    "FusedDepthwiseConv2dNative": _fused(True),
    "Add": lambda node, x, y: x + y,
    "AddV2": lambda node, x, y: x + y,
    "BiasAdd": lambda node, x, y: x + y,
    "Sub": lambda node, x, y: x - y,
    "Mul": lambda node, x, y: x * y,
    "RealDiv": lambda node, x, y: x / y,
    "FloorDiv": _floor_divided,
    "FloorMod": lambda node, x, y: torch.remainder(x, y),
    "SquaredDifference": lambda node, x, y: (x - y).square(),
    "Equal": lambda node, x, y: x == y,
    "Relu": lambda node, x: F.relu(x),
    "Relu6": lambda node, x: F.relu6(x),
    "LeakyRelu": lambda node, x: F.leaky_relu(x, node.get("alpha", 0.2)),
    "Prelu": _prelu,
    "Sigmoid": lambda node, x: x.sigmoid(),
    "Sqrt": lambda node, x: x.sqrt(),
    "Mean": _mean,
    "MaxPool": _max_pool,
    "ResizeBilinear": _resize,
    "Pad": _pad,
    "PadV2": _pad,
    "Cast": lambda node, x: x.to(_TYPES[node.get("DstT")]),
    "Reshape": lambda node, x, shape: x.reshape(_numbers(shape)),
    "Transpose": lambda node, x, axes: x.permute(_numbers(axes)),
    "ExpandDims": lambda node, x, axis: x.unsqueeze(int(axis)),
    "Squeeze": _squeeze,
    "ConcatV2": lambda node, *parts: torch.cat(parts[:-1], int(parts[-1])),
    "SplitV": lambda node, x, sizes, axis: list(torch.split(x, _numbers(sizes), int(axis))),
    "Pack": lambda node, *parts: torch.stack(parts, node.get("axis", 0)),
    "Unpack": lambda node, x: list(torch.unbind(x, node.get("axis", 0))),
    "ArgMax": lambda node, x, axis: x.argmax(int(axis)).to(torch.int32),
    "TopKV2": _top,
    "GatherV2": _gather,
    "GatherNd": _gather_nd,
    "StridedSlice": _slice,
    "SparseToDense": _dense,
}
"""By the operation's name in TensorFlow."""
