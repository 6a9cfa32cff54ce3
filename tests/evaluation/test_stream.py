"""The stream into the evaluator: signed, acknowledged to its end, first come first kept, bounded."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc

import numpy as np
import pytest
import zmq

from gvc.errors import InputError, LinkError
from gvc.evaluation.service import endpoint, outcome, sender, session
from gvc.evaluation.service.process import EvaluatorProcess
from gvc.evaluation.service.sender import Sender
from gvc.evaluation.service.session import Session
from gvc.evaluation.service.wire import Flag, FrameMessage, Kind, encode
from gvc.paths import ROOT

PSNR = ["psnr_db"]


def grey(level: int, side: int = 16) -> np.ndarray:
    return np.full((side, side, 3), level, np.uint8)


def reference(stream: int, sequence: int, frame_id: int, level: int) -> FrameMessage:
    return FrameMessage(stream, sequence, Kind.REFERENCE, frame_id, pixels=grey(level))


def decoded(stream: int, sequence: int, frame_id: int, level: int | None, arm: str = "jscc") -> FrameMessage:
    flags = Flag.LOST if level is None else Flag.NONE
    pixels = None if level is None else grey(level)
    return FrameMessage(stream, sequence, Kind.DECODED, frame_id, arm, flags=flags, pixels=pixels)


def give(state: Session, *messages: FrameMessage) -> None:
    for message in messages:
        state.accept(encode(message))


def strangers() -> list[bytes]:
    """What another process may send: good messages, each signed with a token of its own or none."""
    messages = [reference(9, 0, 0, 7), decoded(9, 1, 0, 7), FrameMessage(9, 2, Kind.END), FrameMessage(9, 2, Kind.ASK)]
    return [encode(message, key) for message in messages for key in (b"", bytes(16), os.urandom(16))]


def test_foreign_messages_change_nothing_but_their_count(tmp_path):
    with EvaluatorProcess(tmp_path, PSNR) as evaluator:
        with zmq.Context() as context, context.socket(zmq.DEALER) as raw:
            raw.connect(evaluator.endpoint)
            for poison in strangers():
                raw.send(poison)
            with Sender(evaluator.endpoint, evaluator.token) as stream:
                for frame_id in range(4):
                    stream.send_reference(frame_id, grey(100))
                    stream.send_decoded(frame_id, "jscc", grey(110))
                    raw.send(strangers()[frame_id])
                # The evaluator takes from each in turn: what it has taken of a later one, it has of the earlier ones.
                time.sleep(0.5)
                stream.finish()
            assert not raw.poll(0), "a stranger got an answer"
        result = evaluator.wait(60)
    assert result["complete"] and len(result["streams"]) == 1
    assert result["frames_sent"] == 4 and result["arms"]["jscc"]["psnr_db"] == pytest.approx(28.13, abs=0.01)
    assert result["foreign"] == 16 and result["malformed"] == 0


def test_a_foreign_end_ends_nothing(tmp_path):
    state = Session(tmp_path, key=b"k" * 16)
    for poison in strangers():
        assert state.accept(poison) is None
    assert state.foreign == 12 and not state.streams and state.ended_streams == 0
    found = outcome.results(state, PSNR)
    state.close()
    assert found["complete"] is False and found["frames_sent"] == 0


def test_a_sender_with_another_token_gets_no_answer(tmp_path):
    with EvaluatorProcess(tmp_path, PSNR) as evaluator, pytest.raises(LinkError, match="token"):
        Sender(evaluator.endpoint, bytes(16), timeout_s=0.5)


def test_the_token_is_not_on_the_command_line_and_the_sender_takes_it_from_the_environment(tmp_path, monkeypatch):
    with EvaluatorProcess(tmp_path, PSNR) as evaluator:
        with open(f"/proc/{evaluator.pid}/cmdline", "rb") as file:
            assert evaluator.token.hex().encode() not in file.read()
        monkeypatch.delenv(endpoint.TOKEN_VARIABLE, raising=False)
        with pytest.raises(InputError, match="GVC_EVALUATOR_TOKEN"):
            Sender(evaluator.endpoint)
        monkeypatch.setenv(endpoint.TOKEN_VARIABLE, "no token")
        with pytest.raises(InputError, match="32 hexadecimal digits"):
            Sender(evaluator.endpoint)
        monkeypatch.setenv(endpoint.TOKEN_VARIABLE, evaluator.token.hex())
        with Sender(evaluator.endpoint) as stream:
            stream.send_reference(0, grey(1))
            assert stream.finish() == 1


def test_an_evaluator_of_its_own_prints_a_token_to_send_with(tmp_path):
    command = [
        sys.executable,
        "-m",
        "gvc.evaluation.service.evaluator",
        "--bind",
        "tcp://127.0.0.1:0",
        "--metrics",
        "psnr_db",
    ]
    environment = {name: value for name, value in os.environ.items() if name != endpoint.TOKEN_VARIABLE}
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path)], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        address = process.stdout.readline().split()[1]
        name, _, token = process.stdout.readline().strip().partition("=")
        assert name == endpoint.TOKEN_VARIABLE
        with Sender(address, bytes.fromhex(token)) as stream:
            stream.send_reference(0, grey(1))
            stream.finish()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


@pytest.mark.parametrize("repeat", range(3))
def test_on_ipc_finish_returns_when_the_evaluator_has_everything(tmp_path, repeat):
    """It returned 60 where the evaluator had 49 and no end."""
    with EvaluatorProcess(tmp_path, PSNR, bind=f"ipc://{tmp_path}/socket") as evaluator:
        with Sender(evaluator.endpoint, evaluator.token) as stream:
            for frame_id in range(60):
                stream.send_reference(frame_id, grey(frame_id, 64))
            assert stream.finish() == 60
        result = evaluator.wait(60)
    assert result["complete"] and result["frames_sent"] == 60


def test_a_stopped_evaluator_is_waited_for_and_that_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(sender, "SAY_S", 0.3)
    told: list[str] = []
    with EvaluatorProcess(tmp_path, PSNR) as evaluator:
        with Sender(evaluator.endpoint, evaluator.token, tell=told.append) as stream:
            os.kill(evaluator.pid, signal.SIGSTOP)
            threading.Timer(1.5, os.kill, (evaluator.pid, signal.SIGCONT)).start()
            for frame_id in range(40):
                stream.send_reference(frame_id, grey(1))
            stream.finish()
        assert evaluator.wait(60)["complete"]
    assert any("taken nothing for" in sentence and "given up after 45" in sentence for sentence in told)


def test_a_dead_evaluator_is_named_at_once(tmp_path):
    evaluator = EvaluatorProcess(tmp_path, PSNR)
    with evaluator, Sender(evaluator.endpoint, evaluator.token, check=evaluator.check) as stream:
        for frame_id in range(12):
            stream.send_reference(frame_id, grey(1))
        os.kill(evaluator.pid, signal.SIGKILL)
        began = time.monotonic()
        with pytest.raises(LinkError, match="was killed by SIGKILL"):
            for frame_id in range(12, 40):
                stream.send_reference(frame_id, grey(1))
        assert time.monotonic() - began < 20
        # What it had is not lost.
        found = evaluator.salvage()
    assert found is not None and found["complete"] is False and found["frames_sent"] >= 4
    assert (tmp_path / "frames" / "reference" / "00000.png").exists()
    assert json.loads((tmp_path / "metrics.json").read_text())["complete"] is False


def test_the_first_of_two_counts(tmp_path):
    state = Session(tmp_path)
    give(state, reference(7, 0, 0, 101), reference(7, 0, 0, 255))
    assert state.store.get("reference", 0)[0, 0, 0] == 101
    assert state.streams[7].duplicate == 1 and state.repeated == 0
    # The same frame again under a new number.
    give(state, reference(7, 1, 0, 255), decoded(7, 2, 0, 101), decoded(7, 3, 0, 255), decoded(7, 4, 0, None))
    assert state.repeated == 3
    give(state, FrameMessage(7, 5, Kind.END))
    found = outcome.results(state, PSNR)
    state.close()
    assert found["complete"] and found["arms"]["jscc"]["psnr_db"] == 100 and found["repeated"] == 3


def test_frame_ids_of_a_year_are_evaluated(tmp_path):
    state = Session(tmp_path)
    first = 800_000_000
    for number in range(3):
        give(state, reference(7, 2 * number, first + number, 50), decoded(7, 2 * number + 1, first + number, 50))
    found = outcome.results(state, PSNR)
    state.close()
    assert found["arms"]["jscc"]["per_frame"]["frame_id"] == [first, first + 1, first + 2]
    assert found["arms"]["jscc"]["psnr_db"] == 100


def shown_psnr(levels: list[int | None], original: int) -> list[float]:
    """What the viewer sees: a lost frame shows the one before it, at first grey."""
    values, held = [], 128
    for level in levels:
        held = held if level is None else level
        values.append(100.0 if held == original else 20 * np.log10(255 / abs(held - original)))
    return values


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("kill_every", [0, 7])
@pytest.mark.parametrize("arms", [("jscc",), ("jscc", "other")])
def test_frames_beyond_the_kept_ones_count_as_if_they_were(tmp_path, monkeypatch, arms, kill_every, late):
    """All frames kept and five of them: the same means, whatever is lost, and over restarts of the evaluator."""
    monkeypatch.setattr(session, "CHECKPOINT_LINES", 10)
    rng = np.random.default_rng(3)
    levels = {arm: [None if rng.random() < 0.3 else int(rng.integers(100, 120)) for _ in range(40)] for arm in arms}
    levels["jscc"][4:6] = [None, None]

    def messages():
        sequence = 0
        for frame_id in range(40):
            wanted = [decoded(7, 0, frame_id, levels["jscc"][frame_id]), reference(7, 0, frame_id, 90)]
            for message in wanted if late else wanted[::-1]:
                yield FrameMessage(**{**vars(message), "sequence": sequence})
                sequence += 1
        for arm in arms[1:]:
            for frame_id in range(40):
                yield decoded(7, sequence, frame_id, levels[arm][frame_id], arm)
                sequence += 1
        yield FrameMessage(7, sequence, Kind.END)

    def evaluate(name: str, keep: int):
        state = Session(tmp_path / name, keep=keep, arms=len(arms))
        for number, message in enumerate(messages()):
            if kill_every and number % kill_every == kill_every - 1:
                state.close()
                state = Session(tmp_path / name, keep=keep, arms=len(arms))
            state.accept(encode(message))
            if number % 3 == 0:
                state.work()
        found = outcome.results(state, ["psnr_db", "ssim", "ms_ssim"])
        stored = len(list((tmp_path / name / "incoming").rglob("*.npy")))
        state.close()
        return found, stored

    (whole, _), (part, stored) = evaluate("whole", 1000), evaluate("part", 5)
    assert part["complete"] and part["frames_kept"] == 5 and part["frames_sent"] == 40
    for arm in arms:
        expected = shown_psnr(levels[arm], 90)
        assert whole["arms"][arm]["psnr_db"] == pytest.approx(np.mean(expected))
        for name in ("psnr_db", "ssim", "frames_received", "frames_lost", "freezes", "frozen_s"):
            assert part["arms"][arm][name] == pytest.approx(whole["arms"][arm][name]), name
        for name in ("psnr_db", "ssim"):
            assert part["arms"][arm]["received"][name] == pytest.approx(whole["arms"][arm]["received"][name])
        assert part["arms"][arm]["per_frame"]["frame_id"] == list(range(5))
    # Kept pictures, and of each arm the one on display.
    assert stored <= 5 * (1 + len(arms)) + len(arms)


def test_metrics_of_the_kept_frames_alone_say_so(tmp_path):
    state = Session(tmp_path, keep=2)
    for number in range(4):
        pixels = np.full((40, 40, 3), 90, np.uint8)
        give(
            state,
            FrameMessage(7, 2 * number, Kind.REFERENCE, number, pixels=pixels),
            FrameMessage(7, 2 * number + 1, Kind.DECODED, number, "jscc", pixels=pixels),
        )
    found = outcome.results(state, ["psnr_db", "lpips"])
    state.close()
    assert "psnr_db" not in found["partly_measured"]
    told = {**found["partly_measured"], **found["not_measured"]}["lpips"]
    assert "first 2 of 4 frames" in told or "not installed" in told


def test_memory_and_disk_stay_flat_over_2000_frames(tmp_path):
    """A tenth of the frames is lost; pictures so small that SSIM is left out."""
    state = Session(tmp_path, keep=100)
    sizes, files = [], []
    sequence = 0

    def send(kind: Kind, frame_id: int, arm: str = "", level: int | None = None) -> None:
        nonlocal sequence
        flags = Flag.LOST if level is None else Flag.NONE
        pixels = None if level is None else grey(level, 8)
        state.accept(encode(FrameMessage(7, sequence, kind, frame_id, arm, flags=flags, pixels=pixels)))
        sequence += 1
        state.work()

    for frame_id in range(2000):
        send(Kind.REFERENCE, frame_id, level=90)
        send(Kind.DECODED, frame_id, "jscc", None if frame_id % 10 == 3 else 95)
        if frame_id == 400:
            # What is loaded on first use is loaded.
            tracemalloc.start()
        if frame_id % 500 == 499:
            sizes.append(tracemalloc.get_traced_memory()[0])
            files.append(sum(1 for _ in (tmp_path / "incoming").rglob("*.npy")))
    tracemalloc.stop()
    assert (sizes[-1] - sizes[0]) / 1500 < 100
    assert max(files) <= 205
    assert (tmp_path / "journal.jsonl").stat().st_size < 2_000_000
    found = outcome.results(state, PSNR)
    state.close()
    assert found["frames_sent"] == 2000 and found["arms"]["jscc"]["frames_lost"] == 200
    assert found["arms"]["jscc"]["psnr_db"] == pytest.approx(34.15, abs=0.01)
