"""One task of a sweep, and the address of its result: everything that the result depends on."""

import functools
import hashlib
import importlib.util
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gvc import registry
from gvc.errors import InputError

Row = dict[str, Any]
HASHED = (".py", ".json", ".yaml")


@dataclass(frozen=True)
class Task:
    """`point(parameters, seed)`; `key` is the SHA-256 of all that its rows depend on."""

    point: str
    cell: int
    parameters: dict[str, Any]
    seed: int
    key: str


class Addresses:
    """Keys of a point function's tasks.

    The function may say what it depends on beside its arguments: `sources`, names of packages (its own top package
    otherwise), and `inputs(parameters)`, files such as weights.

    Raises InputError for a point or package that cannot be found.
    """

    def __init__(self, point: str):
        self.point = point
        self.function = resolve(point)
        own = getattr(self.function, "__module__", "").partition(".")[0]
        self.code = code_hash(tuple(getattr(self.function, "sources", (own,))))

    def task(self, cell: int, parameters: dict[str, Any], seed: int) -> Task:
        """The task of a cell with a seed."""
        inputs = getattr(self.function, "inputs", None)
        files = [file_hash(path) for path in inputs(parameters)] if inputs else []
        content = [self.point, parameters, seed, self.code, files]
        text = json.dumps(content, sort_keys=True, allow_nan=False)
        return Task(self.point, cell, parameters, seed, hashlib.sha256(text.encode()).hexdigest())


def run(point: str, parameters: dict[str, Any], seed: int) -> list[Row]:
    """The rows of a task, wherever it is run. Raises what the point raises."""
    rows = resolve(point)(parameters, seed)
    return [rows] if isinstance(rows, dict) else list(rows)


def resolve(point: str) -> Callable[[dict[str, Any], int], Row | list[Row]]:
    """The point function called `point`."""
    return registry.resolve("point", point)


@functools.lru_cache(maxsize=64)
def code_hash(packages: tuple[str, ...]) -> str:
    """SHA-256 over the code and tables of packages or modules.

    Raises InputError when one cannot be found.
    """
    digest = hashlib.sha256()
    for name in packages:
        try:
            found = importlib.util.find_spec(name)
        except (ImportError, ValueError) as error:
            raise InputError(f"a sweep's point names the package '{name}', which cannot be found: {error}") from error
        if found is None or not found.origin:
            raise InputError(f"a sweep's point names the package '{name}', which cannot be found")
        origin = Path(found.origin)
        for path in _files(origin):
            digest.update(f"{name}/{path.relative_to(origin.parent)}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _files(origin: Path) -> Iterable[Path]:
    if origin.name != "__init__.py":
        return [origin]
    found = (path for path in sorted(origin.parent.rglob("*")) if path.suffix in HASHED)
    # What training and evaluation wrote beside the weights decides nothing.
    return (path for path in found if path.name not in ("eval.json", "__pycache__"))


@functools.lru_cache(maxsize=1024)
def file_hash(path: Path) -> str:
    """SHA-256 of a file; raises InputError when it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"'{path}', which a point depends on, cannot be read: {error.strerror}") from error
