"""Arrays out of npz files: the content, never objects, or a typed error that names the file, within bounds."""

import zipfile
from pathlib import Path

import numpy as np

from gvc.errors import InputError

FREE_BYTES = 64 << 20
MOST_EXPANSION = 8
"""Arrays may take FREE_BYTES, or so many times the bytes of their file: what `np.savez` writes takes as many."""


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an npz file by name, never objects.

    Raises InputError: unreadable, damaged, or expanding beyond the bounds above.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            expanded, most = sum(m.file_size for m in members), max(FREE_BYTES, MOST_EXPANSION * path.stat().st_size)
            if expanded > most:
                raise InputError(f"{path} would take {expanded} bytes of memory, more than the {most} that it may")
            return {member.filename.removesuffix(".npy"): _array(archive, member) for member in members}
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:
        # Damaged zip archives fail in many ways.
        raise InputError(f"{path} is damaged: {error}") from error


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """One array; its header is believed only as far as the bytes reach."""
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, by_columns, dtype = read_header[version](file)
        if dtype.hasobject or min(shape, default=0) < 0:
            raise ValueError(f"'{member.filename}' holds objects, or has the shape {shape}")
        data = bytearray(file.read())
    array = np.frombuffer(data, dtype)
    return array.reshape(shape[::-1]).T if by_columns else array.reshape(shape)
