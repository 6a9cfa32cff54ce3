"""The range coder: an inverse, close to the entropy, and harmless on any bytes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gvc.coding.schemes.softcast.arithmetic import Decoder, Encoder


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3)), max_size=400))
def test_decoding_gives_what_was_coded(decisions: list[tuple[int, int]]) -> None:
    encoder = Encoder(4)
    for bit, context in decisions:
        encoder.code(bit, context)
    decoder = Decoder(encoder.finish() + b"\0\0", 4)
    assert [decoder.code(None, context) for _, context in decisions] == [bit for bit, _ in decisions]


def test_carries_run_through() -> None:
    """Decisions that are nearly always the improbable one push the interval's end up to all ones."""
    for seed in range(200):
        bits = (np.random.default_rng(seed).random(3000) < 0.995).astype(int).tolist()
        encoder = Encoder(1)
        for bit in bits:
            encoder.code(bit, 0)
        decoder = Decoder(encoder.finish(), 1)
        assert [decoder.code(None, 0) for _ in bits] == bits


def test_length_is_near_the_entropy() -> None:
    for share in (0.02, 0.2, 0.5):
        bits = np.random.default_rng(1).random(20_000) < share
        encoder = Encoder(1)
        for bit in bits.astype(int).tolist():
            encoder.code(bit, 0)
        entropy = -np.mean(np.log2(np.where(bits, share, 1 - share)))
        # fast adaptation costs about 0.02 bit
        assert entropy < 8 * len(encoder.finish()) / len(bits) + 0.01 < entropy + 0.04


@given(st.binary(max_size=40))
def test_any_bytes_decode_to_something(data: bytes) -> None:
    decoder = Decoder(data, 2)
    assert {decoder.code(None, number % 2) for number in range(500)} <= {0, 1}
