"""Clips: geometry against the picture that was written, limits, and every kind of bad file."""

import os
import subprocess

import av
import imageio_ffmpeg
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gvc.content.clips import installed_clips
from gvc.errors import InputError
from gvc.video.clip import open_clip


def write(path, frames, codec="libx264", rate=25, coding=None, **options):
    """A video file of uint8 [H, W, 3] frames."""
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = frames[0].shape[:2]
        stream.options = coding or {}
        odd = stream.height % 2 or stream.width % 2
        stream.pix_fmt = "bgr0" if codec == "ffv1" else "yuv444p" if odd else "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def noise(count, height=48, width=64, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def test_lossless_frames_come_back_as_they_went_in(tmp_path):
    frames = noise(5)
    clip = open_clip(write(tmp_path / "a.mkv", frames, "ffv1", rate=30))
    decoded = list(clip)
    assert clip.size == clip.source_size == (64, 48)
    assert clip.fps == 30.0
    assert np.array_equal(decoded, frames)
    assert all(f.dtype == np.uint8 and f.flags.c_contiguous for f in decoded)
    assert np.array_equal(list(clip), frames)  # from the start again


@pytest.mark.parametrize(("width", "height"), [(16, 16), (17, 31), (640, 272), (255, 257)])
def test_odd_and_small_sizes(tmp_path, width, height):
    decoded = list(open_clip(write(tmp_path / "a.mp4", noise(2, height, width))))
    assert [f.shape for f in decoded] == [(height, width, 3)] * 2


def test_4k(tmp_path):
    path = write(tmp_path / "a.mp4", np.zeros((1, 2160, 3840, 3), np.uint8), preset="ultrafast")
    assert next(iter(open_clip(path))).shape == (2160, 3840, 3)
    assert next(iter(open_clip(path, (256, 256)))).shape == (256, 256, 3)


def test_crops_to_the_aspect_about_the_centre_then_scales(tmp_path):
    """A picture of three columns, red, green and blue: the middle square is green only."""
    frame = np.zeros((64, 192, 3), np.uint8)
    for column in range(3):
        frame[:, 64 * column : 64 * (column + 1), column] = 255
    path = write(tmp_path / "a.mkv", frame[None], "ffv1")
    square = next(iter(open_clip(path, (32, 32))))
    assert np.array_equal(square[2:-2, 2:-2], np.broadcast_to([0, 255, 0], (28, 28, 3)))
    tall = next(iter(open_clip(path, (10, 40))))
    assert np.all(tall[:, 2:-2, 1] > 250)
    wide = next(iter(open_clip(path, (192, 32))))  # 6:1, rows are cropped, all columns stay
    assert np.all(wide[16, 20] == [255, 0, 0])
    assert np.all(wide[16, -20] == [0, 0, 255])


@settings(max_examples=15, deadline=None)
@given(width=st.integers(1, 300), height=st.integers(1, 300))
def test_any_size_can_be_asked_for(tmp_path_factory, width, height):
    path = tmp_path_factory.getbasetemp() / "any.mkv"
    if not path.exists():
        write(path, noise(1, 33, 47), "ffv1")
    assert next(iter(open_clip(path, (width, height)))).shape == (height, width, 3)


def test_scaling_keeps_the_mean(tmp_path):
    smooth = np.broadcast_to(np.linspace(40, 200, 256).astype(np.uint8)[None, :, None], (128, 256, 3)).copy()
    scaled = next(iter(open_clip(write(tmp_path / "a.mkv", smooth[None], "ffv1"), (64, 32))))
    assert np.abs(scaled.astype(float) - smooth[2::4, 2::4]).max() < 3


def test_frames_limit(tmp_path):
    path = write(tmp_path / "a.mp4", noise(6))
    assert len(list(open_clip(path, frames=4))) == 4
    assert len(list(open_clip(path, frames=100))) == 6


def ffmpeg(*arguments):
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *map(str, arguments)], check=True, timeout=60)


