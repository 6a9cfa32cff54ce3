"""Files of the content that is installed, verified when they are first used."""

import functools
import hashlib
from pathlib import Path

from gvc import paths
from gvc.content.catalogue import DIGESTS, GROUPS, Group
from gvc.errors import GvcError


class ContentError(GvcError):
    """Content could not be fetched, is not installed, or is not what it should be."""


def file(name: str) -> Path:
    """The installed file `name`, such as `metrics/dists.safetensors`; its SHA-256 is checked once a process.

    Raises ContentError, with the command to run, when it is missing or altered.
    """
    return _verified(paths.content_dir() / name, DIGESTS[name], _command(name.split("/")[0]))


def intact(group: Group, folder: Path) -> bool:
    """Whether `folder` holds all files of `group`, unaltered."""
    return all((folder / name).is_file() and sha256(folder / name) == digest for name, digest in group.files.items())


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@functools.cache
def _verified(path: Path, digest: str, command: str) -> Path:
    try:
        found = sha256(path)
    except FileNotFoundError as error:
        raise ContentError(f"{path.name} is not installed; run {command}") from error
    except OSError as error:
        raise ContentError(f"{path} cannot be read: {error.strerror}") from error
    if found != digest:
        raise ContentError(f"{path.name} is not the expected file (SHA-256); run {command}")
    return path


def _command(group: str) -> str:
    needed = any(one.needed for one in GROUPS if one.name == group)
    return "./testbed setup" if needed else f"gvc content fetch {group}"
