"""The decoder process: gone, hanging or handed nonsense, it costs one segment and no more."""

import os
import signal
import sys
import time

import numpy as np
import pytest

from gvc import registry
from gvc.coding.codecs.video import decoder
from gvc.coding.codecs.video.decoder import DecoderProcess
from gvc.coding.codecs.video.stream import Stream
from gvc.errors import LinkError, ParseError


@pytest.fixture(scope="module")
def units(pictures):
    return list(Stream.parse(registry.create("codec", "x264").encode(pictures, 6000, 25.0)).units)


def test_killed_while_idle_it_is_started_again(units):
    process = DecoderProcess()
    assert len(process.decode("x264", units, 64, 96)) == 8
    os.kill(process.pid, signal.SIGKILL)
    while process._child.code is None:
        time.sleep(0.01)
    assert len(process.decode("x264", units, 64, 96)) == 8
    process.close()


def test_a_hang_ends_at_the_deadline_and_the_next_segment_is_decoded(units, monkeypatch):
    process = DecoderProcess()
    process.decode("x264", units, 64, 96)
    os.kill(process.pid, signal.SIGSTOP)
    monkeypatch.setattr(decoder, "DEADLINE_S", 0.3)
    with pytest.raises(ParseError, match="longer than 0.3 s"):
        process.decode("x264", units, 64, 96)
    monkeypatch.undo()
    assert len(process.decode("x264", units, 64, 96)) == 8
    process.close()


def test_a_crash_is_a_parse_error(units):
    """A codec that the process does not know makes it fall over, as a crash inside a library would."""
    process = DecoderProcess()
    with pytest.raises(ParseError, match="crashed"):
        process.decode("none", units, 64, 96)
    assert len(process.decode("x264", units, 64, 96)) == 8
    process.close()


def test_one_that_cannot_start(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(LinkError, match="at its start"):
        DecoderProcess().decode("x264", [], 64, 96)


def test_damage_in_the_middle_keeps_what_came_before(units):
    number, unit = units[4]
    damaged = [*units[:4], (number, unit[:3] + bytes(len(unit))), *units[5:]]
    shown = decoder.decode_units("x264", units, 64, 96)
    kept = decoder.decode_units("x264", damaged, 64, 96)
    assert {first for first, _ in units[:3]} <= set(kept)
    assert all(np.array_equal(kept[first], shown[first]) for first, _ in units[:3])


def test_a_picture_far_larger_than_announced_is_refused(units):
    assert decoder.decode_units("x264", [(0, Stream.parse(_large()).units[0][1])], 16, 16) == {}


def _large():
    return registry.create("codec", "x264").encode(np.zeros((1, 640, 640, 3), np.uint8), 9000, 25.0)
