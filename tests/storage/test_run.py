"""Run folders appear whole, replace only when complete, and are read with typed errors."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gvc
from gvc.errors import InputError
from gvc.paths import ROOT
from gvc.storage.arrays import read_arrays
from gvc.storage.run_folder import RunFolder


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


def test_frames_are_counted_iterated_and_asked_for_from_both_ends(tmp_path: Path) -> None:
    write(tmp_path / "run", 1)
    run = gvc.load(tmp_path / "run")
    assert len(run) == 2 and [frame.frame_id for frame in run] == [0, 4]
    assert run.frame(-1).frame_id == 4 and np.array_equal(run.frame(-2).equalised, run.frame(0).equalised)
    for index in (2, 9999, -3):
        with pytest.raises(InputError, match=rf"has 2 received frames: there is no frame\({index}\)"):
            run.frame(index)


def test_a_run_over_no_simulated_channel_knows_no_truth(tmp_path: Path) -> None:
    write(tmp_path / "run", 1)
    with pytest.raises(InputError, match="no true channel"):
        _ = gvc.load(tmp_path / "run").true_magnitude


def test_pictures_by_arm_and_frame(tmp_path: Path) -> None:
    write(tmp_path / "run", 1)
    assert gvc.load(tmp_path / "run").arms == []
    shown = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    for arm in ("jscc", "reference"):
        (tmp_path / "run" / "frames" / arm).mkdir(parents=True)
        Image.fromarray(shown).save(tmp_path / "run" / "frames" / arm / "00004.png")
    run = gvc.load(tmp_path / "run")
    assert run.arms == ["jscc", "reference"] and run.picture_ids("jscc") == [4]
    assert np.array_equal(run.picture("jscc", 4), shown)
    with pytest.raises(InputError, match="no picture 5 of 'jscc' .has: 4 to 4"):
        run.picture("jscc", 5)
    with pytest.raises(InputError, match="did you mean 'jscc'"):
        run.picture("jsc", 4)
    listed = str(run)
    assert "picture('jscc', id): 1 pictures" in listed and "symbols['equalised']: complex64 [5]" in listed
    assert "result: run.json: mark" in listed


def test_pictures_of_rx_lie_in_no_folder_of_their_arm(tmp_path: Path) -> None:
    write(tmp_path / "run", 1)
    (tmp_path / "run" / "frames").mkdir()
    Image.fromarray(np.full((2, 3, 3), 7, np.uint8)).save(tmp_path / "run" / "frames" / "00000.png")
    (tmp_path / "run" / "run.json").write_text('{"arm": "jscc+cddm"}')
    run = gvc.load(tmp_path / "run")
    assert run.arms == ["jscc+cddm"] and run.picture("jscc+cddm", 0).shape == (2, 3, 3)


def test_the_grid_before_the_equaliser(tmp_path: Path) -> None:
    write(tmp_path / "run", 1)
    with pytest.raises(InputError, match="no resource elements"):
        gvc.load(tmp_path / "run").grid()
    with np.load(tmp_path / "run" / "symbols.npz") as file:
        np.savez(tmp_path / "run" / "symbols.npz", **file, received=np.arange(96).astype(np.complex64))
    (tmp_path / "run" / "run.json").write_text('{"config": {"phy": {"numerology": "ofdm64"}}}')
    assert gvc.load(tmp_path / "run").grid().shape == (2, 48)


@pytest.mark.parametrize(
    "change",
    [
        {"offsets": np.array([0, 3])},
        {"offsets": np.array([0, 9, 5])},
        {"offsets": np.array([0.0, 3.0, 5.0])},
        {"offsets": np.zeros(0, int)},
        {"true": np.zeros(4, np.complex64)},
        {"noise_map": np.zeros((5, 1), np.float32)},
        {"frame_id": None},
    ],
)
def test_symbols_that_do_not_fit_together_are_damaged(tmp_path: Path, change: dict) -> None:
    write(tmp_path / "run", 1)
    arrays = read_arrays(tmp_path / "run" / "symbols.npz") | change
    np.savez(tmp_path / "run" / "symbols.npz", **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(InputError, match=r"symbols\.npz is damaged"):
        gvc.load(tmp_path / "run").frame(0)


@pytest.mark.parametrize("text", ["[]", "3", "null", "{", "[" * 5000, '{"a": ' * 5000])
def test_a_run_file_without_a_mapping_is_damaged(tmp_path: Path, text: str) -> None:
    write(tmp_path / "run", 1)
    for name in ("run.json", "metrics.json"):
        (tmp_path / "run" / name).write_text(text)
    run = gvc.load(tmp_path / "run")
    for ask in (lambda: run.result, lambda: run.metrics, run.contents):
        with pytest.raises(InputError, match=r"(run|metrics)\.json is damaged"):
            ask()


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
import os, sys; from gvc.storage.run_folder import RunFolder
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
    with pytest.raises(InputError, match="File name too long"):
        gvc.load("a" * 300)


@pytest.mark.parametrize("name", ["symbols.npz", "bursts.npz", "run.json"])
def test_damaged_files_are_input_errors(tmp_path: Path, name: str) -> None:
    write(tmp_path / "run", 1)
    path = tmp_path / "run" / name
    path.write_bytes(path.read_bytes()[:-9])
    run = gvc.load(tmp_path / "run")
    with pytest.raises(InputError, match=name):
        _ = (run.symbols, run.bursts, run.result)
