"""Files of keys and values: read, checked key by key, with errors that name the key."""

import reprlib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from gvc import core_yaml
from gvc.errors import ConfigError
from gvc.registry import nearest


class Section(BaseModel):
    """A part of a file. Unknown keys are refused; a number is no text and no yes or no, and is finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    def __hash__(self) -> int:
        """Of all but mappings, which have none."""
        return hash(tuple(value for _, value in self if not isinstance(value, dict)))


Options = dict[str, Any]
"""Further keyword arguments of a strategy's constructor; each is checked against it (`gvc.registry.create`)."""


Checked = TypeVar("Checked", bound=Section)


def load_mapping(path: Path, what: str, see: str) -> dict[str, Any]:
    """The keys of a YAML file, unchecked. `what` it is and what to `see` are words for errors.

    Raises InputError when it cannot be read and ConfigError, naming the line, when it is no YAML mapping or one that
    `gvc.core_yaml` refuses.
    """
    content = core_yaml.read(path, what)
    if not isinstance(content, dict):
        raise ConfigError(f"{what} '{path}' must hold keys and values, see {see}")
    return content


def checked(section: type[Checked], content: dict[str, Any]) -> Checked:
    """The section from its keys; raises ConfigError that names the key, and the nearest valid one if it is unknown."""
    try:
        return section.model_validate(content)
    except ValidationError as error:
        raise ConfigError("; ".join(_explain(section, e) for e in error.errors()[:5])) from error


def _explain(section: type[Section], error: Any) -> str:
    path = [str(part)[:60] for part in error["loc"]]
    if error["type"] == "extra_forbidden":
        valid = _keys(section, path[:-1])
        return f"unknown key '{'.'.join(path)}'{nearest('.'.join(path), valid)}"
    return f"'{'.'.join(path)}': {error['msg']} (got {shown(error.get('input'))})"


def shown(value: Any) -> str:
    """`repr` of a value of any size, in at most some 200 characters and little time."""
    try:
        return _SHORT.repr(value)[:200]
    except ValueError:  # an integer of more digits than Python writes
        return f"a number of {value.bit_length()} bits" if isinstance(value, int) else type(value).__name__


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 60
_SHORT.maxlevel = 3


def _keys(section: type[Section], parents: list[str]) -> list[str]:
    """Full names of all keys of the section under `parents`, or of the section itself."""
    model: Any = section
    for name in parents:
        field = model.model_fields.get(name)
        # of `Section | None`, the section
        kinds = [] if field is None else getattr(field.annotation, "__args__", (field.annotation,))
        model = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
        if model is None:
            return []
    return [".".join([*parents, name]) for name in model.model_fields]
