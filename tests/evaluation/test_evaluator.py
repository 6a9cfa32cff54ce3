"""The evaluator as a process of its own: pairing, counting, surviving a kill, refusing what it should."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import zmq

from gvc.child import Child, Ended
from gvc.errors import InputError, LinkError
from gvc.evaluation.service import outcome
from gvc.evaluation.service.evaluator import bind, main
from gvc.evaluation.service.frame_store import GREY
from gvc.evaluation.service.process import EvaluatorProcess
from gvc.evaluation.service.sender import WINDOW, Sender
from gvc.evaluation.service.session import Session
from gvc.evaluation.service.wire import FrameMessage, Kind, encode

METRICS = ["psnr_db", "ssim"]


def psnr(first, second):
    return 10 * np.log10(255**2 / np.mean((first.astype(float) - second) ** 2))


def test_pairs_counts_and_publishes(tmp_path, pictures, noisy):
    clean = pictures(4, 32, 48)
    decoded = noisy(clean, 10)
    with EvaluatorProcess(tmp_path, METRICS) as evaluator:
        with Sender(evaluator.endpoint, evaluator.token) as sender:
            # Decoded frames may come before their reference and out of order; 0 and 2 are lost, 2 is only unheard of.
            sender.send_decoded(3, "jscc", decoded[3])
            for frame_id in range(4):
                sender.send_reference(frame_id, clean[frame_id])
            sender.send_lost(0, "jscc")
            sender.send_decoded(1, "jscc", decoded[1])
            assert sender.finish() == 7
        result = evaluator.wait(60)
    arm = result["arms"]["jscc"]
    assert result["complete"] and result["frames_sent"] == 4 and result["size"] == "48x32"
    assert (arm["frames_received"], arm["frames_lost"]) == (2, 2)
    shown = [np.full_like(clean[0], GREY), decoded[1], decoded[1], decoded[3]]
    expected = [psnr(a, b) for a, b in zip(clean, shown, strict=True)]
    np.testing.assert_allclose(arm["per_frame"]["psnr_db"], expected, atol=1e-9)
    np.testing.assert_allclose(arm["psnr_db"], np.mean(expected), atol=1e-9)
    np.testing.assert_allclose(arm["received"]["psnr_db"], np.mean([expected[1], expected[3]]), atol=1e-9)
    assert arm["per_frame"]["lost"] == [True, False, True, False]
    assert (result["messages_sent"], result["messages_received"], result["messages_lost"]) == (7, 7, 0)
    from PIL import Image

    for frame_id in range(4):
        for name, wanted in (("reference", clean), ("jscc", shown)):
            stored = np.asarray(Image.open(tmp_path / "frames" / name / f"{frame_id:05d}.png"))
            np.testing.assert_array_equal(stored, wanted[frame_id])
    assert not (tmp_path / "incoming").exists() and not (tmp_path / "journal.jsonl").exists()


def test_kill_and_restart_leaves_no_frame_unaccounted_for(tmp_path, pictures):
    clean = pictures(1, 48, 64)[0]
    first = EvaluatorProcess(tmp_path, METRICS)
    endpoint = first.endpoint
    sender = Sender(endpoint, first.token, timeout_s=30)
    for frame_id in range(6):
        sender.send_reference(frame_id, clean)
    deadline = time.monotonic() + 20
    journal = tmp_path / "journal.jsonl"
    while len(journal.read_text().splitlines()) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(first.pid, signal.SIGKILL)
    first.close()
    # The window takes two more; with another one the sender would wait for the new evaluator.
    for frame_id in range(6, 8):
        sender.send_reference(frame_id, clean)
    with EvaluatorProcess(tmp_path, METRICS, bind=endpoint, token=first.token) as second:
        for frame_id in range(8, 40):
            sender.send_reference(frame_id, clean)
        for frame_id in range(40):
            sender.send_decoded(frame_id, "jscc", clean)
        sender.finish()
        result = second.wait(60)
    assert result["resumed"]
    (count,) = result["streams"].values()
    assert count["sent"] == 80 == count["received"] + count["lost"]
    assert result["frames_sent"] == 40
    # What went down with the first one was sent again.
    assert result["complete"] and count["lost"] == 0
    assert result["arms"]["jscc"]["psnr_db"] == 100


def test_sender_gives_up_on_a_vanished_evaluator(tmp_path, pictures):
    clean = pictures(1, 256, 256)[0]
    evaluator = EvaluatorProcess(tmp_path, METRICS)
    sender = Sender(evaluator.endpoint, evaluator.token, timeout_s=0.5)
    sender.send_reference(0, clean)
    evaluator.close()
    started = time.monotonic()
    with pytest.raises(LinkError, match="took nothing"):
        for frame_id in range(1, 5 * WINDOW):
            sender.send_reference(frame_id, clean)
    assert time.monotonic() - started < 10
    sender.close()


def test_finish_reports_an_evaluator_that_left(tmp_path, pictures):
    evaluator = EvaluatorProcess(tmp_path, METRICS)
    sender = Sender(evaluator.endpoint, evaluator.token, timeout_s=0.5)
    evaluator.close()
    sender.send_reference(0, pictures(1, 16, 16)[0])
    with pytest.raises(LinkError, match="untaken"):
        sender.finish()
    with pytest.raises(LinkError, match="closed"):
        sender.send_lost(1, "jscc")


def test_nobody_listening_is_an_error_not_a_wait():
    started = time.monotonic()
    with pytest.raises(LinkError, match="no evaluator"):
        Sender("tcp://127.0.0.1:9", bytes(16), timeout_s=0.3)
    assert time.monotonic() - started < 5
    with pytest.raises(InputError, match="endpoint"):
        Sender("nonsense", bytes(16), timeout_s=0.3)


def test_a_slow_evaluator_makes_the_sender_wait_and_loses_nothing(tmp_path, pictures):
    # Stopped for a while, the evaluator takes nothing: memory stays bounded because sending blocks.
    clean = pictures(1, 512, 512)[0]
    with (
        EvaluatorProcess(tmp_path, ["psnr_db"]) as evaluator,
        Sender(evaluator.endpoint, evaluator.token, timeout_s=0.3) as sender,
    ):
        os.kill(evaluator.pid, signal.SIGSTOP)
        with pytest.raises(LinkError):
            for frame_id in range(200):
                sender.send_reference(frame_id, clean)
        waited_at = sender.sent
        os.kill(evaluator.pid, signal.SIGCONT)
        sender.timeout_s = 20
        for frame_id in range(sender.sent, 60):
            sender.send_reference(frame_id, clean)
        assert sender.finish() == 60
        result = evaluator.wait(60)
    assert waited_at < 60
    assert result["complete"] and result["frames_sent"] == 60


def test_garbage_is_counted_and_survived(tmp_path, pictures):
    clean = pictures(1, 16, 16)[0]
    with EvaluatorProcess(tmp_path, METRICS) as evaluator:
        with zmq.Context() as context, context.socket(zmq.DEALER) as raw:
            raw.connect(evaluator.endpoint)
            for poison in (b"", b"\x07" * 1000, b"GVCF" + bytes(100), os.urandom(50_000)):
                raw.send(poison)
            raw.close(linger=5000)
        with Sender(evaluator.endpoint, evaluator.token) as sender:
            sender.send_reference(0, clean)
            sender.send_decoded(0, "jscc", clean)
            sender.finish()
        result = evaluator.wait(60)
    assert result["complete"] and result["malformed"] == 4 and result["arms"]["jscc"]["psnr_db"] == 100


def test_two_streams(tmp_path, pictures, noisy):
    clean = pictures(3, 16, 16)
    with EvaluatorProcess(tmp_path, METRICS, streams=2, bind=f"ipc://{tmp_path}/socket") as evaluator:
        endpoint = evaluator.endpoint, evaluator.token
        with Sender(*endpoint) as source, Sender(*endpoint) as sink:
            for frame_id in range(3):
                source.send_reference(frame_id, clean[frame_id])
                sink.send_decoded(frame_id, "jscc", clean[frame_id])
                sink.send_decoded(frame_id, "jscc+cddm", noisy(clean[frame_id], 4))
            source.finish()
            sink.finish()
        result = evaluator.wait(60)
    assert result["complete"] and len(result["streams"]) == 2
    assert result["arms"]["jscc"]["psnr_db"] == 100 > result["arms"]["jscc+cddm"]["psnr_db"] > 30


def test_silence_ends_in_an_incomplete_result(tmp_path, pictures):
    with EvaluatorProcess(tmp_path, METRICS, idle_timeout_s=0.5) as evaluator:
        sender = Sender(evaluator.endpoint, evaluator.token)
        sender.send_reference(0, pictures(1, 16, 16)[0])
        result = evaluator.wait(60)
        sender.close()
    assert result["complete"] is False and result["frames_sent"] == 1


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [
        ("tcp://0.0.0.0:0", "other machines"),
        ("tcp://*:0", "other machines"),
        ("tcp://192.0.2.1:5000", "other machines"),
        ("udp://127.0.0.1:1", "no endpoint"),
        ("tcp://127.0.0.1:notaport", "cannot be bound"),
        # libzmq binds 34463 for it
        ("tcp://127.0.0.1:99999", "port '99999'"),
        ("tcp://127.0.0.1:65536", "port '65536'"),
        ("tcp://127.0.0.1:-1", "port '-1'"),
        ("tcp://127.0.0.1:", "port ''"),
        ("tcp://127.0.0.1:\u0663", "cannot be bound"),
    ],
)
def test_bad_endpoints(endpoint, message):
    context = zmq.Context()
    with pytest.raises(InputError, match=message):
        bind(context, endpoint)
    context.destroy(linger=0)


@pytest.mark.parametrize("port", [0, 65535])
def test_good_ports(port):
    context = zmq.Context()
    bind(context, f"tcp://127.0.0.1:{port}").close()
    context.destroy(linger=0)


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
def test_a_busy_endpoint_is_refused_with_exit_code_2(tmp_path, transport):
    endpoint = "tcp://127.0.0.1:0" if transport == "tcp" else f"ipc://{tmp_path}/socket"
    with EvaluatorProcess(tmp_path / "one", METRICS, bind=endpoint) as first:
        command = [
            sys.executable,
            "-m",
            "gvc.evaluation.service.evaluator",
            "--bind",
            first.endpoint,
            "--out",
            str(tmp_path / "two"),
        ]
        second = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert second.returncode == 2 and "in use" in second.stderr
        with pytest.raises(InputError, match="in use"):
            EvaluatorProcess(tmp_path / "three", METRICS, bind=first.endpoint)


@pytest.mark.parametrize(
    "extra", [["--metrics", "psnr"], ["--streams", "0"], ["--fps", "0"], ["--idle-timeout-s", "nan"]]
)
def test_bad_arguments(tmp_path, extra, capsys):
    assert main(["--bind", "tcp://127.0.0.1:0", "--out", str(tmp_path), "--nice", "0", *extra]) == 2
    assert "error" in capsys.readouterr().err


def test_a_journal_cut_in_the_middle_of_a_line_is_resumed(tmp_path, pictures):
    clean = pictures(2, 16, 16)
    session = Session(tmp_path)
    for frame_id in range(2):
        session.accept(encode(FrameMessage(7, frame_id, Kind.REFERENCE, frame_id, pixels=clean[frame_id])))
    session.close()
    journal = tmp_path / "journal.jsonl"
    journal.write_text(journal.read_text()[:-20])
    resumed = Session(tmp_path)
    assert resumed.resumed and resumed.streams[7].received == 1
    resumed.accept(encode(FrameMessage(7, 2, Kind.END)))
    result = outcome.results(resumed, METRICS, 25.0)
    outcome.commit(resumed, result)
    assert result["messages_lost"] == 1 and not result["complete"]
    assert json.loads((tmp_path / "metrics.json").read_text())["messages_sent"] == 2


def test_a_frame_of_another_size_counts_as_lost(tmp_path, pictures):
    session = Session(tmp_path)
    session.accept(encode(FrameMessage(7, 0, Kind.REFERENCE, 0, pixels=pictures(1, 16, 16)[0])))
    session.accept(encode(FrameMessage(7, 1, Kind.DECODED, 0, "jscc", pixels=pictures(1, 16, 18)[0])))
    result = outcome.results(session, METRICS, 25.0)
    session.close()
    assert result["arms"]["jscc"]["frames_lost"] == 1


def test_a_folder_that_was_cleared_away_is_not_made_again(tmp_path):
    child = Child("gvc.evaluation.service.evaluator", ["--bind", "tcp://127.0.0.1:0", "--out", str(tmp_path / "run")])
    try:
        with pytest.raises(Ended, match="run is gone"):
            child.receive(60)
    finally:
        child.close()
    assert not list(tmp_path.iterdir())
