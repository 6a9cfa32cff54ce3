"""What an antenna has received, from a file."""

import numpy as np

from gvc.storage.recording import SampleReader
from gvc_blocks.runtime.guarded import WORK_DONE, GuardedBlock

BUFFER_SAMPLES = 65536


class SampleFileSource(GuardedBlock):
    """Reads a recording, raw cf32 or SigMF, as fast as it is taken.

    Output: complex stream; silence of `padding` samples follows, so that a burst at the file's very end comes out.

    Args:
        path: name ending in .cf32 or one of SigMF's endings.
        sample_rate_hz: what the recording's metadata must say; None not to look.
        padding: samples of silence after the last.
        center_frequency_hz: the radio's; a recording of another one is read with a warning. None not to look.

    Raises InputError when the recording cannot be read; see gvc.storage.recording.
    """

    def __init__(
        self,
        path: str,
        sample_rate_hz: float | None = None,
        padding: int = 4096,
        center_frequency_hz: float | None = None,
    ):
        super().__init__("gvc sample file source", None, [np.complex64])
        self.set_min_output_buffer(BUFFER_SAMPLES)
        self.reader = SampleReader(path, sample_rate_hz, center_frequency_hz)
        self.samples = self.reader.samples
        self._left = self.reader.samples + padding
        self._chunks = iter(self.reader)
        self._chunk = np.zeros(0, np.complex64)
        self._silence = np.zeros(4096, np.complex64)

    def process(self, inputs: list[np.ndarray], outputs: list[np.ndarray]) -> int:
        if not self._left:
            return WORK_DONE
        if not len(self._chunk):
            self._chunk = next(self._chunks, self._silence)
        count = min(len(outputs[0]), len(self._chunk), self._left)
        outputs[0][:count] = self._chunk[:count]
        self._chunk = self._chunk[count:]
        self._left -= count
        if not self._left:
            self.mark_end(self.nitems_written(0) + count - 1)
            self.end()
        return count
