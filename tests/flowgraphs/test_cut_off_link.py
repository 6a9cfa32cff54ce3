"""A link whose evaluator or own process is killed: nothing stays behind, what came is kept, exit code 1."""

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

import gvc as testbed
from flowgraphs.experiment.run import _check_complete
from gvc.errors import LinkError
from gvc.paths import ROOT
from gvc.storage.run_folder import RunFolder
from tests.flowgraphs.conftest import GVC

HERE = "tests.flowgraphs.plain_codec"
SLOW = ("--radio", "sim-awgn", "--arms", "jscc", "--metrics", "psnr_db", "--pace", "none",
        "--set", f"model.encoder={HERE}:PlainEncoder", "--set", f"model.decoder={HERE}:SlowDecoder")  # fmt: skip


@contextlib.contextmanager
def running(clip: Path, out: Path, lines: int):
    """A link of half a second a frame, and the process id of its evaluator, once that has taken `lines` messages."""
    command = [*GVC, "link", "--clip", str(clip), *SLOW, "--out", str(out)]
    link = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "SLOW_S": "0.5"},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    evaluator = 0
    try:
        over = time.monotonic() + 90
        while (
            not evaluator or sum(len(p.read_bytes().splitlines()) for p in out.parent.glob(".*/journal.jsonl")) < lines
        ):
            assert link.poll() is None and time.monotonic() < over, link.communicate()
            evaluator = evaluator or next(iter(_children(link.pid)), 0)
            time.sleep(0.05)
        yield link, evaluator
    finally:
        link.kill()
        link.communicate()
        with contextlib.suppress(ProcessLookupError):
            os.kill(evaluator, signal.SIGKILL)


def _taken(out: Path) -> int:
    """Messages that the evaluator of the draft of `out` has taken."""
    return sum(len(journal.read_bytes().splitlines()) for journal in out.parent.glob(".*/journal.jsonl"))


def _children(parent: int) -> list[int]:
    """Evaluators that `parent` has started."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            status = (process / "stat").read_text().rpartition(")")[2].split()
            if int(status[1]) == parent and b"gvc.evaluation.service.evaluator" in (process / "cmdline").read_bytes():
                found.append(int(process.name))
    return found


def test_a_killed_evaluator_is_named_and_what_came_is_kept(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with running(clip, out, lines=6) as (link, evaluator):
        os.kill(evaluator, signal.SIGKILL)
        _, said = link.communicate(timeout=60)
    assert link.returncode == 1
    assert "the evaluator process was killed by SIGKILL" in said and f"what came is kept in {out}" in said
    run = testbed.load(out)
    assert run.result["complete"] is False and run.metrics["complete"] is False
    assert 0 < len(run.frame_ids) < 12 and len(run.frame(0).equalised) == 12 * 16
    shown = sorted((out / "frames" / "jscc").glob("*.png"))
    assert len(shown) == run.metrics["frames_sent"] >= 2
    assert run.result["arms"]["jscc"]["psnr_db"] > 20
    assert [path.name for path in tmp_path.iterdir()] == ["run"], "drafts are left"


def test_a_killed_link_leaves_no_process_and_can_be_repeated(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with running(clip, out, lines=1) as (link, evaluator):
        link.send_signal(signal.SIGKILL)
        link.wait(10)
        over = time.monotonic() + 5
        while _runs(evaluator):
            assert time.monotonic() < over, "the evaluator is still there after 5 s"
            time.sleep(0.05)
    with RunFolder(out) as folder:
        assert list(tmp_path.iterdir()) == [folder.path], "the killed draft is left"


def _runs(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_a_stream_that_is_not_whole_fails_the_run() -> None:
    sender = SimpleNamespace(stream=7, sent=10)
    name = f"{7:016x}"
    whole = {"sent": 10, "received": 10, "ended": True}
    _check_complete({"complete": True, "streams": {name: whole}}, sender)
    for complete, streams in (
        (False, {name: whole}),
        (True, {}),
        (True, {f"{8:016x}": whole}),
        (True, {name: {**whole, "received": 9}}),
        (True, {name: {**whole, "ended": False}}),
    ):
        with pytest.raises(LinkError, match="not complete"):
            _check_complete({"complete": complete, "streams": streams}, sender)


def test_an_incomplete_run_is_never_said_to_be_complete(tmp_path: Path) -> None:
    with RunFolder(tmp_path / "run") as folder:
        folder.keep({"complete": True})
    assert json.loads((tmp_path / "run" / "run.json").read_text()) == {"complete": False}
