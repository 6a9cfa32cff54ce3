"""Remembered trials: made once, told apart by content, bounded."""

import numpy as np

from gvc.coding.codec.trials import Trials, fingerprint


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
