"""A stream of samples to frames of symbols with their noise map."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gvc.phy.identity import Expected
from gvc.phy.numerology import Numerology
from gvc.phy.receiver.assembler import FrameAssembler
from gvc.phy.receiver.receiver import BurstReceiver as Demodulator
from gvc.phy.signal_probe import SignalProbe
from gvc_blocks.runtime.feedback import Feedback
from gvc_blocks.runtime.flight import Flight
from gvc_blocks.runtime.guarded import WORK_DONE, GuardedBlock
from gvc_blocks.runtime.tap import Tap

BUFFER_SAMPLES = 65536


class BurstReceiver(GuardedBlock):
    """Detection, synchronisation, channel estimation, equalisation, assembly of frames.

    Input: `rx_antennas` complex streams. Output message `symbols`: gvc.phy.ReceivedFrame. While the decoder is busy the
    block does not read on, and the samples wait in the stream's buffer.

    Args:
        numerology: name or YAML path of the waveform.
        synchroniser, channel_estimator, equaliser: registry names or package.module:Class; an empty synchroniser is
            the numerology's.
        rx_antennas: number of inputs.
        center_frequency_hz: of the radio; relates sampling offset and CFO.
        one_oscillator: the sampling offset follows from the CFO.
        expected: what the decoder takes; other bursts are counted as foreign. None for everything.
        keep_raw: keep resource elements before the equaliser in the bursts.
        options: by strategy (synchroniser, ...) the further arguments of its constructor.
        dump_symbols, dump_noise_map: files for the equalised symbols (cf32) and their noise map (f32).
    """

    def __init__(
        self,
        numerology: str = "ofdm64",
        synchroniser: str = "",
        channel_estimator: str = "dft-smoothed",
        equaliser: str = "mmse",
        rx_antennas: int = 1,
        center_frequency_hz: float = 2.4e9,
        one_oscillator: bool = True,
        keep_raw: bool = False,
        expected: Expected | None = None,
        dump_symbols: str = "",
        dump_noise_map: str = "",
        options: Mapping[str, Mapping[str, Any]] | None = None,
    ):
        super().__init__("gvc burst receiver", [np.complex64] * rx_antennas, None)
        waveform = Numerology.load(numerology)
        self.demodulator = Demodulator(
            waveform,
            synchroniser,
            channel_estimator,
            equaliser,
            rx_antennas,
            center_frequency_hz,
            one_oscillator,
            keep_raw=keep_raw,
            options=options,
        )
        self.assembler = FrameAssembler(waveform, expected)
        self.flight: Flight | None = None
        self.feedback: Feedback | None = None
        self._over = False
        self._taps = Tap(dump_symbols), Tap(dump_noise_map)
        self.probe = SignalProbe()
        self.send_on("symbols")

    def process(self, inputs: list[np.ndarray], outputs: list[np.ndarray]) -> int:
        if self._over:
            return WORK_DONE if self.flow.finished.wait(0.25) else 0
        count = min(len(samples) for samples in inputs)
        over = self.ends_within(count)
        self.probe.add(inputs[0][:count])
        for burst in self.demodulator.push(np.stack([samples[:count] for samples in inputs])):
            self._pass_on(self.assembler.push(burst))
        if not over:
            self.consume_each(count)
            return 0
        self._pass_on(self.assembler.flush())
        for tap in self._taps:
            tap.close()
        self.end()
        # The last sample stays unread until all frames are through: GNU Radio would tell the blocks behind to finish as
        # soon as this one has, before they have handled what waits in their queues.
        self._over = True
        self.consume_each(count - 1)
        return 0

    def _pass_on(self, frames: list) -> None:
        for frame in frames:
            if self.flight:
                self.flight.landed(frame.frame_id)
            if self.feedback:
                self.feedback.report(frame.frame_id, frame.snr_db)
            self._taps[0].write(frame.symbols)
            self._taps[1].write(frame.noise_map)
            self.publish("symbols", frame, bursts_received=frame.bursts_received, bursts_expected=frame.bursts_expected)
