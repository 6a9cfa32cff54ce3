"""Ground floor of the GVC testbed: coding, waveform, channels, evaluation. No GNU Radio."""

from typing import TYPE_CHECKING

from gvc.version import __version__

if TYPE_CHECKING:
    from gvc.storage.run import load

__all__ = ["__version__", "load"]


def __getattr__(name: str) -> object:
    # On demand, so that `import gvc` needs nothing.
    if name == "load":
        from gvc.storage.run import load

        return load
    raise AttributeError(f"module 'gvc' has no attribute '{name}'")
