"""Where installed content and the radios live."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def content_dir() -> Path:
    """Folder of demo clips and metric weights: $GVC_HOME/content, else `.content` beside the packages."""
    home = os.environ.get("GVC_HOME")
    return Path(home) / "content" if home else ROOT / ".content"


def cache_dir() -> Path:
    """Folder of what can be computed again: $GVC_HOME/cache, else `.cache` beside the packages."""
    home = os.environ.get("GVC_HOME")
    return Path(home) / "cache" if home else ROOT / ".cache"


def radios_dir() -> Path:
    """Folder of the radio files."""
    return ROOT / "hw_configs"
