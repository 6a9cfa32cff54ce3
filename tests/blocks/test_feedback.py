"""The feedback channel: late by its delay, averaged in power, and silent only for a second."""

import threading
import time

import pytest

from gvc_blocks.runtime.feedback import Feedback


def test_before_anything_is_fed_back_the_first_guess_holds() -> None:
    assert Feedback(4, 10.0).known_db(0, threading.Event()) == 10.0
    assert Feedback(4, 10.0).known_db(3, threading.Event()) == 10.0


def test_known_is_what_was_measured_so_many_slots_before() -> None:
    feedback = Feedback(4, 10.0)
    for slot in range(8):
        feedback.report(slot, float(slot))
    assert feedback.known_db(4, threading.Event()) == pytest.approx(0.0)
    # 0 dB and 3.0103 dB are powers of 1 and 2.
    averaged = Feedback(1, 10.0)
    averaged.report(0, 0.0)
    averaged.report(1, 3.0103)
    assert averaged.known_db(2, threading.Event()) == pytest.approx(1.7609, abs=1e-3)


def test_only_the_last_slots_count() -> None:
    feedback = Feedback(1, 10.0, window=2)
    for slot, snr_db in enumerate((30.0, 30.0, 5.0, 5.0)):
        feedback.report(slot, snr_db)
    assert feedback.known_db(4, threading.Event()) == pytest.approx(5.0)


def test_a_long_run_is_forgotten_but_for_what_is_asked() -> None:
    feedback = Feedback(4, 10.0, window=16)
    for slot in range(2000):
        feedback.report(slot, 5.0 if slot >= 1980 else 20.0)
        assert len(feedback._reports) < 100
    assert feedback.known_db(2000, threading.Event()) == pytest.approx(5.0)


def test_waits_for_a_report_that_is_on_its_way() -> None:
    feedback = Feedback(1, 10.0)
    late = threading.Timer(0.1, lambda: feedback.report(0, 7.0))
    late.start()
    assert feedback.known_db(1, threading.Event()) == pytest.approx(7.0)


def test_a_lost_slot_is_waited_for_once_and_a_stopping_graph_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Feedback, "WAIT_S", 0.1)
    feedback = Feedback(1, 10.0)
    feedback.report(0, 6.0)
    assert feedback.known_db(2, threading.Event()) == pytest.approx(6.0)
    monkeypatch.setattr(Feedback, "WAIT_S", 60.0)
    stopping = threading.Event()
    stopping.set()
    began = time.monotonic()
    assert feedback.known_db(2, stopping) == pytest.approx(6.0)
    assert time.monotonic() - began < 30
