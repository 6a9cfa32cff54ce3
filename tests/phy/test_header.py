import dataclasses

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gvc.errors import InputError, ParseError
from gvc.phy import header as burst_header
from gvc.phy.header import FIELDS, SIZE, VERSION, BurstHeader, UnknownBurst
from gvc.phy.shape import PictureShape

headers = st.fixed_dictionaries(
    {name: st.integers(low, low + (1 << bits) - 1) for name, (bits, low) in FIELDS.items() if name != "last"}
    | {"last": st.booleans()}
).map(lambda fields: BurstHeader(**{**fields, "version": VERSION, "slot": min(fields["slot"], fields["slots"] - 1)}))

SAMPLE = BurstHeader(
    sequence=0xFFFFFFFF,
    frame=1234,
    fragment=2,
    payload_type=0,
    mode=1,
    shape=PictureShape(272, 640, 32).pack(),
    last=False,
    slot=5,
    slots=8,
    stream=0xBEEF,
    coder=0xABC,
)


@given(headers)
def test_round_trip(header: BurstHeader) -> None:
    assert BurstHeader.parse(header.pack()) == header


@given(headers, st.integers(0, 8 * SIZE - 1))
def test_any_flipped_bit_is_an_error(header: BurstHeader, bit: int) -> None:
    packed = bytearray(header.pack())
    packed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ParseError):
        BurstHeader.parse(bytes(packed))


@given(st.binary(max_size=2 * SIZE))
@example(SAMPLE.pack()[:-1])
def test_any_bytes_are_a_header_or_a_parse_error(packed: bytes) -> None:
    try:
        header = BurstHeader.parse(packed)
    except ParseError:
        return
    assert header.pack() == packed


def test_crc_is_the_published_one() -> None:
    """CRC-16/IBM-3740 of '123456789' is 0x29B1 (reveng catalogue); a header's last two bytes are that CRC."""
    import binascii

    assert binascii.crc_hqx(b"123456789", 0xFFFF) == 0x29B1
    assert int.from_bytes(SAMPLE.pack()[-2:], "big") == binascii.crc_hqx(SAMPLE.pack()[:-2], 0xFFFF)


def test_fields_lie_where_they_should() -> None:
    assert SAMPLE.pack()[0] >> 5 == VERSION
    assert int.from_bytes(SAMPLE.pack()[:3], "big") >> 5 & 0xFFFF == 0xBEEF
    assert SIZE == 22


@pytest.mark.parametrize(("name", "value"), [("sequence", 1 << 32), ("slots", 0), ("payload_type", 64), ("mode", -1)])
def test_value_outside_its_field(name: str, value: int) -> None:
    with pytest.raises(InputError, match=name):
        dataclasses.replace(SAMPLE, **{name: value})


def test_slot_beyond_count() -> None:
    with pytest.raises(InputError, match="slot 8 of 8"):
        dataclasses.replace(SAMPLE, slot=8)


def test_another_version_is_not_a_broken_header() -> None:
    with pytest.raises(UnknownBurst, match="version 5"):
        BurstHeader.parse(dataclasses.replace(SAMPLE, version=5).pack())


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 1e-30, 1.0, 1e30, np.inf, np.nan]))
def test_any_soft_symbols_decode_or_fail_cleanly(seed: int, scale: float) -> None:
    soft = np.random.default_rng(seed).standard_normal(1152).astype(np.float32)
    soft[seed % 1152] *= scale
    try:
        BurstHeader.parse(burst_header.decode(soft.view(np.complex64)))
    except ParseError:
        pass


@given(headers, st.integers(0, 47), st.integers(0, 2**32 - 1))
def test_robust_header_needs_any_half_of_its_symbols(header: BurstHeader, first: int, seed: int) -> None:
    """Of 48 symbols of 48 elements any 24 in a row may be missing: each of the 1140 code bits is sent four times."""
    sent = burst_header.encode(header.pack(), 48 * 48, "k15").reshape(48, 48)
    assert np.allclose(np.abs(sent), 1)
    sent[(first + np.arange(24)) % 48] = 0
    random = np.random.default_rng(seed)
    noise = random.standard_normal((48, 48)) + 1j * random.standard_normal((48, 48))
    assert BurstHeader.parse(burst_header.decode((sent + noise / 4).ravel(), "k15")) == header


def test_robust_header_survives_minus_eight_db_with_known_channel() -> None:
    random = np.random.default_rng(1)
    sent = burst_header.encode(SAMPLE.pack(), 48 * 48, "k15")
    for _ in range(100):
        noise = (random.standard_normal(len(sent)) + 1j * random.standard_normal(len(sent))) * 10**0.4 / 2**0.5
        assert BurstHeader.parse(burst_header.decode(sent + noise, "k15")) == SAMPLE


def test_too_few_elements() -> None:
    with pytest.raises(InputError, match="header_symbols"):
        burst_header.encode(SAMPLE.pack(), 100)


def test_survives_zero_db_with_known_channel() -> None:
    random = np.random.default_rng(1)
    sent = burst_header.encode(SAMPLE.pack(), 576)
    decoded = 0
    for _ in range(500):
        noise = random.standard_normal(576) + 1j * random.standard_normal(576)
        try:
            decoded += BurstHeader.parse(burst_header.decode(sent + noise / 2**0.5)) == SAMPLE
        except ParseError:
            pass
    assert decoded >= 499
