"""The toy points as a module that workers, too, can import."""

import importlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gvc.sweep import task
from gvc.sweep.config import SweepConfig


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of `toy_points`, the test's own, on the path of this process and of those that it starts."""
    folder = tmp_path / "modules"
    folder.mkdir()
    shutil.copy(Path(__file__).with_name("toy.py"), folder / "toy_points.py")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=":")
    forget()
    yield folder
    forget()


def forget() -> None:
    """As in a new process: nothing remembered of modules and their hashes."""
    sys.modules.pop("toy_points", None)
    importlib.invalidate_caches()
    for cache in (task.code_hash, task.file_hash, task._addresses):
        cache.cache_clear()


@pytest.fixture
def config(toy: Path) -> Callable[..., SweepConfig]:
    """Makes the configuration of a sweep over a toy point."""

    def make(point: str = "normal", **keys: object) -> SweepConfig:
        return SweepConfig.model_validate({"name": "test", "point": f"toy_points:{point}", **keys})

    return make
