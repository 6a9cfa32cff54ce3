"""Run folders appear whole, replace only when complete, and are read with typed errors."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gvc
from gvc.errors import InputError
from gvc.paths import ROOT
from gvc.run import RunFolder


def write(out: Path, mark: int) -> None:
    with RunFolder(out) as folder:
        log = folder.log("equalised", np.complex64)
        log.append(np.arange(3) + 1j)
        log.append(np.arange(2) + 0j)
        values = log.read()
        folder.save(
            "symbols.npz", frame_id=np.array([0, 4]), offsets=np.array([0, 3, 5]), equalised=values,
            noise_map=np.ones(5, np.float32), true=values, denoised=values,
        )  # fmt: skip
        one = {"evm_db": np.array([-9.0]), "snr_db": np.array([9.0]), "cfo_hz": np.zeros(1)}
        folder.save("bursts.npz", channel=np.ones((1, 1, 52)), **one)
        log.remove()
        folder.commit({"mark": mark})


def test_a_run_is_read_back(tmp_path: Path) -> None:
    write(tmp_path / "run", 1)
    run = gvc.load(tmp_path / "run")
    assert run.result == {"mark": 1}
    assert run.metrics == {}
    assert run.frame_ids.tolist() == [0, 4]
    assert run.frame(1).frame_id == 4
    assert np.array_equal(run.frame(1).equalised, [0, 1])
    assert run.channel.shape == (1, 1, 52)
    assert "2 frames, 1 bursts" in repr(run)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["bursts.npz", "run.json", "symbols.npz"]


def test_a_new_run_replaces_an_old_one_only_when_complete(tmp_path: Path) -> None:
    write(tmp_path / "run", 1)
    with pytest.raises(RuntimeError), RunFolder(tmp_path / "run") as folder:
        folder.save("symbols.npz", frame_id=np.zeros(1))
        raise RuntimeError
    assert gvc.load(tmp_path / "run").result == {"mark": 1}
    write(tmp_path / "run", 2)
    assert gvc.load(tmp_path / "run").result == {"mark": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_replacing_is_told_and_what_is_not_complete_lies_beside(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with RunFolder(tmp_path / "run") as folder:
        assert folder.keep({"mark": 0}) == tmp_path / "run"
    assert gvc.load(tmp_path / "run").result == {"mark": 0, "complete": False}
    assert not capsys.readouterr().err
    write(tmp_path / "run", 1)
    assert f"the run that was in {tmp_path / 'run'} is replaced" in capsys.readouterr().err
    for mark in (2, 3):
        with RunFolder(tmp_path / "run") as folder:
            assert folder.keep({"mark": mark}) == tmp_path / "run-incomplete"
    assert gvc.load(tmp_path / "run").result == {"mark": 1}
    assert gvc.load(tmp_path / "run-incomplete").result["mark"] == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "run-incomplete"]


KILLED = """
import os, sys; from gvc.run import RunFolder
RunFolder(sys.argv[1]).save("symbols.npz"); print(os.getpid(), flush=True); os.kill(os.getpid(), 9)
"""


def test_a_killed_run_leaves_nothing_that_hinders_the_next(tmp_path: Path) -> None:
    """Also under the same process id, as in a container started anew: names do not hold it."""
    out = tmp_path / "a [run]*"
    done = subprocess.run([sys.executable, "-c", KILLED, str(out)], cwd=ROOT, capture_output=True, timeout=60)
    assert done.returncode == -9
    (stale,) = tmp_path.iterdir()
    assert done.stdout.decode().strip() not in stale.name
    with RunFolder(out) as living:
        assert not stale.exists()
        # The draft of a process that lives is left alone.
        with RunFolder(out) as other:
            assert living.path.exists() and other.path.exists()
    write(out, 1)
    # Killed between the two steps of a replacement.
    out.rename(tmp_path / ".a [run]*.old-1234")
    with RunFolder(out):
        assert gvc.load(out).result == {"mark": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["a [run]*"]


def test_other_peoples_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("diary")
    with pytest.raises(InputError, match="is no run folder"):
        RunFolder(tmp_path / "letters")
    with pytest.raises(InputError, match="is no run folder"):
        gvc.load(tmp_path / "letters")


@pytest.mark.parametrize("name", ["symbols.npz", "bursts.npz", "run.json"])
def test_damaged_files_are_input_errors(tmp_path: Path, name: str) -> None:
    write(tmp_path / "run", 1)
    path = tmp_path / "run" / name
    path.write_bytes(path.read_bytes()[:-9])
    run = gvc.load(tmp_path / "run")
    with pytest.raises(InputError, match=name):
        _ = (run.symbols, run.bursts, run.result)
