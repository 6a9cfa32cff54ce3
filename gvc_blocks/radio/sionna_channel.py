"""The simulated air, as strict as the real one."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gvc import registry
from gvc_blocks.runtime.guarded import GuardedBlock
from gvc_blocks.runtime.tap import Tap

BUFFER_SAMPLES = 65536
_CHUNK = 16384


class SionnaChannel(GuardedBlock):
    """Any channel of the registry as a stream: fading, CFO, sampling offset, delay, noise before and after bursts.

    Input: complex stream, mean power 1 during a burst. Output: `rx_antennas` complex streams. Tags are dropped: a
    length tag that reached the receiver would make a simulation pass for the wrong reason. Only the mark of the
    stream's end is set anew on the last sample. Output and input lengths differ by the delay, and by what the sampling
    offset adds or takes.

    Args:
        channel: registry name (awgn, rayleigh-block, blockage, impaired, tdl-a to tdl-e) or package.module:Class.
        sample_rate_hz, center_frequency_hz: of the radio.
        snr_db: mean Es/N0 per occupied resource element; None for no noise.
        seed: root seed.
        rx_antennas: number of outputs.
        cfo_hz: carrier frequency offset. sro_ppm: sampling offset, None follows the CFO. delay_samples: >= 0.
        occupied_fraction: occupied carriers over FFT size of the waveform.
        speed_mps, delay_spread_s: of fading channels, None for their default.
        options: further keyword arguments of the channel.
        dump_path: file for the first antenna's samples, cf32.
    """

    def __init__(
        self,
        channel: str = "awgn",
        sample_rate_hz: float = 1e6,
        center_frequency_hz: float = 2.4e9,
        snr_db: float | None = 12.0,
        seed: int = 1,
        rx_antennas: int = 1,
        cfo_hz: float = 0.0,
        sro_ppm: float | None = None,
        delay_samples: float = 0.0,
        occupied_fraction: float = 52 / 64,
        speed_mps: float | None = None,
        delay_spread_s: float | None = None,
        options: Mapping[str, Any] | None = None,
        dump_path: str = "",
    ):
        super().__init__("gvc channel", [np.complex64], [np.complex64] * rx_antennas)
        self.set_min_output_buffer(BUFFER_SAMPLES)
        self.channel = registry.create(
            "channel",
            channel,
            options,
            sample_rate_hz=sample_rate_hz,
            center_frequency_hz=center_frequency_hz,
            snr_db=snr_db,
            seed=seed,
            rx_antennas=rx_antennas,
            cfo_hz=cfo_hz,
            sro_ppm=sro_ppm,
            delay_samples=delay_samples,
            occupied_fraction=occupied_fraction,
            speed_mps=speed_mps,
            delay_spread_s=delay_spread_s,
        )
        self._tap = Tap(dump_path)
        self._ready = np.zeros((rx_antennas, 0), np.complex64)
        self._flushed = False

    @property
    def holding(self) -> bool:
        """Whether samples wait inside for room at the output."""
        return self._ready.shape[1] > 0

    def process(self, inputs: list[np.ndarray], outputs: list[np.ndarray]) -> int:
        if not self._ready.shape[1] and not self._flushed:
            self._propagate(inputs[0][:_CHUNK])
        count = min(self._ready.shape[1], *(len(output) for output in outputs))
        for output, samples in zip(outputs, self._ready, strict=True):
            output[:count] = samples[:count]
        self._ready = self._ready[:, count:]
        if self._flushed and not self._ready.shape[1]:
            for port in range(len(outputs)):
                self.mark_end(self.nitems_written(port) + count - 1, port)
            self.consume(0, 1)
            self._tap.close()
            self.end()
        return count

    def _propagate(self, samples: np.ndarray) -> None:
        received = self.channel.process(samples)
        consumed = len(samples)
        if self.ends_within(consumed):
            # The last sample stays in the buffer until all is out: without input the scheduler would not call again.
            received = np.concatenate([received, self.channel.flush()], axis=1)
            self._flushed = True
            consumed -= 1
        self._tap.write(received[0])
        self._ready = received
        if consumed:
            self.consume(0, consumed)
