"""`gvc tx` and `gvc rx`: two processes with a file between them."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PLAIN = ("--set", "model.encoder=tests.flowgraphs.plain_codec:PlainEncoder")
PLAIN_BACK = (*PLAIN, "--set", "model.decoder=tests.flowgraphs.plain_codec:PlainDecoder", "--arm", "jscc")
RADIO = ("--radio", "sim-rayleigh-block")


def pictures(folder: Path) -> list[np.ndarray]:
    return [np.asarray(Image.open(path)) for path in sorted((folder / "frames").glob("*.png"))]


@pytest.fixture(scope="module")
def sent(gvc, clip: Path, tmp_path_factory: pytest.TempPathFactory):
    """(result, recording) of the whole clip."""
    path = tmp_path_factory.mktemp("air") / "clip.cf32"
    done = gvc("tx", clip, *RADIO, "-o", path, *PLAIN, "--json", "-")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), path


def test_tx_writes_what_the_antenna_sends(sent) -> None:
    result, path = sent
    samples = np.fromfile(path, np.complex64)
    assert result["samples"] == len(samples)
    assert result["sample_rate_hz"] == 1e6
    assert result["frames_sent"] == result["bursts_sent"] == 12
    assert result["cbr"] == pytest.approx(1 / 48)
    active = samples[np.abs(samples) > 0]
    assert np.mean(np.abs(active) ** 2) == pytest.approx(1, abs=0.05)
    assert [p.name for p in path.parent.iterdir()] == ["clip.cf32"]


def test_rx_takes_the_size_from_the_headers_and_shows_every_frame(gvc, sent, tmp_path: Path) -> None:
    done = gvc("rx", sent[1], *RADIO, "-o", tmp_path / "got", *PLAIN_BACK, "--json", "-")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["frames_received"], result["frames_lost"]) == (12, 0)
    assert (result["bursts_received"], result["bursts_lost"]) == (12, 0)
    assert result["snr_est_db"] > 30
    assert result["evm_db"] < -25
    shown = pictures(tmp_path / "got")
    assert [picture.shape for picture in shown] == [(48, 64, 3)] * 12
    assert [round(float(picture.mean())) for picture in shown] == pytest.approx(list(range(20, 212, 16)), abs=2)


def test_lost_frames_are_counted_and_shown_as_the_previous_one(gvc, sent, tmp_path: Path) -> None:
    samples = np.fromfile(sent[1], np.complex64)
    burst = (len(samples) - 640) // 12
    samples[: burst + 50] = 0
    samples[4 * burst : 6 * burst] = 0
    damaged = tmp_path / "damaged.cf32"
    samples.tofile(damaged)
    done = gvc("rx", damaged, *RADIO, "-o", tmp_path / "got", *PLAIN_BACK, "--json", "-")
    result = json.loads(done.stdout)
    # The first frame that was heard is the second: what was sent before is not known.
    assert result["stream_table"][0]["first_frame"] == 1
    assert result["frames_received"] + result["frames_lost"] == 11
    assert result["frames_lost"] == result["bursts_lost"] == 2
    levels = [round(float(picture.mean())) for picture in pictures(tmp_path / "got")]
    assert len(levels) == 11
    assert levels[3] == levels[4] == levels[2] == pytest.approx(20 + 16 * 3, abs=2)
    assert levels[10] == pytest.approx(20 + 16 * 11, abs=2)


def test_sigmf_and_real_networks_give_what_link_gives_over_a_clean_wire(gvc, clip: Path, tmp_path: Path) -> None:
    small = ("--set", "model.preset=small", "--set", "video.size=48x32")
    wire = ("--set", "channel.snr_db=60", "--set", "channel.cfo_hz=0", "--set", "channel.delay_samples=0")
    path = tmp_path / "clip.sigmf-data"
    assert gvc("tx", clip, "--radio", "sim-awgn", "-o", path, *small, "--frames", 2).returncode == 0
    about = json.loads(path.with_suffix(".sigmf-meta").read_text())
    assert about["global"]["core:datatype"] == "cf32_le"
    assert about["global"]["core:sample_rate"] == 1e6
    got = gvc("rx", path.with_suffix(".sigmf-meta"), "--radio", "sim-awgn", "-o", tmp_path / "rx", *small)
    assert got.returncode == 0, got.stderr
    run = gvc("link", "--clip", clip, "--radio", "sim-awgn", *wire, *small, "--frames", 2, "--pace", "none",
              "--arms", "jscc+cddm", "--metrics", "psnr_db", "--out", tmp_path / "run")  # fmt: skip
    assert run.returncode == 0, run.stderr
    received = pictures(tmp_path / "rx")
    for number, picture in enumerate(received):
        linked = np.asarray(Image.open(tmp_path / "run" / "frames" / "jscc+cddm" / f"{number:05d}.png"))
        assert np.abs(picture.astype(int) - linked).mean() < 1
    assert len(received) == 2


def test_rx_compares_what_it_heard_with_the_clip(gvc, sent, clip: Path, tmp_path: Path) -> None:
    samples = np.fromfile(sent[1], np.complex64)
    burst = (len(samples) - 640) // 12
    samples[4 * burst : 6 * burst] = 0
    damaged = tmp_path / "damaged.cf32"
    samples.tofile(damaged)
    options = (*RADIO, "-o", tmp_path / "got", *PLAIN_BACK, "--reference", clip)
    done = gvc("rx", damaged, *options, "--json", "-")
    assert done.returncode == 0, done.stderr
    compared = json.loads(done.stdout)["reference"]
    assert compared["frames"] == 10 and compared["frames_without_reference"] == 0
    # only what was heard: not the two that the viewer saw held
    assert {row["frame_id"] for row in compared["per_frame"]} == set(range(12)) - {4, 5}
    assert compared["psnr_db"] == pytest.approx(np.mean([row["psnr_db"] for row in compared["per_frame"]]))
    assert min(row["psnr_db"] for row in compared["per_frame"]) > 30 and compared["ssim"] > 0.9
    assert gvc("rx", damaged, *RADIO, "-o", tmp_path / "x", "--reference", "nowhere.mp4").returncode == 2


def test_tx_says_its_peak_and_scales_to_it(gvc, clip: Path, sent, tmp_path: Path) -> None:
    assert sent[0]["peak"] > 1 and sent[0]["scale"] == 1
    path = tmp_path / "scaled.cf32"
    done = gvc("tx", clip, *RADIO, "-o", path, *PLAIN, "--scale", "peak", "--json", "-")
    assert done.returncode == 0 and "clips at 1" not in done.stderr
    result = json.loads(done.stdout)
    samples, before = np.fromfile(path, np.complex64), np.fromfile(sent[1], np.complex64)
    assert 0.999 < np.abs(samples).max() <= 1 and result["peak"] == pytest.approx(np.abs(samples).max())
    assert samples == pytest.approx(before * result["scale"], abs=1e-6)
    louder = gvc("tx", clip, *RADIO, "-o", path, *PLAIN, "--scale", "0.5", "--frames", 1, "--json", "-")
    assert json.loads(louder.stdout)["scale"] == 0.5 and "a radio clips at 1" in louder.stderr
    refused = gvc("tx", clip, *RADIO, "-o", path, *PLAIN, "--scale", "-1")
    assert refused.returncode == 2 and "--scale -1" in refused.stderr
