"""One task of a sweep, and the address of its result: everything that the result depends on."""

import functools
import hashlib
import importlib.util
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gvc import permission, registry
from gvc.errors import ConfigError, InputError

Row = dict[str, Any]
SCALARS = (str, int, float, bool, type(None))
HASHED = (".py", ".json", ".yaml")


@dataclass(frozen=True)
class Task:
    """`point(parameters, seed)`; `key` is the SHA-256 of all that its rows depend on. `allow_code`: whether the files
    that it reads may name code, as the one who made it allowed.
    """

    point: str
    cell: int
    parameters: dict[str, Any]
    seed: int
    key: str
    allow_code: bool = False


@dataclass(frozen=True)
class Failure:
    """Why a task has no rows."""

    message: str


Result = list[Row] | Failure


class Addresses:
    """Keys of a point function's tasks.

    The function may say what it depends on beside its arguments: `sources`, names of packages (its own top package
    otherwise), `inputs(parameters)`, files such as weights, and `conditions(parameters)`, words for what the machine
    decides, such as the type that networks compute in.

    Raises InputError for a point or package that cannot be found.
    """

    def __init__(self, point: str):
        self.point = point
        self.function = resolve(point)
        own = getattr(self.function, "__module__", "").partition(".")[0]
        self.code = code_hash(tuple(getattr(self.function, "sources", (own,))))
        self._asked: dict[str, list[Any]] = {}

    def task(self, cell: int, parameters: dict[str, Any], seed: int) -> Task:
        """The task of a cell with a seed. Raises ConfigError for parameters that JSON has no word for."""
        try:
            content = [self.point, parameters, seed, self.code, *self._further(parameters)]
            text = json.dumps(content, sort_keys=True, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{parameters}: parameters are numbers, texts, lists and mappings: {error}") from error
        key = hashlib.sha256(text.encode()).hexdigest()
        return Task(self.point, cell, parameters, seed, key, permission.code_is_allowed())

    def _further(self, parameters: dict[str, Any]) -> list[Any]:
        """Hashes of the files that the parameters name, and the conditions; asked for once for all seeds."""
        inputs, conditions = (getattr(self.function, name, None) for name in ("inputs", "conditions"))
        asked = json.dumps(parameters, sort_keys=True)
        if asked not in self._asked:
            hashes = [file_hash(path) for path in inputs(parameters)] if inputs else []
            self._asked[asked] = [hashes, conditions(parameters) if conditions else {}]
        return self._asked[asked]


def attempt(task: Task) -> Result:
    """The rows of a task, wherever it is run; whatever goes wrong becomes a `Failure`.

    A worker elsewhere, or one that runs since last week, may have other code or weights: its rows are not wanted.
    """
    try:
        with permission.allowing_code(task.allow_code):
            if _addresses(task.point).task(task.cell, task.parameters, task.seed).key != task.key:
                return Failure("the worker has other code or files than this sweep; restart it from the same checkout")
            return [_row(row) for row in run(task.point, task.parameters, task.seed)]
    except (Exception, SystemExit) as error:
        return Failure(f"{type(error).__name__}: {error}")


def run(point: str, parameters: dict[str, Any], seed: int) -> list[Row]:
    """The rows of a point. Raises what the point raises."""
    rows = resolve(point)(parameters, seed)
    return [rows] if isinstance(rows, dict) else list(rows)


def _row(row: Row) -> Row:
    """A row of Python's own scalars; raises TypeError for a value that is none."""
    plain = {str(name): value.item() if hasattr(value, "item") else value for name, value in row.items()}
    for name, value in plain.items():
        if not isinstance(value, SCALARS):
            raise TypeError(f"column '{name}' holds a {type(value).__name__}; a row holds numbers and texts")
    return plain


@functools.lru_cache(maxsize=16)
def _addresses(point: str) -> Addresses:
    return Addresses(point)


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
