"""Run as a script: our blocks before stock ones, ended by `flowgraphs.runner` as the first argument says.

throttle FILE: transmitter, throttle, file sink; prints the samples sent. never FILE: a stock source that never ends
stands beside; prints what the runner says.
"""

import sys

import numpy as np
from gnuradio import analog, blocks, gr

from flowgraphs import runner
from gvc_blocks.runtime import flow
from tests.blocks.failing_graph import Modulator, Source

CHUNKS = 4


class Many(Modulator):
    """A transmitter of `CHUNKS` times 1,000 samples a message."""

    left = CHUNKS

    def process(self, inputs, outputs) -> int:
        if not self.queue:
            return super().process(inputs, outputs)
        if len(outputs[0]) < 1000:
            return 0
        outputs[0][:1000] = self.queue[0].content.frame_id
        self.left -= 1
        if not self.left:
            self.left = CHUNKS
            self.queue.pop(0).release()
        return 1000


def main() -> None:
    way, path = sys.argv[1:]
    shared = flow.fresh()
    top = gr.top_block()
    top.source, top.modulator = Source("well"), Many("well")
    top.throttle = blocks.throttle(gr.sizeof_gr_complex, 32_000)
    top.file = blocks.file_sink(gr.sizeof_gr_complex, path)
    top.msg_connect(top.source, "frames", top.modulator, "frames")
    top.connect(top.modulator, top.throttle, top.file)
    if way == "never":
        top.endless, top.null = analog.sig_source_c(1e6, analog.GR_CONST_WAVE, 0, 1), blocks.null_sink(8)
        top.connect(top.endless, top.null)
    runner.run(top, shared, drain_s=1.0 if way == "never" else 30.0)
    top.file.close()
    print(top.modulator.nitems_written(0), np.fromfile(path, np.complex64).size)


if __name__ == "__main__":
    main()
