"""Windows: never more out than allowed, and waiting ends when the graph stops."""

import threading
import time

import pytest

from gvc_blocks.runtime.credit import Credit, Stopped
from gvc_blocks.runtime.flight import Flight


def test_a_credit_never_lets_more_out_than_its_limit() -> None:
    stopping, done = threading.Event(), []
    credit = Credit(2, threading.Condition())

    def worker() -> None:
        for _ in range(50):
            credit.acquire(stopping)
            time.sleep(1e-4)
            done.append(credit.in_flight)
            credit.release()

    workers = [threading.Thread(target=worker) for _ in range(6)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join(20)
    assert len(done) == 300
    assert credit.most_in_flight == 2
    assert credit.in_flight == 0


def test_a_waiting_block_gives_up_when_the_graph_stops() -> None:
    stopping, condition = threading.Event(), threading.Condition()
    credit = Credit(1, condition)
    credit.acquire(stopping)
    threading.Timer(0.1, stopping.set).start()
    began = time.monotonic()
    with pytest.raises(Stopped):
        credit.acquire(stopping)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("limit", [0, 5])
def test_the_limit_is_at_most_four(limit: int) -> None:
    with pytest.raises(ValueError, match="1 to 4"):
        Credit(limit, threading.Condition())


def test_a_displayed_frame_makes_room_and_buries_those_before_it() -> None:
    flight, running = Flight(lambda: False), threading.Event()
    for frame_id in range(4):
        flight.launch(frame_id, running)
    flight.displayed(2)
    for frame_id in range(4, 7):
        flight.launch(frame_id, running)
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(Stopped):
        flight.launch(7, stopped)
    assert flight.most_in_flight == 4


def test_frames_that_the_channel_swallowed_do_not_hold_the_source() -> None:
    drained = []
    flight, running = Flight(lambda: bool(drained)), threading.Event()
    for frame_id in range(4):
        flight.launch(frame_id, running)
        if frame_id < 3:
            flight.transmitted(frame_id)
    flight.landed(0)
    threading.Timer(0.1, drained.append, [True]).start()
    flight.launch(4, running)
    assert drained
    # 1 and 2 were lost; 0 waits for its decoder and 3 for its transmitter.
    flight.launch(5, running)
    assert flight.most_in_flight == 4
