"""QAM, LDPC and transport blocks against Sionna, against theory, and as inverses of each other."""

from math import erfc, sqrt

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder
from sionna.phy.mapping import Demapper, Mapper

from gvc.errors import InputError, ParseError
from gvc.noise_map import NU_MAX
from gvc.phy.fec import ldpc, mcs, qam
from gvc.phy.fec.transport_block import CRC_BYTES, TransportBlock


def noise(count: int, variance: float | np.ndarray, seed: int = 0) -> np.ndarray:
    pairs = np.random.default_rng(seed).standard_normal((count, 2)).astype(np.float32).view(np.complex64)[:, 0]
    return pairs * np.sqrt(np.asarray(variance, np.float32) / 2)


@pytest.mark.parametrize("order", qam.ORDERS.values())
def test_mapping_and_soft_values_are_sionnas(order: int) -> None:
    bits = np.random.default_rng(1).integers(0, 2, order * 500).astype(np.uint8)
    symbols = qam.modulate(bits, order)
    theirs = Mapper("qam", order)(torch.tensor(bits, dtype=torch.float32)[None]).numpy()[0]
    np.testing.assert_allclose(symbols, theirs, atol=1e-6)
    variance = np.random.default_rng(2).uniform(0.01, 1, 500).astype(np.float32)
    received = symbols + noise(500, variance)
    for method, exact in (("maxlog", False), ("app", True)):
        soft = Demapper(method, "qam", order)(torch.tensor(received)[None], torch.tensor(variance)[None]).numpy()[0]
        np.testing.assert_allclose(qam.demodulate(received, variance, order, exact), -soft, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("order", "snr_db"), [(2, 4.0), (4, 10.0), (6, 16.0), (8, 22.0)])
def test_uncoded_bit_error_rate_is_the_textbooks(order: int, snr_db: float) -> None:
    """Gray square QAM: the nearest-neighbour sum of Proakis and Salehi, 4.3, close at these SNRs."""
    bits = np.random.default_rng(3).integers(0, 2, order * 100_000).astype(np.uint8)
    variance = 10 ** (-snr_db / 10)
    received = qam.modulate(bits, order) + noise(100_000, variance, 4)
    wrong = (qam.demodulate(received, np.full(100_000, variance, np.float32), order) < 0) != bits
    side = 2 ** (order // 2)
    distance = sqrt(1.5 / (side**2 - 1) / variance)
    expected = 4 / order * (1 - 1 / side) * 0.5 * erfc(distance)
    assert wrong.mean() == pytest.approx(expected, rel=0.06)


@pytest.mark.parametrize(("k", "n", "order"), [(1024, 2048, 2), (4000, 12000, 4), (4096, 4920, 6), (640, 3200, 2)])
def test_decoder_agrees_with_sionnas_on_the_same_blocks(k: int, n: int, order: int) -> None:
    code = ldpc.LdpcCode(k, n, order)
    assert (code.k, code.n) == (k, n)
    bits = np.random.default_rng(5).integers(0, 2, (12, k)).astype(np.uint8)
    coded = code.encode(bits)
    encoder = LDPC5GEncoder(k, n, num_bits_per_symbol=order)
    np.testing.assert_array_equal(coded, encoder(torch.tensor(bits, dtype=torch.float32)).numpy())
    # one dB above capacity's neighbourhood: both decode everything
    variance = 10 ** (-(10 * np.log10(2 ** (order * k / n) - 1) + 3.2) / 10)
    received = qam.modulate(coded.ravel(), order) + noise(coded.size // order, variance, 6)
    llr = qam.demodulate(received, np.full(len(received), variance, np.float32), order).reshape(12, n)
    decoded, used = code.decode(llr)
    theirs = LDPC5GDecoder(encoder, num_iter=20)(torch.from_numpy(-llr)).numpy()
    np.testing.assert_array_equal(decoded, bits)
    np.testing.assert_array_equal(decoded, theirs)
    assert used.max() <= ldpc.ITERATIONS


def test_what_cannot_be_decoded_says_so() -> None:
    code = ldpc.LdpcCode(512, 1024, 2)
    decoded, used = code.decode(np.random.default_rng(7).standard_normal((3, 1024)).astype(np.float32))
    assert (used == ldpc.ITERATIONS + 1).all() and decoded.shape == (3, 512)
    assert not code.decode(np.zeros((1, 1024), np.float32))[0].any()


def test_sizes_without_a_code_are_refused() -> None:
    for k, n, order in ((8, 64, 2), (9000, 18000, 2), (1000, 900, 2), (1000, 2001, 2), (100, 1000, 2)):
        with pytest.raises(InputError, match="no LDPC code"):
            ldpc.LdpcCode(k, n, order)


def test_schemes_by_name_and_by_header() -> None:
    for name, scheme in mcs.TABLE.items():
        assert mcs.named(name) == scheme == mcs.of_header(scheme.payload_type, scheme.rate_index)
        assert scheme.name == name and scheme.efficiency == pytest.approx(scheme.order * float(scheme.rate))
    with pytest.raises(InputError, match="did you mean 'qpsk-1_2'"):
        mcs.named("qpsk-1/2")
    for kind, mode in ((0, 0), (5, 0), (1, 6)):
        with pytest.raises(ParseError):
            mcs.of_header(kind, mode)


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(list(mcs.TABLE)),
    symbols=st.sampled_from([300, 1023, 4096, 9001]),
    data=st.data(),
)
def test_a_transport_block_returns_its_bytes(name: str, symbols: int, data: st.DataObject) -> None:
    block = TransportBlock(mcs.named(name), symbols)
    assert block.payload_bytes == block.block_bytes.sum()
    carried = 8 * (block.payload_bytes + CRC_BYTES * len(block.block_bytes))
    assert carried >= symbols * block.mcs.efficiency - 1e-6
    assert carried < symbols * block.mcs.efficiency + 8 * len(block.block_bytes)
    content = data.draw(st.binary(max_size=min(block.payload_bytes, 200)))
    sent = block.encode(content)
    assert sent.shape == (symbols,) and sent.dtype == np.complex64
    received = block.decode(sent, np.full(symbols, 1e-3, np.float32))
    assert received.blocks_ok.all() and received.sound_bytes == block.payload_bytes
    assert received.data == content + bytes(block.payload_bytes - len(content))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), lost=st.floats(0.0, 1.0))
