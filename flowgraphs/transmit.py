"""A clip to what the antenna sends, in a file."""

from gnuradio import gr

from flowgraphs import stages
from gvc.coding.arms import bind
from gvc.config import LinkConfig
from gvc.phy.identity import stream_of
from gvc_blocks.radio.sample_file_sink import SampleFileSink
from gvc_blocks.runtime import flow


class TransmitGraph(gr.top_block):
    """Clip, encoder, burst transmitter, file. No channel is applied.

    Args:
        config: of the link.
        clip: path or bare name.
        path: .cf32 or .sigmf-data.
        frames: how many; 0 for the whole clip.
        arm: whose encoder; JSCC arms share one. There is no feedback here: every arm designs for `model.design_snr_db`.
        seed: root seed, of the stream's identity.
        scale: factor of every sample; 0 scales the whole file so that its peak is 1.
    """

    def __init__(
        self,
        config: LinkConfig,
        clip: str,
        path: str,
        frames: int = 0,
        arm: str = "jscc",
        seed: int = 1,
        scale: float = 1.0,
    ):
        gr.top_block.__init__(self, "gvc tx")
        self.flow = flow.fresh()
        self.source = stages.source(config, clip, frames, paced=False)
        bound = bind(arm, config, self.source.clip.fps).load(receiving=False)
        self.encoder = stages.encoder(config, bound)
        stream = stream_of(seed, clip, frames, arm, config.model_dump_json())
        self.transmitter = stages.transmitter(config, bound, stream)
        self.sink = SampleFileSink(path, config.sample_rate_hz, config.center_frequency_hz, scale)
        self.msg_connect(self.source, "frames", self.encoder, "frames")
        self.msg_connect(self.encoder, "symbols", self.transmitter, "symbols")
        self.connect(self.transmitter, self.sink)
