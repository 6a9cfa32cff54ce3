"""What is read from and changed in an ONNX file, which is one message of protocol buffers.

OpenCV's importer works out shapes when it reads a file, and takes an open size for 1; so the size of an input is
written into the file's bytes before.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from gvc.errors import ParseError

# Numbers of fields in onnx.proto.
_GRAPH, _METADATA = 7, 14
_INPUT = 11
_NAME, _TYPE, _TENSOR, _ELEMENT, _SHAPE, _DIMENSION, _VALUE = 1, 2, 1, 1, 2, 1, 1
_FLOAT = 1


def with_input(model: bytes, shape: Sequence[int]) -> bytes:
    """`model` with `shape` for its input of float32. Raises ParseError for bytes that are no ONNX model."""
    try:
        return b"".join(
            _field(number, _sized(value, shape) if number == _GRAPH else value) for number, value in _fields(model)
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise ParseError("not an ONNX model: a part is missing, or of another kind") from error


def metadata(model: bytes) -> dict[str, str]:
    """What the model says of itself, by key. Raises ParseError for bytes that are no ONNX model."""
    try:
        entries = [dict(_fields(value)) for number, value in _fields(model) if number == _METADATA]
        return {entry[1].decode("utf-8"): entry[2].decode("utf-8") for entry in entries}
    except (AttributeError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise ParseError("not an ONNX model: what it says of itself is no text") from error


def _sized(graph: bytes, shape: Sequence[int]) -> bytes:
    sizes = b"".join(_field(_DIMENSION, _field(_VALUE, size)) for size in shape)
    tensor = _field(_TENSOR, _field(_ELEMENT, _FLOAT) + _field(_SHAPE, sizes))
    parts = []
    for number, value in _fields(graph):
        if number == _INPUT:
            value = _field(_NAME, dict(_fields(value))[_NAME]) + _field(_TYPE, tensor)
        parts.append(_field(number, value))
    return b"".join(parts)


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """(number, value) of each field: an int, or bytes."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield key >> 3, value
        elif kind == 2:
            size, at = _varint(message, at)
            if at + size > len(message):
                raise ParseError("not an ONNX model: a field ends behind the end")
            yield key >> 3, message[at : at + size]
            at += size
        else:
            raise ParseError(f"not an ONNX model as they are here: a field of kind {kind}")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        value |= (message[at] & 127) << shift
        at += 1
        if message[at - 1] < 128:
            return value, at
    raise ParseError("not an ONNX model: a number without end")


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _number(number << 3) + _number(value)
    return _number(number << 3 | 2) + _number(len(value)) + value


def _number(value: int) -> bytes:
    data = bytearray()
    while value > 127:
        data.append(value & 127 | 128)
        value >>= 7
    return bytes(data) + bytes([value])
