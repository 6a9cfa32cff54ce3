"""Folders and tars of pictures: everything in them, told apart, turned and scaled as for clips."""

import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gvc.errors import InputError
from models.training import pictures


def fill(folder: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((16, 24, 3), 10 + number, np.uint8)).save(path)
    return folder


def packed(folder: Path) -> Path:
    target = folder.with_suffix(".tar")
    with tarfile.open(target, "w") as archive:
        archive.add(folder, arcname=".")
    return target


@pytest.mark.parametrize("pack", [Path, packed])
def test_one_name_in_two_folders_is_two_pictures(tmp_path: Path, pack) -> None:
    source = pack(fill(tmp_path / "a", "kodak/01.png", "clic/01.png", "clic/02.png", "clic/._02.png"))
    read = pictures.read(source)
    # a name that is its own stays short: with it, the channel draws of a score stay what they were
    assert {name: int(picture[0, 0, 0]) for name, picture in read.items()} == {
        "02.png": 12, "clic/01.png": 11, "kodak/01.png": 10,
    }  # fmt: skip
    assert set(pictures.read(source, only={"01.png"})) == {"clic/01.png", "kodak/01.png"}
    assert set(pictures.read(source, only={"clic/01.png", "elsewhere/kodak/01.png"})) == set(read) - {"02.png"}
    assert set(pictures.read(source, without={"clic/01.png"})) == {"02.png", "kodak/01.png"}
    with pytest.raises(InputError, match="holds no picture"):
        pictures.read(source, only={"kodak/02.png"})


def test_a_list_may_name_folders_that_the_source_has_not(tmp_path: Path) -> None:
    source = fill(tmp_path / "flat", "01.png", "02.png")
    (tmp_path / "list.txt").write_text("kodak/01.png  # the first\n\n")
    assert set(pictures.read(source, only=pictures.listed(tmp_path / "list.txt"))) == {"01.png"}
    with pytest.raises(InputError, match="nothing.txt"):
        pictures.listed(tmp_path / "nothing.txt")


def test_sixteen_bits_are_scaled_and_a_telephones_picture_is_turned(tmp_path: Path) -> None:
    grey = np.linspace(0, 65535, 16 * 24).astype(np.uint16).reshape(16, 24)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.full((16, 24, 3), 9, np.uint8)).save(tmp_path / "turned.png", exif=exif)
    read = pictures.read(tmp_path)
    assert np.array_equal(read["grey.png"][0], np.round(grey / 257)) and read["turned.png"].shape == (3, 24, 16)


def test_damaged_tars_and_pictures_are_named(tmp_path: Path) -> None:
    fill(tmp_path / "a", "01.png")
    whole = packed(tmp_path / "a")
    (tmp_path / "cut.tar").write_bytes(whole.read_bytes()[:1600])
    with pytest.raises(InputError, match="cut.tar|01.png"):
        pictures.read(tmp_path / "cut.tar")
    (tmp_path / "a" / "01.png").write_bytes(b"no")
    with pytest.raises(InputError, match="01.png"):
        pictures.read(tmp_path / "a")
    with pytest.raises(InputError, match="File name too long"):
        pictures.read(Path("a" * 300))


def test_a_bomb_in_a_tar_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "bomb.tar", "w") as archive:
        member = tarfile.TarInfo("01.png")
        member.size = 1 << 40
        archive.addfile(member, None)
    with pytest.raises(InputError, match="'01.png' in .* has 1099511627776 bytes"):
        pictures.read(tmp_path / "bomb.tar")
