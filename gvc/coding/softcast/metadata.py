"""What a softcast receiver must know: means of the colours, a scale, which chunks are sent, and their variances."""

import struct
import zlib

import numpy as np

from gvc.errors import ParseError

STEP = 1.0
"""Of the binary logarithm of a chunk's standard deviation."""
LOWEST, LARGEST = 3, 24
_HEADER = struct.Struct("<eeeeI")


def quantise(deviations: np.ndarray) -> np.ndarray:
    """Standard deviations [k] -> levels uint8 [k], 1 to LARGEST."""
    return np.clip(np.round(np.log2(np.maximum(deviations, 1e-6)) / STEP) + LOWEST, 1, LARGEST).astype(np.uint8)


def deviations(levels: np.ndarray) -> np.ndarray:
    """Levels -> standard deviations float32 [k]."""
    return (2.0 ** ((levels.astype(np.float32) - LOWEST) * STEP)).astype(np.float32)


def pack(means: np.ndarray, scale: float, levels: np.ndarray) -> bytes:
    """Means float [3], the factor of all gains, and levels uint8 [chunks], 0 for a chunk that is not sent."""
    last = int(np.max(np.flatnonzero(levels), initial=-1)) + 1
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_FILTERED)
    # Neighbours differ little.
    steps = np.diff(levels[:last], prepend=np.uint8(0))
    return _HEADER.pack(*means.tolist(), scale, last) + squeeze.compress(steps.tobytes()) + squeeze.flush()


def unpack(data: bytes, chunks: int) -> tuple[np.ndarray, float, np.ndarray]:
    """Means float32 [3], the factor and levels uint8 [chunks] from packed bytes, which zeros may follow.

    Raises ParseError for bytes that are none, in bounded memory.
    """
    if len(data) < _HEADER.size:
        raise ParseError(f"softcast metadata of {len(data)} bytes")
    *means, scale, last = _HEADER.unpack_from(data)
    try:
        content = zlib.decompressobj(-15).decompress(data[_HEADER.size :], chunks + 1)
    except zlib.error as error:
        raise ParseError(f"softcast metadata cannot be unpacked: {error}") from error
    if last > chunks or len(content) != last or not np.isfinite([*means, scale]).all():
        raise ParseError(f"softcast metadata of {len(content)} levels for {last} of {chunks} chunks")
    levels = np.zeros(chunks, np.uint8)
    levels[:last] = np.cumsum(np.frombuffer(content, np.uint8), dtype=np.uint8)
    if levels.max(initial=0) > LARGEST:
        raise ParseError("softcast metadata: a level out of range")
    return np.array(means, np.float32), scale, levels
