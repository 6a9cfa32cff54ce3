"""What the antenna would send, to a file."""

import numpy as np

from gvc.storage.recording import SampleWriter
from gvc_blocks.runtime.guarded import WORK_DONE, GuardedBlock


class SampleFileSink(GuardedBlock):
    """Writes a complex stream to raw cf32 or SigMF; a file that did not come to its end is removed.

    Input: complex stream.

    Args:
        path: name ending in .cf32 or .sigmf-data.
        sample_rate_hz, center_frequency_hz: for the metadata.
        scale: factor of every sample; 0 scales the whole file so that its peak is 1.

    Raises InputError when the file cannot be made.
    """

    def __init__(self, path: str, sample_rate_hz: float = 1e6, center_frequency_hz: float = 2.4e9, scale: float = 1.0):
        super().__init__("gvc sample file sink", [np.complex64], None)
        self.writer = SampleWriter(path, sample_rate_hz, center_frequency_hz, scale=scale or None)

    def process(self, inputs: list[np.ndarray], outputs: list[np.ndarray]) -> int:
        count = len(inputs[0])
        over = self.ends_within(count)
        self.writer.write(inputs[0])
        self.consume(0, count)
        if over:
            self.writer.commit()
            return WORK_DONE
        return 0

    def stop(self) -> bool:
        self.writer.close()
        return True
