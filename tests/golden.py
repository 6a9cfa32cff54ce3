"""Golden results: figures that should not drift unseen, kept in tests/golden/NAME.json.

    GVC_GENERATE=1 python -m pytest tests -k golden

writes them anew; the change of the file then shows what has moved, and belongs into the commit that moved it.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gvc.storage.files import read_json, write_json

FOLDER = Path(__file__).with_name("golden")
SWITCH = "GVC_GENERATE"


def check(name: str, found: Any, within: Mapping[str, float], folder: Path = FOLDER) -> None:
    """Compare `found`, of what JSON knows, with golden/NAME.json; with the switch set, write it.

    Numbers that are no integers may differ by what `within` allows under their key; all else is equal.
    """
    path, found = folder / f"{name}.json", json.loads(json.dumps(found))
    if os.environ.get(SWITCH):
        folder.mkdir(exist_ok=True)
        write_json(path, found)
        return
    assert path.exists(), f"{path} is not there: run once with {SWITCH}=1 and look at it"
    moved = list(_moved(read_json(path), found, within, "", name))
    assert not moved, f"{'; '.join(moved)}. If that is meant, run again with {SWITCH}=1 and commit the file"


def _moved(kept: Any, found: Any, within: Mapping[str, float], key: str, where: str) -> list[str]:
    """What differs, in words."""
    if isinstance(kept, dict) and isinstance(found, dict) and kept.keys() == found.keys():
        parts = [_moved(kept[name], found[name], within, name, f"{where}.{name}") for name in kept]
        return [word for part in parts for word in part]
    if isinstance(kept, list) and isinstance(found, list) and len(kept) == len(found):
        pairs = enumerate(zip(kept, found, strict=True))
        return [word for i, pair in pairs for word in _moved(*pair, within, key, f"{where}[{i}]")]
    if isinstance(kept, float) and isinstance(found, float):
        assert key in within, f"say within how much '{key}' may differ"
        return [] if abs(kept - found) <= within[key] else [f"{where} was {kept:.6g} and is {found:.6g}"]
    return [] if kept == found else [f"{where} was {kept!r} and is {found!r}"]
