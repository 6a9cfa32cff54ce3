"""Files of results: written whole or not at all, read within bounds or refused with a typed error that names them."""

import contextlib
import fcntl
import glob
import json
import math
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gvc.errors import InputError

MOST_JSON_BYTES = 64 << 20


def draft_of(path: Path) -> Path:
    """A new name beside `path`, for what is to be `put` there; one that no pattern for files of its kind fits."""
    return path.with_name(f".{path.name}.part-{secrets.token_hex(4)}")


def put(draft: str | Path, path: str | Path) -> None:
    """Give the file or folder `draft` the name `path`, in one step for a file; what was there is replaced.

    A folder that is replaced is called .NAME.old-* meanwhile: `clear_drafts` gives it back where that was cut short.
    """
    if not os.path.isdir(path):
        os.replace(draft, path)
        return
    path = Path(path)
    old = path.with_name(f".{path.name}.old-{secrets.token_hex(4)}")
    path.rename(old)
    os.rename(draft, path)
    shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """Where to write a file or a folder that `path` is to be: it takes that name when the block ends; when it fails,
    what was there stays, and nothing else.
    """
    path = Path(path)
    draft = draft_of(path)
    try:
        yield draft
        put(draft, path)
    finally:
        if draft.is_dir():
            shutil.rmtree(draft, ignore_errors=True)
        else:
            draft.unlink(missing_ok=True)


def write_json(path: str | Path, value: Any, indent: int | None = 1) -> None:
    """Write `plain(value)` as JSON to `path`, whole or not at all. Raises OSError."""
    text = json.dumps(plain(value), indent=indent, allow_nan=False, ensure_ascii=False) + "\n"
    with whole(path) as draft:
        draft.write_text(text, encoding="utf-8")


def plain(value: Any) -> Any:
    """`value` with only the types that JSON knows.

    Numbers that JSON has no word for (NaN, infinities) become null; numpy scalars, arrays and paths are converted.
    """
    if isinstance(value, Mapping):
        return {_readable(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return _readable(value)
    if isinstance(value, bool) or value is None or isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return _readable(str(value))


def _readable(text: str) -> str:
    """`text` with the bytes of a file's name that are no UTF-8 written out, as \\udcff."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def clear_drafts(path: Path) -> None:
    """Remove the drafts of `path` whose process is gone; give back the folder that one was about to replace.

    Only for what is locked from its making on, as `locked` does.
    """
    for draft in path.parent.glob(f".{glob.escape(path.name)}.part-*"):
        lock = locked(draft)
        if lock is not None:
            if draft.is_dir():
                shutil.rmtree(draft, ignore_errors=True)
            else:
                draft.unlink(missing_ok=True)
            os.close(lock)
    for old in path.parent.glob(f".{glob.escape(path.name)}.old-*"):
        if not path.exists():
            with contextlib.suppress(OSError):
                old.rename(path)
        else:
            shutil.rmtree(old, ignore_errors=True)


def locked(path: Path) -> int | None:
    """A descriptor that keeps a draft locked until it is closed or its process ends; None when another one has it, or
    the file system knows no locks.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def read_json(path: Path) -> Any:
    """What a JSON file holds. Raises InputError: unreadable, too large, too deep, or no JSON."""
    try:
        if path.stat().st_size > MOST_JSON_BYTES:
            raise InputError(f"{path} is larger than {MOST_JSON_BYTES} bytes")
        return json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged: {error}") from error


def read_mapping(path: Path) -> dict[str, Any]:
    """What a JSON file holds, a mapping. Raises InputError as `read_json`, and when it is none."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise InputError(f"{path} is damaged: it holds no mapping")
    return content
