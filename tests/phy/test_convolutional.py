import heapq

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvc.phy.fec.convolutional import CODES, ConvolutionalCode

bits = st.lists(st.integers(0, 1), min_size=1, max_size=200).map(lambda b: np.array(b, np.uint8))
codes = st.sampled_from(sorted(CODES)).map(CODES.get)


@given(codes, bits)
def test_encoder_is_polynomial_products(code: ConvolutionalCode, message: np.ndarray) -> None:
    """Code stream i is message(D) g_i(D) modulo 2, the definition in 3GPP TS 36.212, 5.1.3.1."""
    coded = code.encode(message).reshape(-1, len(code.generators))
    assert coded.size == code.coded_bits(len(message))
    for stream, generator in zip(coded.T, code.generators, strict=True):
        taps = [int(digit) for digit in f"{generator:b}"]
        assert np.array_equal(stream, np.convolve(message, taps) % 2)


@given(codes, bits)
def test_decodes_its_own_code(code: ConvolutionalCode, message: np.ndarray) -> None:
    soft = 1.0 - 2.0 * code.encode(message)
    assert np.array_equal(code.decode(soft), message)


@pytest.mark.parametrize(("name", "distance"), [("k7", 15), ("k15", 56)])
def test_free_distance_is_the_published_one(name: str, distance: int) -> None:
    """Of the lightest way from state 0 back to it: 15 (Proakis, table of rate 1/3 codes), 56 (JPL, as the code's)."""
    code = CODES[name]
    ways, known = [(sum(g >> code.memory for g in code.generators), 1 << code.memory - 1)], set()
    while ways:
        weight, state = heapq.heappop(ways)
        if state == 0:
            break
        if state not in known:
            known.add(state)
            for register in (state, 1 << code.memory | state):
                more = sum((register & g).bit_count() & 1 for g in code.generators)
                heapq.heappush(ways, (weight + more, register >> 1))
    assert weight == distance


@given(st.sampled_from([("k7", 7), ("k15", 27)]), bits, st.data())
def test_corrects_half_its_free_distance(which: tuple[str, int], message: np.ndarray, data: st.DataObject) -> None:
    name, errors = which
    coded = CODES[name].encode(message)
    places = st.lists(st.integers(0, len(coded) - 1), max_size=errors, unique=True)
    coded[data.draw(places)] ^= 1
    assert np.array_equal(CODES[name].decode(1.0 - 2.0 * coded), message)
