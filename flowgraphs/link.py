"""The whole chain in one flowgraph: clip, encoder, bursts, channel, receiver, denoiser, decoder, evaluator."""

import functools
from typing import Any

import numpy as np
from gnuradio import gr

from flowgraphs import stages
from gvc.coding.arms import bind
from gvc.coding.scheme import ReceivedSlot
from gvc.config import LinkConfig
from gvc.phy.identity import stream_of
from gvc.phy.numerology import Numerology
from gvc.phy.receiver.assembler import FrameAssembler
from gvc.phy.receiver.genie import true_magnitude
from gvc.phy.receiver.receiver import BurstReceiver as Demodulator
from gvc.phy.transmitter import BurstTransmitter as Modulator
from gvc.simulation.offline import receiver_parameters
from gvc.storage.run_folder import RunFolder
from gvc_blocks.evaluation.run_recorder import RunRecorder
from gvc_blocks.evaluation.zmq_video_sink import ZmqVideoSink
from gvc_blocks.runtime import flow
from gvc_blocks.runtime.credit import MAX_IN_FLIGHT
from gvc_blocks.runtime.flight import Flight


class LinkGraph(gr.top_block):
    """A link over a simulated channel.

    Args:
        config: of the link.
        clip: path or bare name.
        seed: root seed of the channel.
        frames: how many; 0 for the whole clip.
        arm: of `gvc.coding.arms`, such as `jscc`, `jscc+cddm` with the denoiser, or `av1+ldpc`.
        paced: the source keeps the clip's own frame rate.
        endpoint: of the evaluator; empty for none.
        recording: run folder in the making for symbols and bursts; None to record nothing.
        keep, keep_symbols: see `RunRecorder`.

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
        keep: int = 0,
        keep_symbols: bool = False,
    ):
        gr.top_block.__init__(self, "gvc link")
        self.flow = flow.fresh()
        self.config = config
        self.arm = arm
        self.source = stages.source(config, clip, frames, paced)
        stream = stream_of(seed, clip, frames, arm, config.model_dump_json())
        # One for each end: they share nothing but the air.
        fps = self.source.clip.fps
        sending = bind(arm, config, fps).load(receiving=False)
        receiving = bind(arm, config, fps).load(sending=False)
        self.encoder = stages.encoder(config, sending)
        self.transmitter = stages.transmitter(config, sending, stream, paced)
        self.channel = stages.channel(config, seed)
        self.receiver = stages.receiver(config, receiving, keep_raw=recording is not None)
        self.denoiser = stages.denoiser(config, receiving)
        self.trainer = stages.trainer(config, receiving, seed)
        self.decoder = stages.decoder(config, receiving)
        # A segment leaves when its last picture is in, and the next one waits for what was fed back of it.
        self.flight = Flight(self._drained, MAX_IN_FLIGHT + 2 * (sending.segment_frames - 1))
        if sending.uses_feedback:
            self.encoder.feedback = self.receiver.feedback = stages.feedback(config)
        self.sink = ZmqVideoSink(endpoint, arm, finish=False)
        self.recorder = None
        for block in (self.source, self.transmitter, self.receiver, self.decoder, self.sink):
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
            waveform = Numerology.load(config.phy.numerology)
            self.recorder = RunRecorder(recording, waveform.carriers, config.sample_rate_hz, keep, keep_symbols)
            if hasattr(self.channel.channel, "genie_taps"):
                self.recorder.true_magnitude = functools.partial(true_magnitude, waveform, self.channel.channel)
            self.recorder.probes = {"sent": self.transmitter.probe, "received": self.receiver.probe}
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
        grey = np.full((1, height, width, 3), 128, np.uint8)
        (sent,) = self.encoder.frames(grey, self.config.model.design_snr_db, last=True)
        waveform = Numerology.load(self.config.phy.numerology)
        modulator = Modulator(waveform)
        samples = np.concatenate([*modulator.bursts(sent), modulator.flush_samples()])
        parameters = {**receiver_parameters(self.config), "numerology": waveform}
        demodulator, assembler = Demodulator(**parameters), FrameAssembler(waveform)
        hit = samples.copy()  # by a pulse, so that the receiver reads it anew
        hit[len(hit) // 2 :][: waveform.symbol_samples] *= -4
        for burst in demodulator.push(np.stack([np.concatenate([samples, hit])] * self.config.phy.rx_antennas)):
            assembler.push(burst)
        noise_map = np.full(len(sent.symbols), 0.1, np.float32)
        self.decoder.arm.rehearse(ReceivedSlot(sent.symbols, noise_map, sent.payload_type, sent.mode), height, width)

    def timings(self) -> list[dict[str, Any]]:
        """CPU seconds a frame of every block, by its thread's own clock."""
        frames = max(1, self.source.sent)
        return [
            {"stage": block.name().removeprefix("gvc "), "cpu_seconds_per_frame": block.cpu_seconds / frames}
            for block in self.flow.blocks
        ]
