"""sent = received + lost, whatever arrives."""

from hypothesis import given
from hypothesis import strategies as st

from gvc.evaluation.accounting import StreamCount


@given(st.lists(st.integers(0, 60)), st.integers(61, 80))
def test_counts_match_a_set(sequences, sent):
    count = StreamCount()
    seen = set()
    for sequence in sequences:
        assert count.see(sequence) == (sequence not in seen)
        seen.add(sequence)
        assert count.received == len(seen)
        assert count.sent == max(seen) + 1 == count.received + count.lost
    assert count.duplicate == len(sequences) - len(seen)
    count.end(sent)
    assert count.ended and count.sent == sent and count.lost == sent - len(seen)


def test_memory_grows_with_gaps_only():
    count = StreamCount()
    for sequence in range(10_000):
        count.see(sequence)
    assert len(count._runs) == 1
