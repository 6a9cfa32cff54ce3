"""Messages between processes of the testbed: u32 length of a JSON head, the head, then as many bytes as it says."""

import json
import struct
from typing import IO, Any, NamedTuple

from gvc.errors import ParseError

MOST_HEAD_BYTES = 1 << 20
MOST_BYTES = 1 << 30
"""Of a message's payload, unless its reader says otherwise."""
_LENGTH = struct.Struct("<I")


class Message(NamedTuple):
    """A head (a JSON object without the key `bytes`) and its payload."""

    head: dict[str, Any]
    payload: bytes = b""


def pack(message: Message) -> bytes:
    """The bytes of a message; NaN may be in it. Raises ValueError for a head larger than is read."""
    text = json.dumps({**message.head, "bytes": len(message.payload)}).encode()
    if len(text) > MOST_HEAD_BYTES:
        raise ValueError(f"a message's head takes {len(text)} bytes; use {MOST_HEAD_BYTES} at most, or its payload")
    return _LENGTH.pack(len(text)) + text + message.payload


def read(stream: IO[bytes], most_bytes: int = MOST_BYTES) -> Message | None:
    """The next message of a stream; None where it ends between two.

    Raises ParseError for anything else: cut short, too large, or no JSON object; what follows is not to be read then.
    """
    start = stream.read(_LENGTH.size)
    if not start:
        return None
    if len(start) < _LENGTH.size:
        raise ParseError("a message is cut short")
    (length,) = _LENGTH.unpack(start)
    if length > MOST_HEAD_BYTES:
        raise ParseError(f"a message's head of {length} bytes is more than {MOST_HEAD_BYTES}")
    try:
        head = json.loads(_whole(stream, length))
    except (ValueError, RecursionError) as error:
        raise ParseError(f"a message's head is no JSON: {error}") from error
    count = head.pop("bytes", None) if isinstance(head, dict) else None
    if type(count) is not int or not 0 <= count <= most_bytes:
        raise ParseError(f"a message's head must be an object that says 0 to {most_bytes} `bytes`")
    return Message(head, _whole(stream, count))


def _whole(stream: IO[bytes], count: int) -> bytes:
    try:
        data = stream.read(count)
    except MemoryError as error:
        raise ParseError(f"a message of {count} bytes finds no room") from error
    if len(data) < count:
        raise ParseError("a message is cut short")
    return data
