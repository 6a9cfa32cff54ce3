"""The link as a flowgraph, with a codec that can be checked by hand."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gvc.paths import ROOT

LEVELS = list(range(20, 20 + 16 * 12, 16))


def link(clip: Path, *arguments: object, **environment: str) -> dict:
    command = [sys.executable, "-m", "tests.flowgraphs.run_graph", *map(str, (clip, *arguments))]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=90, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_frame_comes_out_once_in_order_and_right(clip: Path) -> None:
    seen = link(clip, 0, "sim-awgn", "channel.snr_db=25")
    assert seen["sent"] == seen["displayed"] == seen["recorded"] == 12
    assert seen["shown"] == pytest.approx(LEVELS, abs=3)
    assert seen["counters"]["bursts_received"] == seen["bursts_sent"]
    assert seen["parcels_left"] == 0


def test_a_decoder_slowed_tenfold_loses_nothing_and_nothing_piles_up(clip: Path, tmp_path: Path) -> None:
    """Law 2. Without the delay a frame of this size takes about 5 ms."""
    long = tmp_path / "long.mkv"
    _repeat(clip, long, 5)
    seen = link(long, 0, "sim-awgn", "model.decoder=tests.flowgraphs.plain_codec:SlowDecoder", SLOW_S="0.05")
    assert seen["sent"] == seen["displayed"] == 60
    assert seen["counters"]["bursts_lost"] == seen["counters"]["frames_lost"] == 0
    assert seen["most_in_flight"] <= 4 and seen["lead"] <= 4
    assert seen["most_parcels"] <= 8
    # Flat: what is resident in the last quarter against the second one.
    memory = np.array_split(np.array(seen["memory_mb"]), 4)
    assert np.median(memory[3]) - np.median(memory[1]) < 8


def test_a_channel_that_swallows_everything_ends_with_everything_counted(clip: Path) -> None:
    seen = link(clip, 0, "sim-awgn", "channel.snr_db=-25")
    assert (seen["sent"], seen["displayed"]) == (12, 0)


def test_fading_with_two_antennas_and_dump_taps(clip: Path, tmp_path: Path) -> None:
    taps = {name: tmp_path / name for name in ("tx", "channel", "equalised", "noise_map")}
    dumps = [f"dump.{name}={path}" for name, path in taps.items()]
    seen = link(clip, 0, "sim-tdl-c-900ns", "channel.snr_db=25", "phy.rx_antennas=2", *dumps)
    assert seen["displayed"] == 12
    assert np.abs(np.array(seen["shown"]) - LEVELS).max() < 12
    sent = np.fromfile(taps["tx"], np.complex64)
    received = np.fromfile(taps["channel"], np.complex64)
    assert len(sent) == seen["samples_sent"]
    # 100.3 samples of delay and the longest path come after the last sample sent.
    assert 100 <= len(received) - len(sent) <= 140
    symbols, noise_map = np.fromfile(taps["equalised"], np.complex64), np.fromfile(taps["noise_map"], np.float32)
    assert len(symbols) == len(noise_map) == 12 * 12 * 16
    assert np.all(noise_map > 0)


def test_a_failing_decoder_ends_the_run(clip: Path) -> None:
    with pytest.raises(AssertionError, match="fails at its fourth frame"):
        link(clip, 0, "sim-awgn", "model.decoder=tests.flowgraphs.plain_codec:FailingDecoder")


def _repeat(clip: Path, path: Path, times: int) -> None:
    import av

    with av.open(str(clip)) as source:
        frames = [frame.to_ndarray(format="rgb24") for frame in source.decode(video=0)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        for frame in frames * times:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
