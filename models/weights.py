"""Weights are data: fp16 safetensors with a SHA-256 manifest, checked for size and shape, never a pickle."""

import hashlib
import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from gvc.errors import InputError, WeightsError
from gvc.storage.files import read_mapping, whole, write_json

Network = TypeVar("Network", bound=nn.Module)

LIMIT_BYTES = 1 << 28
SHARD_BYTES = 15 << 20
MANIFEST = "manifest.json"


def folder(network: str, preset: str) -> Path:
    """Where the shipped weights of a network and preset lie."""
    return Path(__file__).parent / network / "weights" / preset


def save(network: nn.Module, path: Path) -> None:
    """Write `network` as fp16 safetensors at `path` and enter its SHA-256 in the folder's manifest.

    What exceeds SHARD_BYTES goes on in NAME.1.safetensors, NAME.2.safetensors, ...: no file is too large to be kept in
    a repository or brought back from a training machine.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    shards: list[dict[str, Tensor]] = [{}]
    room = SHARD_BYTES
    for name, value in network.state_dict().items():
        tensor = value.detach().half().contiguous().cpu()
        room -= tensor.nbytes
        if room < 0 and shards[-1]:
            shards.append({})
            room = SHARD_BYTES - tensor.nbytes
        shards[-1][name] = tensor
    before = manifest(path.parent)
    entries = {k: v for k, v in before.items() if Path(k) not in _shards(path, before)}
    for number, shard in enumerate(shards):
        target = path.with_suffix(f".{number}.safetensors") if number else path
        blob = save_tensors(shard)
        with whole(target) as draft:
            draft.write_bytes(blob)
        entries[target.name] = {"bytes": len(blob), "sha256": hashlib.sha256(blob).hexdigest()}
    write_json(path.parent / MANIFEST, dict(sorted(entries.items())))


def enter(path: Path, blob: bytes) -> None:
    """Write a file that belongs to the weights beside it, and enter its SHA-256 in the folder's manifest."""
    with whole(path) as draft:
        draft.write_bytes(blob)
    entries = manifest(path.parent) | {path.name: {"bytes": len(blob), "sha256": hashlib.sha256(blob).hexdigest()}}
    write_json(path.parent / MANIFEST, dict(sorted(entries.items())))


def _shards(path: Path, entries: dict[str, dict]) -> list[Path]:
    """Names of the further shards of `path`, in order."""
    names = (f"{path.stem}.{number}.safetensors" for number in itertools.count(1))
    return [Path(name) for name in itertools.takewhile(lambda name: name in entries, names)]


def with_shards(path: Path) -> list[Path]:
    """A weights file and its further shards."""
    return [path, *(path.parent / shard for shard in _shards(path, manifest(path.parent)))]


def described(paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """NETWORK/PRESET/FILE -> {sha256, label} of weights files, as their manifests say; null where they are silent."""
    found = {}
    for path in sorted(set(paths)):
        entry: dict[str, Any] = manifest(path.parent).get(path.name, {})
        network = path.parent.parent.parent.name
        found[f"{network}/{path.parent.name}/{path.name}"] = {key: entry.get(key) for key in ("sha256", "label")}
    return found


def digest(paths: Iterable[Path]) -> str:
    """SHA-256 over the names and hashes of weights files, in hex; empty for none."""
    entries = described(paths)
    text = "\n".join(f"{name} {entry['sha256']}" for name, entry in entries.items())
    return hashlib.sha256(text.encode()).hexdigest() if entries else ""


def manifest(where: Path) -> dict[str, dict[str, Any]]:
    """File name -> {sha256, bytes} of a weights folder; empty when there is none yet.

    Raises WeightsError when it is damaged.
    """
    path = where / MANIFEST
    if not path.exists():
        return {}
    try:
        entries = read_mapping(path)
    except InputError as error:
        raise WeightsError(f"{error}: restore the folder from the repository") from error
    for name, entry in entries.items():
        kinds = [type(entry.get(key)) for key in ("sha256", "bytes")] if isinstance(entry, dict) else []
        if kinds != [str, int]:
            raise WeightsError(f"'{path}' is damaged at '{name}': restore the folder from the repository")
    return entries


def check(path: Path) -> bytes:
    """The verified bytes of a weights file; raises WeightsError when it is missing, too large or altered."""
    if not path.exists():
        raise WeightsError(f"no weights at '{path}': train them (`gvc models train --help`) or choose another preset")
    entry = manifest(path.parent).get(path.name)
    if entry is None:
        raise WeightsError(f"'{path}' is not in its folder's {MANIFEST}: restore the folder from the repository")
    try:
        size = path.stat().st_size
        if size != entry["bytes"] or size > LIMIT_BYTES:
            raise WeightsError(
                f"'{path}' has {size} bytes, not {entry['bytes']} or not at most {LIMIT_BYTES}: restore the file"
            )
        blob = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"'{path}' cannot be read: {error.strerror}") from error
    if hashlib.sha256(blob).hexdigest() != entry["sha256"]:
        raise WeightsError(f"'{path}' is altered (its SHA-256 differs from {MANIFEST}): restore the file")
    return blob


def load(network: Network, path: Path) -> Network:
    """Fill `network` from a verified file.

    Raises WeightsError when names or shapes are another network's, or a value is no finite number.
    """
    tensors = _tensors(path)
    for shard in _shards(path, manifest(path.parent)):
        tensors |= _tensors(path.with_name(shard.name))
    expected = {k: tuple(v.shape) for k, v in network.state_dict().items()}
    found = {k: tuple(v.shape) for k, v in tensors.items()}
    if expected != found:
        wrong = sorted(k for k in expected.keys() | found.keys() if expected.get(k) != found.get(k))
        raise WeightsError(f"'{path}' holds the weights of another network or preset (first difference: {wrong[0]})")
    network.load_state_dict(tensors)
    return network


def _tensors(path: Path) -> dict[str, Tensor]:
    blob = check(path)
    try:
        tensors = load_tensors(blob)
    except (SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
        # KeyError: of an element type that torch has not
        raise WeightsError(f"'{path}' is not a safetensors file: {error}") from error
    for name, tensor in tensors.items():
        if not tensor.is_floating_point() or not tensor.half().isfinite().all():
            raise WeightsError(f"'{path}': {name} holds what is no finite number: train it anew, or restore the file")
    return tensors
