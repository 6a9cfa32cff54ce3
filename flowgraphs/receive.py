"""Recorded samples to pictures."""

from gnuradio import gr

from flowgraphs import stages
from gvc.coding.arms import bind
from gvc.config import LinkConfig
from gvc.errors import ConfigError
from gvc.phy.numerology import Numerology
from gvc.storage.run_folder import RunFolder
from gvc_blocks.evaluation.png_video_sink import PngVideoSink
from gvc_blocks.evaluation.run_recorder import RunRecorder
from gvc_blocks.radio.sample_file_source import SampleFileSource
from gvc_blocks.runtime import flow


class ReceiveGraph(gr.top_block):
    """File, burst receiver, denoiser, decoder, folder of pictures. The picture size comes from the burst headers.

    Args:
        config: of the link; nothing of its channel is used.
        path: recording, raw cf32 or SigMF.
        folder: run folder in the making; pictures go to its `frames`.
        arm: which receiver decodes: the transmitter's, or one that shares its symbols.
    """

    def __init__(self, config: LinkConfig, path: str, folder: RunFolder, arm: str = "jscc+cddm"):
        gr.top_block.__init__(self, "gvc rx")
        if config.phy.rx_antennas != 1:
            raise ConfigError(
                f"phy.rx_antennas is {config.phy.rx_antennas}: a recording holds one antenna; set it to 1"
            )
        self.flow = flow.fresh()
        self.source = SampleFileSource(path, config.sample_rate_hz, center_frequency_hz=config.center_frequency_hz)
        bound = bind(arm, config).load(sending=False)
        self.receiver = stages.receiver(config, bound, keep_raw=True)
        self.denoiser = stages.denoiser(config, bound)
        self.trainer = stages.trainer(config, bound)
        self.decoder = stages.decoder(config, bound)
        pictures = folder.path / "frames"
        pictures.mkdir()
        self.sink = PngVideoSink(str(pictures))
        self.recorder = RunRecorder(folder, Numerology.load(config.phy.numerology).carriers, config.sample_rate_hz)
        self.recorder.probes = {"received": self.receiver.probe}
        self.connect(self.source, self.receiver)
        received = self.receiver
        if self.denoiser is not None:
            self.msg_connect(self.receiver, "symbols", self.denoiser, "symbols")
            received = self.denoiser
        if self.trainer is not None:
            self.msg_connect(self.receiver, "symbols", self.trainer, "symbols")
        self.msg_connect(received, "symbols", self.decoder, "symbols")
        self.msg_connect(received, "symbols", self.recorder, "received")
        self.msg_connect(self.decoder, "frames", self.sink, "frames")
