"""Demo clips that the set-up has installed."""

from pathlib import Path

from gvc.errors import InputError
from gvc.paths import content_dir
from gvc.registry import nearest


def installed_clips() -> list[str]:
    """File names of the installed demo clips, sorted."""
    folder = content_dir() / "clips"
    return sorted(entry.name for entry in folder.iterdir() if entry.is_file()) if folder.is_dir() else []


def find_clip(path_or_name: str | Path) -> Path:
    """The file of a clip: a path as it is, or a bare name looked up here first and then in the installed content.

    Raises InputError when there is no such file; the message names the nearest installed clip.
    """
    path = Path(path_or_name)
    try:
        if path.is_dir():
            raise InputError(f"'{path}' is a folder: give a video file")
        if path.is_file():
            return path
    except OSError as error:
        raise InputError(f"clip '{path}' cannot be read: {error.strerror}") from error
    if path.name != str(path_or_name):
        raise InputError(f"no such clip '{path}': give an existing file, or the bare name of an installed clip")
    installed = content_dir() / "clips" / path.name
    if installed.is_file():
        return installed
    known = installed_clips()
    if not known:
        raise InputError(f"no such clip '{path}', and no demo content in {content_dir()}: run `./testbed setup` first")
    raise InputError(f"no such clip '{path}'{nearest(path.name, known)} (installed: {', '.join(known)})")
