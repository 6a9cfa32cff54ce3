"""Frames of symbols to a stream of bursts."""

from collections import deque

import numpy as np

from gvc.phy.numerology import Numerology
from gvc.phy.signal_probe import SignalProbe
from gvc.phy.transmitter import BurstTransmitter as Modulator
from gvc_blocks.runtime.flight import Flight
from gvc_blocks.runtime.guarded import WORK_DONE, GuardedBlock, HeldParcel
from gvc_blocks.runtime.tap import Tap

BUFFER_SAMPLES = 65536


class BurstTransmitter(GuardedBlock):
    """Framing, OFDM modulation and peak limiting; silence follows the last burst so that it comes out whole.

    Input message `symbols`: gvc.phy.SymbolFrame. Output: complex stream, mean power 1 during a burst.
    A frame's credit goes back when its last sample has left.

    Args:
        numerology: name or YAML path of the waveform.
        idle_samples: silence after each frame, as an antenna sends while its source waits. Without it a frame that is
            followed by nothing stays in the delays of channel and receiver until the next one pushes it out. It is no
            part of `samples_sent`.
        dump_path: file for the samples, cf32; empty for none.
        stream: identity of this transmission, 0 to 65535. coder: what made the symbols, 0 to 4095.
    """

    def __init__(
        self,
        numerology: str = "ofdm64",
        idle_samples: int = 0,
        dump_path: str = "",
        stream: int = 0,
        coder: int = 0,
    ):
        super().__init__("gvc burst transmitter", None, [np.complex64])
        self.set_min_output_buffer(BUFFER_SAMPLES)
        self.modulator = Modulator(Numerology.load(numerology), stream=stream, coder=coder)
        self.flight: Flight | None = None
        self.samples_sent = 0
        self.payload_symbols = 0
        self.energy = 0.0
        self._idle = np.zeros(idle_samples, np.complex64)
        self._tap = Tap(dump_path)
        self.probe = SignalProbe()
        self._waiting: deque[HeldParcel] = deque()
        self._current: HeldParcel | None = None
        self._samples = np.zeros(0, np.complex64)
        self._input_over = False
        self._closing = False
        self.receive("symbols", self._waiting.append, hold=True)

    def at_end(self) -> None:
        self._input_over = True

    def process(self, inputs: list[np.ndarray], outputs: list[np.ndarray]) -> int:
        if not len(self._samples) and not self._next():
            return WORK_DONE if self._closing else 0
        count = min(len(outputs[0]), len(self._samples))
        outputs[0][:count] = self._samples[:count]
        self._samples = self._samples[count:]
        if not len(self._samples):
            self._sent()
        if self._closing and not len(self._samples):
            self.mark_end(self.nitems_written(0) + count - 1)
            self._tap.close()
            self.end()
        return count

    def _next(self) -> bool:
        """Take up the next frame, or the closing silence; False when there is nothing to send now."""
        if self._waiting:
            self._current = self._waiting.popleft()
            frame = self._current.content
            self._samples = np.concatenate([*self.modulator.bursts(frame), self._idle])
            self.samples_sent += len(self._samples) - len(self._idle)
            self.payload_symbols += len(frame.symbols)
            self.energy += float(np.vdot(self._samples, self._samples).real)
        elif self._input_over and not self._closing:
            self._closing = True
            self._samples = self.modulator.flush_samples()
            self.samples_sent += len(self._samples)
        else:
            # Whoever publishes to this block sets `wake`; the handler runs between two calls.
            if not self._closing:
                self.wake.wait(0.25)
                self.wake.clear()
            return False
        self._tap.write(self._samples)
        self.probe.add(self._samples)
        return True

    def _sent(self) -> None:
        if self._current is not None:
            self._current.release()
            if self.flight:
                self.flight.transmitted(self._current.content.frame_id)
            self._current = None
