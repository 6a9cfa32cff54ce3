"""The segment's bytes: what was packed comes back, cut anywhere the whole units do, and no bytes break it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvc.coding.codecs.video.stream import CODECS, MOST_PICTURES, SCALES, Stream
from gvc.coding.codecs.video.syntax import leb128, read_leb128, restore, strip
from gvc.errors import InputError, ParseError


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    numbers = draw(st.permutations(range(draw(st.integers(1, 20)))))
    if draw(st.booleans()):
        numbers = sorted(numbers)
    units = tuple((number, draw(st.binary(max_size=200))) for number in numbers)
    return Stream(draw(st.sampled_from(CODECS)), draw(st.sampled_from(SCALES)), len(units), units)


@given(streams())
def test_what_was_packed_comes_back(stream: Stream) -> None:
    packed = stream.pack()
    assert Stream.parse(packed) == stream
    ordered = [number for number, _ in stream.units] == list(range(stream.pictures))
    numbers = 0 if ordered else stream.pictures
    assert len(packed) == 2 + numbers + sum(len(leb128(len(unit))) + len(unit) for _, unit in stream.units)


@given(streams(), st.data())
def test_cut_anywhere_the_whole_units_remain(stream: Stream, data: st.DataObject) -> None:
    packed = stream.pack()
    cut = Stream.parse(packed[: data.draw(st.integers(2, len(packed)))])
    assert cut.units == stream.units[: len(cut.units)]
    assert cut.pictures == stream.pictures


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    try:
        stream = Stream.parse(data)
    except ParseError:
        return
    assert all(number < stream.pictures for number, _ in stream.units)
    assert sum(len(unit) for _, unit in stream.units) <= len(data)


@pytest.mark.parametrize("pictures", [0, MOST_PICTURES + 1])
def test_pictures_that_a_byte_cannot_number(pictures: int) -> None:
    with pytest.raises(InputError, match="1 to 256"):
        Stream("av1", 1.0, pictures, ()).pack()


@given(st.integers(0, 2**28 - 1))
def test_leb128_comes_back(value: int) -> None:
    packed = leb128(value)
    assert read_leb128(packed + b"\xff", 0) == (value, len(packed))


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff\xff", b"\x80\x80\x80\x80\x01"])
def test_leb128_that_is_cut_or_too_long(data: bytes) -> None:
    with pytest.raises(ParseError, match="LEB128"):
        read_leb128(data, 0)


def test_annex_b_keeps_only_what_is_needed() -> None:
    """A delimiter (9), supplemental information (6), a parameter set (7) and a slice (5) of H.264."""
    unit = b"\0\0\0\1\x09\xf0" + b"\0\0\1\x06\x05\x01\x80" + b"\0\0\0\1\x67\x42" + b"\0\0\1\x65\x88\0\0\3\1"
    short = strip("x264", unit)
    assert short == b"\x67\x42" + b"\0\0\1" + b"\x65\x88\0\0\3\1"
    assert restore("x264", short) == b"\0\0\0\1" + short


def test_av1_loses_the_delimiter_and_the_last_size() -> None:
    """A temporal delimiter, a sequence header of 2 bytes and a frame of 3, as section 5.3 of the AV1 specification."""
    unit = b"\x12\0" + b"\x0a\x02\x11\x22" + b"\x32\x03\xaa\xbb\xcc"
    short = strip("av1", unit)
    assert short == b"\x0a\x02\x11\x22" + b"\x30\xaa\xbb\xcc"
    assert restore("av1", short) == b"\x12\0" + short
