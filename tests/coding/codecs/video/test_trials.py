"""Remembered trials: made once, told apart by content, bounded."""

import os
from pathlib import Path

import numpy as np
import pytest

from gvc.coding.codecs.video import trials as module
from gvc.coding.codecs.video.trials import Trials, fingerprint


def test_made_once_and_the_longest_unused_goes_first() -> None:
    made = []

    def make(key: str) -> bytes:
        made.append(key)
        return key.encode() * 10

    trials = Trials(30)
    for key in ("a", "b", "c", "a", "d", "a", "b"):
        assert trials.get(key, lambda key=key: make(key)) == key.encode() * 10
    assert made == ["a", "b", "c", "d", "b"]
    trials.clear()
    trials.get("a", lambda: make("a"))
    assert made[-1] == "a" and len(made) == 6


def test_one_larger_than_all_is_given_all_the_same() -> None:
    assert Trials(5).get("a", lambda: b"0123456789") == b"0123456789"


def test_fingerprints_tell_shape_type_and_content_apart() -> None:
    picture = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    others = [picture.reshape(2, 8, 3), picture.view(np.int8), picture + np.uint8(1), picture[::-1]]
    assert len({fingerprint(array) for array in (picture, *others)}) == 5
    assert fingerprint(picture) == fingerprint(picture.copy())


def kept_in(folder: Path, most_bytes: int = 1 << 20) -> Trials:
    trials = Trials(1000)
    trials.keep_in(folder, most_bytes)
    return trials


def never() -> bytes:
    raise AssertionError("made again")


def test_another_process_finds_what_was_made(tmp_path: Path) -> None:
    kept_in(tmp_path).get(("x264", 3), lambda: b"made once")
    assert kept_in(tmp_path).get(("x264", 3), never) == b"made once"
    assert kept_in(tmp_path).get(("x264", 4), lambda: b"another") == b"another"
    plain = Trials(1000)
    plain.keep_in(tmp_path)
    plain.clear()
    assert plain.get(("x264", 3), lambda: b"anew") == b"anew"


@pytest.mark.parametrize("damage", [b"", b"short", b"0" * 40])
def test_a_damaged_file_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    kept_in(tmp_path).get("a", lambda: b"good")
    (file,) = tmp_path.glob("*.trial")
    file.write_bytes(damage)
    assert kept_in(tmp_path).get("a", lambda: b"good again") == b"good again"
    assert kept_in(tmp_path).get("a", never) == b"good again"


def test_other_encoders_make_it_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept_in(tmp_path).get("a", lambda: b"old")
    monkeypatch.setattr(module, "_maker", lambda: ("libx264", "next"))
    assert kept_in(tmp_path).get("a", lambda: b"new") == b"new"


def test_the_oldest_files_go_when_there_are_too_many(tmp_path: Path) -> None:
    trials = kept_in(tmp_path)
    for i, key in enumerate("abc"):
        trials.get(key, lambda: bytes(84))
        newest = max(tmp_path.glob("*.trial"), key=lambda f: f.stat().st_mtime)
        os.utime(newest, (i, i))
    kept = kept_in(tmp_path, 200)
    assert len(list(tmp_path.glob("*.trial"))) == 2
    assert kept.get("c", never) == bytes(84)
    assert kept.get("a", lambda: b"again") == b"again"


def test_a_folder_that_cannot_be_written_costs_time_only(tmp_path: Path) -> None:
    trials = kept_in(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert trials.get("a", lambda: b"made") == b"made"
