"""Framing of video frames on the evaluation socket.

One ZMQ message is one `FrameMessage`: a fixed header, the name of the arm, the raw pixels, and a keyed BLAKE2b of that.
The key is the evaluator's token: who does not know it is foreign. Nothing in a message has a length of its own choosing
beyond the limits below, and nothing is unpickled: a decoder of untrusted bytes reads at most `MAX_MESSAGE_BYTES` and
copies nothing. The evaluator answers each message of its own with an `Answer`, signed with the same key.

    offset  type    field
    0       4s      magic "GVCF"
    4       u8      version
    5       u8      kind: 1 reference, 2 decoded, 3 end of stream, 4 question: how much have you?
    6       u8      flags: 1 lost, 2 concealed
    7       u8      coding mode
    8       u64     stream
    16      u64     sequence: 0, 1, 2, ... over all messages of one stream
    24      u32     frame id
    28      u16     height
    30      u16     width
    32      f64     sent_at [s], NaN when unknown
    40      f64     displayed_at [s], NaN when unknown
    48      u8      length of the arm's name (ASCII), then the name, then 3 * height * width bytes, then 16 bytes of MAC
"""

import enum
import hashlib
import hmac
import math
import re
import struct
from dataclasses import dataclass

import numpy as np

from gvc.errors import InputError, ParseError

MAGIC = b"GVCF"
ANSWER_MAGIC = b"GVCA"
VERSION = 2
MAC_BYTES = 16
MAX_SIDE = 8192
MAX_PIXELS = 4096 * 4096
MAX_FRAME_ID = 2**32 - 1
"""Five years at 25 frames a second."""
MAX_ARM_BYTES = 100

_HEADER = struct.Struct("<4sBBBBQQIHHddB")
_ANSWER = struct.Struct("<4sB?QQI")
_ARM = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.:@_-]*")

MAX_MESSAGE_BYTES = _HEADER.size + MAX_ARM_BYTES + 3 * MAX_PIXELS + MAC_BYTES


class Kind(enum.IntEnum):
    """What a message carries."""

    REFERENCE = 1
    DECODED = 2
    END = 3
    ASK = 4
    """Nothing: the sender wants an `Answer`."""


class Flag(enum.IntFlag):
    """How the picture came about."""

    NONE = 0
    LOST = 1
    """The frame did not arrive; without pixels the evaluator shows the previous one."""
    CONCEALED = 2
    """The pixels are what the receiver displayed in place of something lost."""


@dataclass(frozen=True)
class FrameMessage:
    """One message of the evaluation socket.

    `pixels` is uint8 [height, width, 3] RGB, or None for an end of stream, a question and a lost frame. END and ASK
    carry in `sequence` the count of messages sent before them, and in `frame_id` a number, from 1, to be answered with.
    """

    stream: int
    sequence: int
    kind: Kind
    frame_id: int = 0
    arm: str = ""
    mode: int = 0
    flags: Flag = Flag.NONE
    sent_at: float = math.nan
    displayed_at: float = math.nan
    pixels: np.ndarray | None = None


@dataclass(frozen=True)
class Answer:
    """What the evaluator has of `stream`: messages 0 to `upto` - 1, and whether its end. `question` is the number of
    the END or ASK that is answered, 0 for other messages.
    """

    stream: int
    upto: int
    ended: bool
    question: int = 0


class Foreign(ParseError):
    """A message in good form that was not signed with this evaluator's token."""


def encode(message: FrameMessage, key: bytes = b"") -> bytes:
    """The bytes of `message`, signed with `key` (at most 64 bytes; an empty one makes a mere checksum).

    Raises InputError when a field is outside the format's limits.
    """
    arm = message.arm.encode("ascii", "replace")
    height, width = _picture_size(message.pixels)
    if not _consistent(message.kind, message.flags, message.arm, height * width, message.frame_id):
        raise InputError(
            f"message of kind {message.kind.name} with arm {message.arm!r}, frame {message.frame_id} and "
            f"{width}x{height} pixels cannot be sent: sides up to {MAX_SIDE}, {MAX_PIXELS} pixels, frame ids up to "
            f"{MAX_FRAME_ID}, arm names of 1 to {MAX_ARM_BYTES} letters, digits, + . : @ _ -"
        )
    fields = (
        MAGIC,
        VERSION,
        message.kind,
        message.flags,
        message.mode,
        message.stream,
        message.sequence,
        message.frame_id,
        height,
        width,
        message.sent_at,
        message.displayed_at,
        len(arm),
    )
    try:
        header = _HEADER.pack(*fields)
    except struct.error as error:
        raise InputError(f"a field of the message is out of range: {error}") from error
    pixels = b"" if message.pixels is None else np.ascontiguousarray(message.pixels).data
    return b"".join((header, arm, pixels, mac(key, header, arm, pixels)))


