import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gvc.phy import convolutional

bits = st.lists(st.integers(0, 1), min_size=1, max_size=200).map(lambda b: np.array(b, np.uint8))


@given(bits)
def test_encoder_is_three_polynomial_products(message: np.ndarray) -> None:
    """Code stream i is message(D) g_i(D) modulo 2, the definition in 3GPP TS 36.212, 5.1.3.1."""
    coded = convolutional.encode(message).reshape(-1, 3)
    for stream, generator in zip(coded.T, convolutional.GENERATORS, strict=True):
        taps = [int(digit) for digit in f"{generator:07b}"]
        assert np.array_equal(stream, np.convolve(message, taps) % 2)


@given(bits)
def test_decodes_its_own_code(message: np.ndarray) -> None:
    soft = 1.0 - 2.0 * convolutional.encode(message)
    assert np.array_equal(convolutional.decode(soft), message)


@given(bits, st.data())
def test_corrects_seven_errors(message: np.ndarray, data: st.DataObject) -> None:
    """The free distance of the code is 15 (Proakis, table of rate 1/3 codes), so any seven errors are corrected."""
    coded = convolutional.encode(message)
    wrong = data.draw(st.lists(st.integers(0, len(coded) - 1), max_size=7, unique=True))
    coded[wrong] ^= 1
    assert np.array_equal(convolutional.decode(1.0 - 2.0 * coded), message)
