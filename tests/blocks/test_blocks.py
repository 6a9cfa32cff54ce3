"""The guarded blocks one by one, without a scheduler: what goes in, what comes out, how they end."""

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pmt
import pytest
from PIL import Image

import gvc
from gvc.coding.scheme import Estimate
from gvc.errors import InputError, LinkError
from gvc.phy.numerology import Numerology
from gvc.storage.recording import SampleWriter
from gvc.storage.run_folder import RunFolder
from gvc_blocks.coding.symbols_to_pdu import SymbolsToPdu
from gvc_blocks.evaluation.run_recorder import RunRecorder
from gvc_blocks.evaluation.zmq_video_sink import ZmqVideoSink
from gvc_blocks.phy.burst_receiver import BurstReceiver
from gvc_blocks.phy.burst_transmitter import BurstTransmitter
from gvc_blocks.radio.sample_file_sink import SampleFileSink
from gvc_blocks.radio.sample_file_source import SampleFileSource
from gvc_blocks.radio.sionna_channel import SionnaChannel
from gvc_blocks.runtime.contents import DecodedFrame, DenoisedFrame, VideoFrame
from gvc_blocks.runtime.guarded import WORK_DONE, End, GuardedBlock
from gvc_blocks.video.video_source import VideoSource
from tests.blocks.mocker import Mocker
from tests.phy.conftest import gaussian_frames

pytestmark = pytest.mark.gr
FRAMES = gaussian_frames(3, 32, 48, 32)
RATE = {"sample_rate_hz": 1e6, "center_frequency_hz": 2.4e9}


def noise(count: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((count, 2)) @ [1, 1j] / 2**0.5).astype(np.complex64)


def transmitted(room: int = 4096, **options: Any) -> Mocker:
    mock = Mocker(lambda: BurstTransmitter(**options)).start()
    for frame in FRAMES:
        assert mock.message("symbols", frame) == 1, "its credit comes back when its last sample has left"
    mock.end("symbols")
    return mock.run(room, ports=1)


def received(samples: np.ndarray, chunk: int) -> Mocker:
    mock = Mocker(BurstReceiver).start()
    for start in range(0, len(samples), chunk):
        mock.samples(samples[start : start + chunk], last=start + chunk >= len(samples))
        mock.work()
    return mock


@pytest.fixture(scope="module")
def air() -> np.ndarray:
    return transmitted().produced[0]


@pytest.fixture(scope="module")
def heard(air: np.ndarray) -> list[Any]:
    return received(air, 4096).sent["symbols"]


def test_the_transmitter_sends_the_same_however_little_room_there_is(air: np.ndarray) -> None:
    mock = transmitted(room=777)
    assert np.array_equal(mock.produced[0], air) and mock.end_at == {0: len(air) - 1} and mock.is_done
    assert mock.block.samples_sent == len(air) and mock.block.payload_symbols == sum(len(f.symbols) for f in FRAMES)
    assert mock.block.energy == pytest.approx(np.sum(np.abs(air.astype(complex)) ** 2), rel=1e-3)


def test_the_transmitter_gives_credit_back_frame_by_frame() -> None:
    mock = Mocker(lambda: BurstTransmitter(idle_samples=100))
    mock.message("symbols", FRAMES[0])
    mock.message("symbols", FRAMES[1])
    assert len(mock.flow.parcels) == 2
    while len(mock.flow.parcels) == 2:
        mock.work(ports=1)
    assert not mock.produced[0][-100:].any() and not mock.end_at


def test_the_receiver_gives_the_frames_whatever_the_chunks(air: np.ndarray, heard: list[Any]) -> None:
    mock = received(air, 10_007)
    *frames, end = mock.sent["symbols"]
    assert isinstance(end, End) and [frame.frame_id for frame in frames] == [0, 1, 2]
    for frame, sent, other in zip(frames, FRAMES, heard, strict=False):
        assert np.array_equal(frame.symbols, other.symbols) and np.array_equal(frame.noise_map, other.noise_map)
        assert np.mean(np.abs(frame.symbols - sent.symbols) ** 2) < 0.01 and frame.shape == sent.shape


