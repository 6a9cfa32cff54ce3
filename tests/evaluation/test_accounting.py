"""sent = received + lost, whatever arrives."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvc.evaluation.service.accounting import StreamCount


@given(st.lists(st.integers(0, 60)), st.integers(61, 80))
def test_counts_match_a_set(sequences, sent):
    count = StreamCount()
    seen = set()
    for sequence in sequences:
        assert count.see(sequence) == (sequence not in seen)
        seen.add(sequence)
        assert count.received == len(seen)
        assert count.sent == max(seen) + 1 == count.received + count.lost
        assert count.upto == next(number for number in range(100) if number not in seen)
    assert count.duplicate == len(sequences) - len(seen)
    again = StreamCount.restored(json.loads(json.dumps(count.state())))
    assert again.record() == count.record() and again.upto == count.upto
    count.end(sent)
    assert count.ended and count.sent == sent and count.lost == sent - len(seen)


def test_memory_grows_with_gaps_only():
    count = StreamCount()
    for sequence in range(10_000):
        count.see(sequence)
    assert len(count._firsts) == len(count._lasts) == 1


@pytest.mark.parametrize("sequences", [range(0, 32_000, 2), range(32_000, 0, -2)])
def test_gaps_cost_no_quadratic_time(sequences):
    began = time.process_time()
    count = StreamCount()
    for sequence in sequences:
        assert count.see(sequence)
    assert count.received == 16_000
    # 14 s when each message walked through all the gaps
    assert time.process_time() - began < 3


@given(st.lists(st.integers(0, 200), unique=True))
def test_gaps_beyond_the_ceiling_are_closed_and_the_counts_stay_true(sequences):
    count = StreamCount(max_runs=4)
    seen = 0
    for sequence in sequences:
        seen += count.see(sequence)
        assert len(count._firsts) <= 4
        assert count.received == seen and count.sent == count.received + count.lost
    assert count.duplicate == len(sequences) - seen
    assert not count.see(2**64 - 1) or count.sent == 2**64