@pytest.mark.parametrize("mirror", [(), ("-display_hflip",), ("-display_vflip",)])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_turned_and_mirrored_as_ffmpeg_does(tmp_path, degrees, mirror):
    plain = write(tmp_path / "plain.mp4", noise(1, 32, 64))
    turned, shown = tmp_path / "turned.mp4", tmp_path / "shown.png"
    ffmpeg("-display_rotation", degrees, *mirror, "-i", plain, "-c", "copy", turned)
    ffmpeg("-i", turned, "-frames:v", "1", shown)
    expected = np.array(Image.open(shown).convert("RGB")).astype(int)
    clip = open_clip(turned)
    assert clip.size == expected.shape[1::-1]
    assert np.abs(next(iter(clip)).astype(int) - expected).mean() < 10  # chroma filters differ
    assert next(iter(open_clip(turned, (16, 24)))).shape == (24, 16, 3)


@pytest.mark.parametrize(("aspect", "width"), [("2", 320), ("64/45", 228), ("1/2", 80), ("9000", 160)])
def test_pixels_that_are_not_square_are_stretched(tmp_path, aspect, width):
    picture = np.zeros((96, 160, 3), np.uint8)
    picture[:, 80:] = 255
    plain = write(tmp_path / "plain.mp4", [picture])
    ffmpeg("-i", plain, "-vf", f"setsar={aspect}:max=100000", "-c:v", "libx264", tmp_path / "wide.mp4")
    clip = open_clip(tmp_path / "wide.mp4")
    assert clip.size == clip.source_size == (width, 96) and next(iter(clip)).shape == (96, width, 3)
    # the middle of the picture stays in the middle when it is cropped to a square
    square = next(iter(open_clip(tmp_path / "wide.mp4", (64, 64))))
    assert square[:, :28].max() < 40 and square[:, 36:].min() > 215


def test_a_stretched_picture_is_cropped_in_its_shown_aspect(tmp_path):
    picture = np.zeros((96, 160, 3), np.uint8)
    picture[:, 56:104] = 255  # 48 stored columns of 2:1 are 96 shown ones
    plain = write(tmp_path / "plain.mp4", [picture])
    ffmpeg("-i", plain, "-vf", "setsar=2", "-c:v", "libx264", tmp_path / "wide.mp4")
    assert next(iter(open_clip(tmp_path / "wide.mp4", (64, 64))))[:, 2:-2].min() > 215


@pytest.mark.parametrize("start", [1024, 1024 + 12800])
def test_an_edit_list_that_shows_half_is_no_damage(tmp_path, start):
    path = write(tmp_path / "a.mp4", noise(50, 96, 160), coding={"g": "10"})
    content = bytearray(path.read_bytes())
    edit = content.index(b"elst")
    assert int.from_bytes(content[edit + 12 : edit + 16], "big") == 2000
    content[edit + 12 : edit + 20] = (1000).to_bytes(4, "big") + start.to_bytes(4, "big")
    path.write_bytes(content)
    assert len(list(open_clip(path))) == 25


def test_joined_transport_streams_are_one_clip_and_a_cut_one_is_damaged(tmp_path):
    one = write(tmp_path / "one.ts", noise(25))
    whole = one.read_bytes()
    (tmp_path / "two.ts").write_bytes(2 * whole)
    assert len(list(open_clip(tmp_path / "two.ts"))) == 50
    lost = len(whole) // 376 * 188
    (tmp_path / "lost.ts").write_bytes(whole[:lost] + whole[lost + 5 * 188 :])
    with pytest.raises(InputError, match="damaged"):
        list(open_clip(tmp_path / "lost.ts"))


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_of_two_tracks_the_largest_is_taken_and_said(tmp_path, suffix):
    tracks = write(tmp_path / "preview.mp4", noise(2, 48, 64)), write(tmp_path / "film.mp4", noise(2, 96, 160))
    both = tmp_path / f"both.{suffix}"
    ffmpeg("-i", tracks[0], "-i", tracks[1], "-map", "0", "-map", "1", "-c", "copy", both)
    with pytest.warns(UserWarning, match=r"2 video tracks, 64x48, 160x96 \(taken\)"):
        assert open_clip(both).size == (160, 96)