def test_the_receiver_keeps_the_last_sample_until_all_is_through(air: np.ndarray) -> None:
    mock = received(air, 4096)
    assert mock.block._over and not mock.is_done and len(mock._inputs[0]) == 1
    mock.flow.finished.set()
    assert mock.work() == WORK_DONE


def test_the_channel_is_the_same_whatever_the_chunks() -> None:
    sent, found = noise(30_000), []
    for chunk in (30_000, 7001):
        options = {"snr_db": 10.0, "cfo_hz": 500.0, "delay_samples": 40.5, "rx_antennas": 2}
        mock = Mocker(lambda options=options: SionnaChannel("awgn", **RATE, **options))
        for start in range(0, len(sent), chunk):
            mock.samples(sent[start : start + chunk], last=start + chunk >= len(sent))
            mock.run(4096, ports=2)
        assert mock.is_done and mock.end_at == {port: len(mock.produced[port]) - 1 for port in (0, 1)}
        found.append(mock.produced)
    for whole, parts in zip(*found, strict=True):
        assert len(whole) >= len(sent)
        np.testing.assert_allclose(whole, parts, atol=1e-5)


@pytest.mark.parametrize("name", ["a.cf32", "a.sigmf-data"])
def test_samples_go_to_a_file_and_come_back(tmp_path: Path, name: str) -> None:
    sent, path = noise(10_000), tmp_path / name
    sink = Mocker(lambda: SampleFileSink(str(path), **RATE, scale=2.0))
    sink.samples(sent[:4000])
    sink.work()
    assert not path.exists()
    sink.samples(sent[4000:], last=True)
    sink.run()
    assert sink.is_done
    sink.block.stop()
    source = Mocker(lambda: SampleFileSource(str(path), 1e6, padding=100)).run(ports=1)
    assert np.array_equal(source.produced[0], np.append(2 * sent, np.zeros(100, np.complex64)))
    assert source.end_at == {0: 10_099} and source.block.samples == 10_000


def test_a_file_that_did_not_come_to_its_end_is_removed(tmp_path: Path) -> None:
    sink = Mocker(lambda: SampleFileSink(str(tmp_path / "a.cf32")))
    sink.samples(noise(100))
    sink.work()
    sink.block.stop()
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        SampleFileSink(str(tmp_path / "no/a.cf32"))
    with SampleWriter(tmp_path / "a.sigmf-data", 1e6, 0.0) as writer:
        writer.write(noise(10))
        writer.commit()
    with pytest.raises(InputError, match="but the radio has 2e"):
        SampleFileSource(str(tmp_path / "a.sigmf-data"), 2e6)
    with pytest.raises(InputError, match="cannot be read"):
        SampleFileSource(str(tmp_path / "b.cf32"))


def test_the_video_source_gives_one_frame_at_a_time(tmp_path: Path) -> None:
    first, *others = [Image.new("RGB", (40, 32), (60 * number, 0, 0)) for number in range(4)]
    first.save(tmp_path / "clip.apng", "PNG", save_all=True, append_images=others, duration=40)
    mock = Mocker(lambda: VideoSource(str(tmp_path / "clip.apng"), "32x32", frames=3), holds=True).start()
    over = time.monotonic() + 20
    while not isinstance(mock.sent.get("frames", [None])[-1], End):
        assert len(mock._held) <= 1 and time.monotonic() < over
        mock.finish()
        time.sleep(0.002)
    *frames, _ = mock.sent["frames"]
    assert [(f.frame_id, f.pixels.shape, f.last) for f in frames] == [(n, (32, 32, 3), n == 2) for n in range(3)]
    assert [frame.pixels[0, 0, 0] for frame in frames] == [0, 60, 120]
    mock.flow.stop()


def test_symbols_become_pdus() -> None:
    mock = Mocker(SymbolsToPdu)
    mock.message("symbols", FRAMES[1])
    (pdu,) = mock.pdus["pdus"]
    assert np.array_equal(np.array(pmt.c32vector_elements(pmt.cdr(pdu)), np.complex64), FRAMES[1].symbols)
    assert pmt.to_python(pmt.car(pdu)) == {"frame_id": 1}


