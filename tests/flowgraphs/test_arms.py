"""Arms that are no networks in the running link, and over a file between tx and rx."""

import json
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

PLAIN = ("--set", "model.encoder=tests.flowgraphs.plain_codec:PlainEncoder")
PLAIN += ("--set", "model.decoder=tests.flowgraphs.plain_codec:PlainDecoder", "--set", "model.gate=false")
SHORT = ("--set", "segment.frames=4", "--metrics", "psnr_db", "--pace", "none")
DIGITAL = "x264+ldpc@qpsk-1_2"


def link(gvc, clip: Path, out: Path, arms: str, *options: str) -> dict:
    done = gvc("link", "--clip", clip, *PLAIN, *SHORT, "--arms", arms, *options, "--out", out, "--json", "-")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def textured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 lossless frames 256 x 256: waves of all orientations, moving two pixels a frame."""
    path = tmp_path_factory.mktemp("clip") / "waves.mkv"
    y, x = np.mgrid[:256, :256]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 256, 256, "bgr0"
        for time in range(12):
            u = x - 2 * time
            waves = [np.sin(u / 9) * np.cos(y / 14), np.sin(u * y / 2000), np.cos((u + y) / 25)]
            frame = np.stack([128 + 70 * wave for wave in waves], axis=-1).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def clean(gvc, textured: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Twelve frames in three segments over white noise at 12 dB."""
    out = tmp_path_factory.mktemp("runs") / "clean"
    return link(gvc, textured, out, f"jscc,{DIGITAL},softcast", "--radio", "sim-awgn")


def test_every_arm_has_the_same_slots_and_energy(clean) -> None:
    own = clean["arms"]["jscc"]
    assert own["channel_uses"] == 12 * 256 * 256 * 3 / 48
    for name in (DIGITAL, "softcast"):
        assert own["channel_uses"] == clean["arms"][name]["channel_uses"]
        assert own["energy"] == pytest.approx(clean["arms"][name]["energy"], rel=0.03)


def test_all_frames_of_a_good_channel_are_shown(clean) -> None:
    for name, arm in clean["arms"].items():
        assert (arm["frames_received"], arm["frames_lost"]) == (12, 0), name
    digital = clean["arms"][DIGITAL]
    assert digital["block_errors"] == 0 < digital["blocks"]
    assert digital["bytes"] > 0 and digital["psnr_db"] > 25
    assert clean["arms"]["softcast"]["psnr_db"] > 20


def test_frames_lost_on_a_bad_channel_are_counted(gvc, clip: Path, tmp_path: Path) -> None:
    bad = ("--radio", "sim-tdl-c-900ns", "--set", "channel.snr_db=4", "--set", "video.size=64x48")
    arm = link(gvc, clip, tmp_path / "bad", f"{DIGITAL},jscc", *bad)["arms"][DIGITAL]
    assert arm["frames_received"] + arm["frames_lost"] == 12
    assert arm["frames_lost"] > 0
    assert 0 < arm["block_errors"] <= arm["blocks"]


@pytest.mark.parametrize("arm", ["capacity", "av1+ldpc@genie"])
def test_an_arm_that_knows_the_channel_beforehand_is_no_radio(gvc, clip: Path, tmp_path: Path, arm: str) -> None:
    done = gvc("link", "--clip", clip, "--radio", "sim-awgn", *PLAIN, "--arms", arm, "--out", tmp_path / "never")
    assert done.returncode == 2
    assert f"arm '{arm}' knows the channel beforehand: it is for sweeps" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_misspelt_scheme_names_the_nearest(gvc, clip: Path, tmp_path: Path) -> None:
    wrong = ("--arms", "x264+ldpc@qpsk-1_9", "--out", tmp_path / "never")
    done = gvc("link", "--clip", clip, "--radio", "sim-awgn", *PLAIN, *wrong)
    assert done.returncode == 2 and "qpsk-1_" in done.stderr


def test_over_a_file_between_two_processes(gvc, clip: Path, tmp_path: Path) -> None:
    options = ("--radio", "sim-awgn", "--set", "segment.frames=4", "--arm", "x264+ldpc@64qam-1_2")
    sent = gvc("tx", clip, *options, "-o", tmp_path / "air.cf32", "--json", "-")
    assert sent.returncode == 0, sent.stderr
    assert json.loads(sent.stdout)["frames_sent"] == 12
    done = gvc("rx", tmp_path / "air.cf32", *options, "-o", tmp_path / "got", "--json", "-")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["frames_received"], result["frames_lost"]) == (12, 0)
    shown = [np.asarray(Image.open(path)) for path in sorted((tmp_path / "got" / "frames").glob("*.png"))]
    assert [round(float(picture.mean())) for picture in shown] == pytest.approx(list(range(20, 212, 16)), abs=3)
