"""Code that a file names runs only when the caller allows it.

A strategy may be `package.module:Class`, and to load it is to run it. In a script or on the command line such a name is
the caller's own word; in a file it may be a stranger's. Readers of files therefore call `refuse_code`, which passes
inside `allowing_code` (the command line's `--allow-code`) and for names that the caller has given beside the file.
"""

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from gvc.errors import ConfigError

_NAME = r"[^\W\d][\w.]*:[^\W\d]\w*"
# From the beginning of a word only: linear in the length of a text.
_WITHIN = re.compile(rf"(?<![\w.]){_NAME}")
_allowed: ContextVar[bool] = ContextVar("code from files", default=False)


def names_code(text: str) -> bool:
    """Whether `text` is `package.module:Attribute`."""
    return re.fullmatch(_NAME, text) is not None


def allow_code(allowed: bool = True) -> None:
    """From now on, in this context, files may name code, or may not."""
    _allowed.set(allowed)


def code_is_allowed() -> bool:
    """Whether files may name code here."""
    return _allowed.get()


@contextmanager
def allowing_code(allowed: bool = True) -> Iterator[None]:
    """Files may name code inside (in this thread), or may not."""
    token = _allowed.set(allowed)
    try:
        yield
    finally:
        _allowed.reset(token)


def code_names(content: Any) -> Iterator[tuple[str, str]]:
    """Every name of code in a file's content, keys and parts of texts included, with the key that it stands under."""
    waiting = [("", content)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, dict):
            for name, item in value.items():
                waiting += [(key or str(name), str(name)), (f"{key}.{name}" if key else str(name), item)]
        elif isinstance(value, list | tuple):
            waiting += [(key, item) for item in value]
        elif isinstance(value, str):
            yield from ((key, found) for found in _WITHIN.findall(value))


def refuse_code(content: Any, what: str, given: Collection[str] = ()) -> None:
    """Raise ConfigError when `content`, of `what`, names code that is neither allowed nor among the names `given`."""
    if _allowed.get():
        return
    for key, name in code_names(content):
        if name not in given:
            raise ConfigError(
                f"{what} names code, '{key}: {name}', which would run: if you trust the file, add --allow-code, or "
                "give the name on the command line (--set)"
            )
