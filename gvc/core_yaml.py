"""YAML as files and `--set` hold it here: the core schema of YAML 1.2, one meaning a text, bounded work.

PyYAML reads YAML 1.1, where `yes` is true, `0100` is 64 and `1:30` is 90. Here they are the text `yes`, 100 and the
text `1:30`; dates are texts. Refused: a key that appears twice in a mapping, keys that are no text, aliases and tags,
numbers beyond what a float or 19 digits hold, more than 32 levels, and files of more than 256 KiB.
"""

import math
import re
from pathlib import Path
from typing import Any, ClassVar

import yaml
from yaml.constructor import ConstructorError, SafeConstructor
from yaml.nodes import MappingNode, Node, ScalarNode

from gvc.errors import ConfigError, InputError

MOST_BYTES = 256 * 1024
MOST_LEVELS = 32
MOST_DIGITS = 19


def read(path: Path, what: str) -> Any:
    """What a YAML file holds. `what` it is, is a word for errors.

    Raises InputError when it cannot be read, and ConfigError naming file and line for what is wrong in it.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise InputError(f"no {what} '{path}': {getattr(error, 'strerror', None) or error}") from error
    if len(content) > MOST_BYTES:
        raise ConfigError(f"{what} '{path}' has more than {MOST_BYTES // 1024} KiB")
    try:
        return _read(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{what} '{path}' is not UTF-8 text: {error}") from error
    except yaml.YAMLError as error:
        line, problem = _told(error)
        state = "" if isinstance(error, ConstructorError) else " is not valid YAML"
        raise ConfigError(f"{what} '{path}'{state}{f', line {line}' if line else ''}: {problem}") from error


def value(text: str, what: str) -> Any:
    """The value of `what`=text on the command line: YAML, or the text itself where it is none.

    Raises ConfigError for YAML that is refused.
    """
    if len(text) > MOST_BYTES:
        raise ConfigError(f"{what}: a value of more than {MOST_BYTES // 1024} KiB")
    try:
        return _read(text)
    except ConstructorError as error:
        raise ConfigError(f"{what}: {_told(error)[1]}") from error
    except yaml.YAMLError:
        return text


def _read(text: str) -> Any:
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def _told(error: yaml.YAMLError) -> tuple[int | None, str]:
    """Line, from 1, and what is wrong there."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return (None if mark is None else mark.line + 1), str(getattr(error, "problem", None) or error)[:300]


def _refused(problem: str, where: Node | yaml.Event) -> ConstructorError:
    mark: Any = where.start_mark  # the C parser has marks of its own class, with the same fields
    return ConstructorError(None, None, problem, mark)


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict = {}
    yaml_constructors: ClassVar[dict] = {}

    def __init__(self, text: str):
        super().__init__(text)
        self._levels = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        event = self.peek_event()
        self._levels += 1
        if isinstance(event, yaml.AliasEvent):
            raise _refused("aliases (*NAME) are not read: write the value again", event)
        if getattr(event, "tag", None) is not None:
            raise _refused(f"tags ({event.tag[:60]}) are not read", event)
        if self._levels > MOST_LEVELS:
            raise _refused(f"more than {MOST_LEVELS} levels inside each other", event)
        node = super().compose_node(parent, index)
        self._levels -= 1
        return node

    def mapping(self, node: MappingNode) -> dict[str, Any]:
        """Its pairs; each key is a text, and there once."""
        pairs: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            line = key_node.start_mark.line + 1
            if not isinstance(key, str):
                raise _refused(f"the key {str(key)[:60]} is no text: put it in quotes", key_node)
            if key in pairs:
                raise _refused(f"the key '{key[:60]}' appears twice, in lines {lines[key]} and {line}", key_node)
            pairs[key], lines[key] = self.construct_object(value_node, deep=True), line
        return pairs

    def integer(self, node: ScalarNode) -> int:
        """Decimal, 0o octal or 0x hexadecimal."""
        digits = node.value.lstrip("+-")
        base = {"0o": 8, "0x": 16}.get(digits[:2], 10)
        digits = digits if base == 10 else digits[2:]
        if len(digits) > MOST_DIGITS:
            raise _refused(f"a number of more than {MOST_DIGITS} digits", node)
        return -int(digits, base) if node.value.startswith("-") else int(digits, base)

    def real(self, node: ScalarNode) -> float:
        """A float; only .inf is infinite."""
        text = node.value.lower()
        if text.lstrip("+-") in (".inf", ".nan"):
            return float(text.replace(".", ""))
        number = float(text) if len(text) <= 100 else math.inf
        if math.isinf(number):
            raise _refused(f"the number {node.value[:60]} is too large or too long", node)
        return number


_CORE = "tag:yaml.org,2002:"
for _name, _pattern in {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
}.items():
    _Loader.add_implicit_resolver(_CORE + _name, re.compile(rf"(?:{_pattern})\Z"), None)
for _name, _construct in {
    "null": SafeConstructor.construct_yaml_null,
    "bool": SafeConstructor.construct_yaml_bool,
    "int": _Loader.integer,
    "float": _Loader.real,
    "str": SafeConstructor.construct_yaml_str,
    "seq": lambda loader, node: loader.construct_sequence(node, deep=True),
    "map": _Loader.mapping,
}.items():
    _Loader.add_constructor(_CORE + _name, _construct)
