"""Still pictures: as a viewer shows them, whatever the file holds, or a typed error that names the file."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gvc.errors import InputError
from gvc.video import picture
from gvc.video.clip import open_clip

RGB = np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8)
GREY16 = np.linspace(0, 65535, 240).astype(np.uint16).reshape(12, 20)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_as_exif_says_for_clips_and_for_scores(tmp_path, orientation):
    turns = [lambda p: p, np.fliplr, lambda p: np.rot90(p, 2), np.flipud, lambda p: p.transpose(1, 0, 2),
             lambda p: np.rot90(p, -1), lambda p: np.rot90(p, 2).transpose(1, 0, 2), np.rot90]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "a.png"
    path.write_bytes(encoded(Image.fromarray(RGB), "PNG", exif=exif))
    shown = picture.read(path)
    assert np.array_equal(shown, turns[orientation - 1](RGB)) and shown.flags.c_contiguous
    clip = open_clip(path)
    assert clip.size == shown.shape[1::-1] and np.array_equal(next(iter(clip)), shown)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_of_grey_are_scaled(tmp_path, kind):
    expected = np.repeat(np.round(GREY16 / 257).astype(np.uint8)[..., None], 3, axis=2)
    for values in (GREY16, GREY16.astype(">u2")) if kind == "TIFF" else (GREY16,):
        path = tmp_path / f"a.{kind.lower()}"
        path.write_bytes(encoded(Image.fromarray(values), kind))
        assert np.array_equal(picture.read(path), expected)
        assert np.array_equal(next(iter(open_clip(path))), expected)


@pytest.mark.parametrize("values", [GREY16 / 65535, GREY16.astype(np.int32) * 60000])
def test_a_depth_without_a_stated_range_is_refused(values):
    kind = np.float32 if values.dtype == np.float64 else np.int32
    with pytest.raises(InputError, match=r"'a\.tiff' is of kind .*8 bits a colour"):
        picture.read(encoded(Image.fromarray(values.astype(kind)), "TIFF"), "a.tiff")


def test_other_kinds_of_8_bits():
    image = Image.fromarray(RGB)
    palette = image.quantize(16)
    assert np.array_equal(picture.read(encoded(palette, "PNG")), np.asarray(palette.convert("RGB")))
    assert np.array_equal(picture.read(encoded(image.convert("L"), "PNG"))[..., 1], np.asarray(image.convert("L")))
    ink = image.convert("CMYK")
    assert np.array_equal(picture.read(encoded(ink, "TIFF")), np.asarray(ink.convert("RGB")))
    assert set(np.unique(picture.read(encoded(image.convert("1"), "PNG")))) <= {0, 255}


def test_transparent_parts_lie_on_black():
    alpha = np.full((12, 20), 255, np.uint8)
    alpha[:, :10] = 0
    shown = picture.read(encoded(Image.fromarray(np.dstack([RGB, alpha])), "PNG"))
    assert not shown[:, :10].any() and np.array_equal(shown[:, 10:], RGB[:, 10:])
    palette = Image.fromarray(RGB).quantize(4)
    hidden = np.asarray(palette) == 2
    assert not picture.read(encoded(palette, "PNG", transparency=2))[hidden].any()


@pytest.mark.parametrize("kind", ["TIFF", "WEBP", "PNG"])
def test_several_pictures_in_one_are_refused(tmp_path, kind):
    more = [Image.fromarray(255 - RGB)]
    content = encoded(Image.fromarray(RGB), kind, save_all=True, append_images=more)
    with pytest.raises(InputError, match="'a' holds several"):
        picture.read(content, "a")
    if kind != "PNG":
        (tmp_path / f"a.{kind.lower()}").write_bytes(content)
        with pytest.raises(InputError, match="holds several"):
            open_clip(tmp_path / f"a.{kind.lower()}")


def test_a_telephones_depth_map_behind_a_jpeg_is_no_second_picture():
    depth = [Image.fromarray(255 - RGB)]
    content = encoded(Image.fromarray(RGB), "MPO", save_all=True, append_images=depth)
    assert np.abs(picture.read(content).astype(int).mean() - RGB.mean()) < 2


def test_an_animated_png_is_a_clip(tmp_path):
    (tmp_path / "a.png").write_bytes(
        encoded(Image.fromarray(RGB), "PNG", save_all=True, append_images=[Image.fromarray(255 - RGB)], duration=40)
    )
    assert len(list(open_clip(tmp_path / "a.png"))) == 2


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n", b"II*\0" + bytes(20)])
def test_no_picture(content):
    with pytest.raises(InputError, match="'some.png'"):
        picture.read(content, "some.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "PPM"])
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_altered_bytes_give_a_picture_or_an_input_error(kind, data):
    content = bytearray(encoded(Image.fromarray(RGB), kind))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        shown = picture.read(bytes(content[: data.draw(st.integers(1, len(content)))]), "altered")
        assert shown.ndim == 3 and shown.shape[2] == 3 and shown.dtype == np.uint8
    except InputError as error:
        assert "altered" in str(error)
