"""The whole chain in one flowgraph: clip, encoder, bursts, channel, receiver, denoiser, decoder, evaluator."""

import numpy as np
from gnuradio import gr

from flowgraphs import stages
from gvc.config import LinkConfig
from gvc.phy.assembler import FrameAssembler
from gvc.phy.frames import SymbolFrame
from gvc.phy.numerology import Numerology
from gvc.phy.offline import receiver_parameters
from gvc.phy.receiver import BurstReceiver as Demodulator
from gvc.phy.transmitter import BurstTransmitter as Modulator
from gvc.run import RunFolder
from gvc_blocks import flow
from gvc_blocks.evaluation.run_recorder import RunRecorder
from gvc_blocks.evaluation.zmq_video_sink import ZmqVideoSink
from gvc_blocks.flight import Flight


class LinkGraph(gr.top_block):
    """A link over a simulated channel.

    Args:
        config: of the link.
        clip: path or bare name.
        seed: root seed of the channel.
        frames: how many; 0 for the whole clip.
        arm: `jscc`, or `jscc+cddm` with the denoiser; any arm that the models know.
        paced: the source keeps the clip's own frame rate.
        endpoint: of the evaluator; empty for none.
        recording: run folder in the making for symbols and bursts; None to record nothing.

    Raises InputError and its kin for what the configuration, the clip or the weights have wrong.
    """

    def __init__(
        self,
        config: LinkConfig,
        clip: str,
        seed: int = 1,
        frames: int = 0,
        arm: str = "jscc+cddm",
        paced: bool = False,
        endpoint: str = "",
        recording: RunFolder | None = None,
    ):
        gr.top_block.__init__(self, "gvc link")
        stages.check_taps(config)
        self.flow = flow.fresh()
        self.config = config
        self.arm = arm
        self.source = stages.source(config, clip, frames, paced)
        self.encoder = stages.encoder(config)
        self.transmitter = stages.transmitter(config, paced)
        self.channel = stages.channel(config, seed)
        self.receiver = stages.receiver(config, keep_raw=recording is not None)
        self.denoiser = stages.denoiser(config, arm)
        self.trainer = stages.trainer(config, self.denoiser, arm, seed)
        self.decoder = stages.decoder(config, arm, self.denoiser)
        self.sink = ZmqVideoSink(endpoint, arm, finish=False)
        self.recorder = None
        self.flight = Flight(self._drained)
        for block in (self.source, self.transmitter, self.receiver, self.sink):
            block.flight = self.flight

        self.msg_connect(self.source, "frames", self.encoder, "frames")
        self.msg_connect(self.source, "frames", self.sink, "reference")
        self.msg_connect(self.encoder, "symbols", self.transmitter, "symbols")
        self.connect(self.transmitter, self.channel)
        for antenna in range(config.phy.rx_antennas):
            self.connect((self.channel, antenna), (self.receiver, antenna))
        received = self.receiver
        if self.denoiser is not None:
            self.msg_connect(self.receiver, "symbols", self.denoiser, "symbols")
            received = self.denoiser
        if self.trainer is not None:
            self.msg_connect(self.receiver, "symbols", self.trainer, "symbols")
        self.msg_connect(received, "symbols", self.decoder, "symbols")
        self.msg_connect(self.decoder, "frames", self.sink, "frames")
        if recording is not None:
            carriers = Numerology.load(config.phy.numerology).carriers
            self.recorder = RunRecorder(recording, carriers, config.sample_rate_hz)
            self.msg_connect(self.encoder, "symbols", self.recorder, "sent")
            self.msg_connect(received, "symbols", self.recorder, "received")

    def _drained(self) -> bool:
        """Whether the receiver has read every sample sent."""
        return (
            self.transmitter.nitems_written(0) == self.channel.nitems_read(0)
            and not self.channel.holding
            and self.channel.nitems_written(0) == self.receiver.nitems_read(0)
        )

    def rehearse(self) -> None:
        """Send one grey picture past the graph, through every stage: compilation and allocation happen here, not in the
        timed run. Stages with memory are stood in for by fresh ones.
        """
        width, height = self.source.clip.size
        symbols = self.encoder.encoder.encode(np.full((height, width, 3), 128, np.uint8))
        latents = self.encoder.encoder.latents
        waveform = Numerology.load(self.config.phy.numerology)
        modulator = Modulator(waveform)
        bursts = modulator.bursts(SymbolFrame(0, symbols, height, width, latents, last=True))
        samples = np.concatenate([*bursts, modulator.flush_samples()])
        parameters = {**receiver_parameters(self.config), "numerology": waveform}
        demodulator, assembler = Demodulator(**parameters), FrameAssembler(waveform)
        for burst in demodulator.push(np.stack([samples] * self.config.phy.rx_antennas)):
            assembler.push(burst)
        noise_map = np.full(len(symbols), 0.1, np.float32)
        if self.denoiser is not None:
            symbols = self.denoiser.denoiser.denoise(symbols, noise_map, height, width, latents)
        for decoder in {self.decoder.decoder, self.decoder.plain}:
            decoder.decode(symbols, noise_map, height, width, latents)

    def timings(self) -> list[dict[str, float | str]]:
        """CPU seconds a frame of every block, by its thread's own clock."""
        frames = max(1, self.source.sent)
        return [
            {"stage": block.name().removeprefix("gvc "), "cpu_seconds_per_frame": block.cpu_seconds / frames}
            for block in self.flow.blocks
        ]
