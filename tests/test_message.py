"""Messages between processes: what is packed is read, and any other bytes end in a typed error, within bounds."""

import io
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvc.errors import ParseError
from gvc.message import MOST_HEAD_BYTES, Message, pack, read

KEYS = st.text(max_size=5).filter(lambda key: key != "bytes")
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))
MESSAGES = st.builds(Message, st.dictionaries(KEYS, VALUES, max_size=4), st.binary(max_size=50))


@given(st.lists(MESSAGES, max_size=4))
def test_messages_come_back_one_by_one(messages: list[Message]) -> None:
    stream = io.BytesIO(b"".join(map(pack, messages)))
    assert [read(stream) for _ in messages] == messages and read(stream) is None


@given(MESSAGES, st.data())
def test_a_message_cut_anywhere_is_a_parse_error(message: Message, data: st.DataObject) -> None:
    whole = pack(message)
    with pytest.raises(ParseError):
        read(io.BytesIO(whole[: data.draw(st.integers(1, len(whole) - 1))]))


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda text: struct.pack("<I", len(text)) + text))
def test_any_bytes_are_messages_or_a_parse_error(content: bytes) -> None:
    stream = io.BytesIO(content)
    try:
        while (message := read(stream)) is not None:
            assert isinstance(message.head, dict)
    except ParseError:
        pass


@pytest.mark.parametrize("head", [{}, {"bytes": -1}, {"bytes": True}, {"bytes": 2.0}, {"bytes": 11}, [1], "bytes"])
def test_a_head_that_says_no_size_is_refused(head: object) -> None:
    text = json.dumps(head).encode()
    with pytest.raises(ParseError, match="0 to 10 `bytes`"):
        read(io.BytesIO(struct.pack("<I", len(text)) + text + bytes(20)), most_bytes=10)


def test_sizes_are_bounded_before_anything_is_read() -> None:
    class Asked(io.BytesIO):
        most = 0

        def read(self, count: int | None = -1) -> bytes:
            self.most = max(self.most, count or 0)
            return super().read(count)

    stream = Asked(struct.pack("<I", 1 << 31) + bytes(100))
    with pytest.raises(ParseError, match="more than"):
        read(stream)
    assert stream.most == 4
    with pytest.raises(ValueError, match="its payload"):
        pack(Message({"text": "a" * MOST_HEAD_BYTES}))


def test_a_deep_head_is_a_parse_error() -> None:
    text = b"[" * 100_000
    with pytest.raises(ParseError, match="no JSON"):
        read(io.BytesIO(struct.pack("<I", len(text)) + text))