def mac(key: bytes, *parts: bytes | memoryview) -> bytes:
    """The signature of `parts` with `key`, 16 bytes."""
    digest = hashlib.blake2b(key=key, digest_size=MAC_BYTES)
    for part in parts:
        digest.update(part)
    return digest.digest()


def encode_answer(answer: Answer, key: bytes = b"") -> bytes:
    """The bytes of `answer`, signed with `key`."""
    body = _ANSWER.pack(ANSWER_MAGIC, VERSION, answer.ended, answer.stream, answer.upto, answer.question)
    return body + mac(key, body)


def decode_answer(data: bytes, key: bytes = b"") -> Answer:
    """The answer in `data`; raises ParseError when it is none, or not from who knows `key`."""
    body, signature = data[: _ANSWER.size], data[_ANSWER.size :]
    if len(data) != _ANSWER.size + MAC_BYTES or not hmac.compare_digest(signature, mac(key, body)):
        raise ParseError("not an answer of this evaluator")
    magic, version, ended, stream, upto, question = _ANSWER.unpack(body)
    if magic != ANSWER_MAGIC or version != VERSION:
        raise ParseError(f"not a version {VERSION} answer")
    return Answer(stream, upto, ended, question)


def decode(data: bytes | memoryview, key: bytes = b"") -> FrameMessage:
    """The message in `data`, signed with `key`; its pixels are a read-only view of `data`.

    Raises ParseError, having read at most `MAX_MESSAGE_BYTES`, when `data` is anything but one whole message, and
    Foreign when it was signed with another key, or altered.
    """
    view = memoryview(data)
    if not _HEADER.size + MAC_BYTES <= view.nbytes <= MAX_MESSAGE_BYTES:
        raise ParseError(f"a message of {view.nbytes} bytes")
    magic, version, kind, flags, mode, stream, sequence, frame_id, height, width, sent_at, displayed_at, arm_length = (
        _HEADER.unpack_from(view)
    )
    if magic != MAGIC or version != VERSION:
        raise ParseError(f"not a version {VERSION} frame message")
    expected = _HEADER.size + arm_length + 3 * height * width + MAC_BYTES
    if view.nbytes != expected:
        raise ParseError(f"{view.nbytes} bytes where the header says {expected}")
    signed = expected - MAC_BYTES
    if not hmac.compare_digest(view[signed:], mac(key, view[:signed])):
        raise Foreign("not signed with this evaluator's token")
    body = _HEADER.size + arm_length
    try:
        kind, flags = Kind(kind), Flag(flags)
        arm = bytes(view[_HEADER.size : body]).decode("ascii")
    except ValueError as error:
        raise ParseError(f"unknown kind, flag or arm: {error}") from error
    if int(flags) > 3 or max(height, width) > MAX_SIDE or not _consistent(kind, flags, arm, height * width, frame_id):
        raise ParseError("fields contradict each other or exceed their limits")
    pixels = None
    if height * width:
        pixels = np.frombuffer(view[body:signed], np.uint8).reshape(height, width, 3)
    return FrameMessage(stream, sequence, kind, frame_id, arm, mode, flags, sent_at, displayed_at, pixels)


def _picture_size(pixels: np.ndarray | None) -> tuple[int, int]:
    if pixels is None:
        return 0, 0
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not 0 < pixels.size:
        raise InputError(f"pixels are {pixels.dtype} {pixels.shape}, wanted uint8 [height, width, 3]")
    height, width = pixels.shape[:2]
    if max(height, width) > MAX_SIDE:
        raise InputError(f"a {width}x{height} picture is beyond {MAX_SIDE} pixels a side; give a smaller video.size")
    return height, width


def _consistent(kind: Kind, flags: Flag, arm: str, pixels: int, frame_id: int) -> bool:
    if pixels > MAX_PIXELS or frame_id > MAX_FRAME_ID:
        return False
    if kind in (Kind.END, Kind.ASK):
        return not pixels and not arm and not flags
    if kind == Kind.REFERENCE:
        return pixels > 0 and not arm and not flags
    named = len(arm) <= MAX_ARM_BYTES and _ARM.fullmatch(arm) is not None and arm != "reference"
    return named and (pixels > 0) != (flags == Flag.LOST)