def test_a_name_with_a_colon_is_a_file(tmp_path, monkeypatch):
    write(tmp_path / "a.mp4", noise(2)).rename(tmp_path / "take:2.mp4")
    monkeypatch.chdir(tmp_path)
    assert len(list(open_clip("take:2.mp4"))) == 2
    undecodable = os.fsdecode(b"take\xff.mp4")
    os.rename("take:2.mp4", undecodable)
    assert len(list(open_clip(undecodable))) == 2


def test_still_picture_is_a_clip_of_one_frame(tmp_path):
    path, picture = tmp_path / "a.png", noise(1)[0]
    Image.fromarray(picture).save(path)
    clip = open_clip(path)
    assert np.array_equal(list(clip), [picture])
    assert clip.fps > 0


def test_bare_name_is_looked_up_in_the_installed_content(tmp_path, monkeypatch):
    monkeypatch.setenv("GVC_HOME", str(tmp_path))
    with pytest.raises(InputError, match="testbed setup"):
        open_clip("bikes.mp4")
    (tmp_path / "content" / "clips").mkdir(parents=True)
    write(tmp_path / "content" / "clips" / "bikes.mp4", noise(2))
    assert installed_clips() == ["bikes.mp4"]
    assert len(list(open_clip("bikes.mp4"))) == 2
    with pytest.raises(InputError, match=r"did you mean 'bikes\.mp4'"):
        open_clip("bike.mp4")
    with pytest.raises(InputError, match="existing file"):
        open_clip("elsewhere/bikes.mp4")


def test_not_a_video(tmp_path):
    for content in (b"", b"x", b"not a video at all\n" * 100, os.urandom(5000)):
        path = tmp_path / "a.mp4"
        path.write_bytes(content)
        with pytest.raises(InputError) as caught:
            open_clip(path)
        assert "a.mp4" in str(caught.value)
        assert caught.value.exit_code == 2
    with pytest.raises(InputError, match="folder"):
        open_clip(tmp_path)
    with pytest.raises(InputError, match="cannot be read: File name too long"):
        open_clip("a" * 300 + ".mp4")


def test_sound_alone(tmp_path):
    path = tmp_path / "a.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    with pytest.raises(InputError, match="no video stream"):
        open_clip(path)


def test_no_frame(tmp_path):
    path = tmp_path / "a.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
    with pytest.raises(InputError, match="a.avi"):
        open_clip(path)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi"])
@pytest.mark.parametrize("kept", [0.5, 0.1])
def test_truncated(tmp_path, suffix, kept):
    path = write(tmp_path / f"a.{suffix}", noise(30), "mpeg4", **({"movflags": "faststart"} if suffix == "mp4" else {}))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(InputError, match="truncated|complete file|no picture"):
        list(open_clip(path))


def test_format_without_a_decoder(tmp_path):
    path = write(tmp_path / "a.avi", noise(2), "mpeg4")
    path.write_bytes(path.read_bytes().replace(b"FMP4", b"ZZZZ"))
    with pytest.raises(InputError, match="without a decoder|cannot be read"):
        open_clip(path)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_altered_bytes_give_frames_or_a_typed_error(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    original = folder / "original.mp4"
    if not original.exists():
        write(original, noise(4))
    content = bytearray(original.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    altered = folder / "altered.mp4"
    altered.write_bytes(content)
    try:
        for frame in open_clip(altered, (32, 32), frames=10):
            assert frame.shape == (32, 32, 3)
    except InputError:
        pass


@pytest.mark.parametrize("size", [(0, 16), (16, -1), (1.5, 16), (16, 10**6)])
def test_bad_size(size):
    with pytest.raises(InputError, match="1 to 16384"):
        open_clip("bikes.mp4", size)


@pytest.mark.parametrize("frames", [0, -1, 1.5])
def test_bad_number_of_frames(frames):
    with pytest.raises(InputError, match="whole number from 1"):
        open_clip("bikes.mp4", frames=frames)


def test_picture_too_large(tmp_path):
    path = tmp_path / "a.png"
    Image.new("L", (8200, 8200)).save(path)
    with pytest.raises(InputError, match="a.png"):
        open_clip(path)
