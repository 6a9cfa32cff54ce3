"""Dump taps: any internal signal to a file, on request."""

from pathlib import Path

import numpy as np

from gvc.errors import InputError, LinkError


class Tap:
    """Appends arrays to a raw file of little-endian floats (`f32`) or complex floats (`cf32`), by the array's type.

    An empty path is a tap that does nothing. Raises InputError when the file cannot be made, LinkError when the disk
    is full.
    """

    def __init__(self, path: str | Path = ""):
        self.path = str(path)
        self._file = None
        if self.path:
            try:
                self._file = open(self.path, "wb")
            except OSError as error:
                raise InputError(f"dump file {self.path} cannot be written: {error.strerror}") from error

    def write(self, values: np.ndarray) -> None:
        """Append `values`, converted to complex64 or float32."""
        if self._file is None:
            return
        kind = np.complex64 if np.iscomplexobj(values) else np.float32
        try:
            self._file.write(np.ascontiguousarray(values, kind).data)
        except OSError as error:
            raise LinkError(f"dump file {self.path} cannot be written: {error.strerror}") from error

    def close(self) -> None:
        """Write out what is buffered; a second call does nothing."""
        if self._file is not None:
            file, self._file = self._file, None
            try:
                file.close()
            except OSError as error:
                raise LinkError(f"dump file {self.path} cannot be written: {error.strerror}") from error