def test_received_symbols_become_pdus_with_their_figures(heard: list[Any]) -> None:
    mock = Mocker(SymbolsToPdu)
    mock.message("symbols", DenoisedFrame(heard[0], Estimate(0.5 * heard[0].symbols)))
    told = pmt.to_python(pmt.car(mock.pdus["pdus"][0]))
    assert told["bursts_received"] == told["bursts_expected"] and told["snr_db"] > 20 and told.keys() >= {"evm_db"}
    assert pmt.c32vector_elements(pmt.cdr(mock.pdus["pdus"][0]))[0] == pytest.approx(0.5 * heard[0].symbols[0])


def test_the_recorder_keeps_what_it_is_told_to(tmp_path: Path, heard: list[Any]) -> None:
    carriers = Numerology.load("ofdm64").carriers
    with RunFolder(tmp_path / "run") as folder:
        mock = Mocker(lambda: RunRecorder(folder, carriers, 1e6, keep=2))
        for frame in FRAMES[:2]:
            mock.message("sent", frame)
        mock.end("sent")
        for frame in heard[:3]:
            mock.message("received", DenoisedFrame(frame, Estimate(frame.symbols / 2)))
        assert mock.block.frames_received == 3 and mock.block.snr_est_db > 20 and not mock.flow.stopping.is_set()
        mock.block.save()
        folder.commit({})
    run = gvc.load(tmp_path / "run")
    assert [frame.frame_id for frame in run] == [0, 1]
    for frame, sent, got in zip(run, FRAMES, heard, strict=False):
        assert np.array_equal(frame.true, sent.symbols) and np.array_equal(frame.equalised, got.symbols)
        assert np.array_equal(frame.denoised, got.symbols / 2) and np.array_equal(frame.noise_map, got.noise_map)
    assert len(run.evm_db) == sum(len(frame.bursts) for frame in heard[:2])


def test_the_sink_tells_what_was_lost() -> None:
    class Told:
        calls: list[tuple[Any, ...]] = []

        def send_reference(self, frame_id: int, pixels: np.ndarray, **_: Any) -> None:
            self.calls.append(("sent", frame_id))

        def send_decoded(self, frame_id: int, arm: str, pixels: np.ndarray, mode: int, **_: Any) -> None:
            self.calls.append(("shown", frame_id, arm, mode))

        def send_lost(self, frame_id: int, arm: str) -> None:
            self.calls.append(("lost", frame_id, arm))

        def finish(self) -> None:
            self.calls.append(("end",))

    mock = Mocker(lambda: ZmqVideoSink(arm="a"))
    mock.block.sender = Told()
    grey = np.zeros((8, 8, 3), np.uint8)
    for number in range(4):
        mock.message("reference", VideoFrame(number, grey, time.monotonic()))
    mock.end("reference")
    mock.message("frames", DecodedFrame(1, grey, mode=2))
    mock.end("frames")
    shown = [call for call in Told.calls if call[0] != "sent"]
    assert shown == [("lost", 0, "a"), ("shown", 1, "a", 2), ("lost", 2, "a"), ("lost", 3, "a"), ("end",)]
    assert mock.block.frames_displayed == 1 and len(mock.block.latencies_s) == 1


def test_the_mocker_raises_what_a_block_raises_and_makes_a_block_wait_for_credit() -> None:
    class Passing(GuardedBlock):
        def __init__(self) -> None:
            super().__init__("passing")
            self.send_on("out", credit=2)
            self.receive("in", self._pass)

        def _pass(self, content: Any) -> None:
            if content.frame_id == 9:
                raise LinkError("nine")
            self.publish("out", content)

    mock = Mocker(Passing, holds=True)
    frames = [VideoFrame(number, np.zeros((1, 1, 3), np.uint8), 0.0) for number in (0, 1, 2, 9)]
    for frame in frames[:2]:
        assert mock.message("in", frame) == 0
    third = threading.Thread(target=mock.message, args=("in", frames[2]))
    third.start()
    third.join(0.1)
    assert third.is_alive() and len(mock.sent["out"]) == 2
    mock.finish()
    third.join(10)
    assert not third.is_alive() and mock.sent["out"] == frames[:3]
    with pytest.raises(LinkError, match="nine"):
        mock.message("in", frames[3])
