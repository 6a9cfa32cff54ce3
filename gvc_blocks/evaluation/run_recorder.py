"""Keeps what the receiver saw, for decoding by other arms, for reports and for training."""

from typing import NamedTuple

import numpy as np

from gvc.phy.frames import ReceivedBurst, ReceivedFrame, SymbolFrame
from gvc.phy.signal_probe import SignalProbe
from gvc.run import BURSTS_FILE, SIGNAL_FILE, SYMBOLS_FILE, RunFolder
from gvc_blocks.contents import DenoisedFrame
from gvc_blocks.guarded import GuardedBlock

RAW_FRAMES = 20
"""Frames of which the resource elements before the equaliser are kept."""


class Shape(NamedTuple):
    """What a decoder is told of a frame beside its symbols."""

    frame_id: int
    height: int
    width: int
    latents: int
    mode: int


class BurstRecord(NamedTuple):
    """One received burst; `channel` complex64 [rx_antennas, carriers] is the mean over its training symbols."""

    frame_id: int
    burst_index: int
    start_sample: int
    snr_db: float
    evm_db: float
    cfo_hz: float
    channel: np.ndarray


class RunRecorder(GuardedBlock):
    """Appends symbols and noise maps to files of a run folder; memory stays flat.

    Input message `sent` (optional): gvc.phy.SymbolFrame. Input message `received`: gvc.phy.ReceivedFrame, or
    DenoisedFrame from behind a denoiser.

    Args:
        folder: the run folder in the making.
        carriers: occupied carrier numbers of the waveform [K].
        sample_rate_hz: of the radio.
    """

    def __init__(self, folder: RunFolder, carriers: np.ndarray, sample_rate_hz: float):
        super().__init__("gvc run recorder")
        self.frames: list[Shape] = []
        self.bursts: list[BurstRecord] = []
        self.probes: dict[str, SignalProbe] = {}
        self._folder = folder
        self._carriers = carriers
        self._sample_rate_hz = sample_rate_hz
        self._true: dict[int, np.ndarray] = {}
        self._offsets = [0]
        self._raw: list[np.ndarray] = []
        kinds = {"equalised": np.complex64, "noise_map": np.float32, "true": np.complex64, "denoised": np.complex64}
        self._logs = {name: folder.log(name, kind) for name, kind in kinds.items()}
        self.receive("sent", self._sent, ends=False)
        self.receive("received", self._received)

    def symbols(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Equalised symbols and noise map of the `index`-th received frame."""
        part = slice(self._offsets[index], self._offsets[index + 1])
        return np.array(self._logs["equalised"].read()[part]), np.array(self._logs["noise_map"].read()[part])

    def truth(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Sent and denoised symbols of the `index`-th received frame; NaN where there are none."""
        part = slice(self._offsets[index], self._offsets[index + 1])
        return np.array(self._logs["true"].read()[part]), np.array(self._logs["denoised"].read()[part])

    def save(self) -> None:
        """Write symbols.npz, bursts.npz and what `probes` saw, signal.npz; remove the files they came from."""
        raw = np.concatenate(self._raw) if self._raw else np.zeros(0, np.complex64)
        self._folder.save(
            SYMBOLS_FILE,
            frame_id=np.array([shape.frame_id for shape in self.frames], np.int64),
            offsets=np.array(self._offsets, np.int64),
            received=raw,
            **{name: log.read() for name, log in self._logs.items()},
        )
        for log in self._logs.values():
            log.remove()
        antennas = self.bursts[0].channel.shape[0] if self.bursts else 1
        columns = {name: [getattr(burst, name) for burst in self.bursts] for name in BurstRecord._fields}
        starts = np.array(columns["start_sample"], np.int64)
        self._folder.save(
            BURSTS_FILE,
            frame_id=np.array(columns["frame_id"], np.int64),
            burst_index=np.array(columns["burst_index"], np.int64),
            start_sample=starts,
            time_s=starts / self._sample_rate_hz,
            snr_db=np.array(columns["snr_db"], float),
            evm_db=np.array(columns["evm_db"], float),
            cfo_hz=np.array(columns["cfo_hz"], float),
            channel=np.array(columns["channel"], np.complex64).reshape(-1, antennas, len(self._carriers)),
            carriers=self._carriers,
            sample_rate_hz=np.array(self._sample_rate_hz),
        )
        seen = {f"{name}_{key}": value for name, probe in self.probes.items() for key, value in probe.record().items()}
        self._folder.save(SIGNAL_FILE, **seen)

    def _sent(self, frame: SymbolFrame) -> None:
        self._true[frame.frame_id] = frame.symbols

    def _received(self, content: ReceivedFrame | DenoisedFrame) -> None:
        frame = content.received if isinstance(content, DenoisedFrame) else content
        unknown = np.full(len(frame.symbols), np.nan, np.complex64)
        true = self._true.pop(frame.frame_id, unknown)
        self._true = {frame_id: symbols for frame_id, symbols in self._true.items() if frame_id > frame.frame_id}
        self._logs["equalised"].append(frame.symbols)
        self._logs["noise_map"].append(frame.noise_map)
        self._logs["true"].append(true)
        self._logs["denoised"].append(content.symbols if isinstance(content, DenoisedFrame) else unknown)
        self._offsets.append(self._offsets[-1] + len(frame.symbols))
        for burst in frame.bursts:
            if burst.raw is not None and len(self.frames) < RAW_FRAMES:
                self._raw.append(burst.raw[0].ravel())
            self.bursts.append(_record(frame.frame_id, burst))
        self.frames.append(Shape(frame.frame_id, frame.height, frame.width, frame.latents, frame.mode))


def _record(frame_id: int, burst: ReceivedBurst) -> BurstRecord:
    channel = burst.channel.mean(axis=1)
    return BurstRecord(
        frame_id, burst.header.fragment, burst.start_sample, burst.snr_db, burst.evm_db, burst.cfo_hz, channel
    )
