"""Files of keys and values: read, checked key by key, with errors that name the key."""

import math
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from gvc.errors import ConfigError, InputError
from gvc.registry import nearest


class Section(BaseModel):
    """A part of a file; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Checked = TypeVar("Checked", bound=Section)


def load_mapping(path: Path, what: str, see: str) -> dict[str, Any]:
    """The keys of a YAML file, unchecked. `what` it is and what to `see` are words for errors.

    Raises InputError when it cannot be read and ConfigError when it is no YAML mapping.
    """
    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise InputError(f"no {what} '{path}': {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{what} '{path}' is not valid YAML: {error}") from error
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
    path = [str(part) for part in error["loc"]]
    if error["type"] == "extra_forbidden":
        valid = _keys(section, path[:-1])
        return f"unknown key '{'.'.join(path)}'{nearest('.'.join(path), valid)}"
    value = error.get("input")
    shown = f" (got {value!r})" if not isinstance(value, float) or math.isfinite(value) else ""
    return f"'{'.'.join(path)}': {error['msg']}{shown}"


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