def test_a_damaged_block_is_known_and_blanked(seed: int, lost: float) -> None:
    block = TransportBlock(mcs.named("16qam-1_2"), 12_000)
    content = np.random.default_rng(seed).bytes(block.payload_bytes)
    received = block.encode(content) + noise(12_000, 0.16, seed)
    noise_map = np.full(12_000, 0.16, np.float32)
    first = int(lost * 12_000)
    received[:first], noise_map[:first] = 0, NU_MAX
    result = block.decode(received, noise_map)
    start = 0
    for ok, size in zip(result.blocks_ok, result.block_bytes, strict=True):
        part = result.data[start : start + size]
        assert part == (content[start : start + size] if ok else bytes(size))
        start += size
    assert result.data[: result.sound_bytes] == content[: result.sound_bytes]


def test_too_much_and_too_little_are_refused() -> None:
    block = TransportBlock(mcs.named("qpsk-1_2"), 1000)
    with pytest.raises(InputError, match="do not fit"):
        block.encode(bytes(block.payload_bytes + 1))
    with pytest.raises(InputError, match="no byte beside the CRC"):
        TransportBlock(mcs.named("qpsk-1_3"), 24)
    assert not block.decode(np.zeros(1000, np.complex64), np.full(1000, NU_MAX, np.float32)).blocks_ok.any()


@pytest.mark.parametrize("name", ["qpsk-5_6", "16qam-5_6", "64qam-5_6"])
@pytest.mark.parametrize("wanted", [1, 5, 9, 14, 30])
def test_the_shortest_blocks_come_through_at_the_highest_rate(name: str, wanted: int) -> None:
    """Rounding to bytes takes their rate beyond 5/6, and parity bits of the code's core are never sent."""
    scheme = mcs.named(name)
    block = TransportBlock(scheme, -(-8 * (wanted + CRC_BYTES) * 6 // (5 * scheme.order)))
    sent = bytes(range(1, block.payload_bytes + 1))
    received = block.decode(block.encode(sent), np.full(block.symbols, 1e-3, np.float32))
    assert received.blocks_ok.all() and received.data == sent
