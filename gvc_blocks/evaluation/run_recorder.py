"""Keeps what the receiver saw, for decoding by other arms, for reports and for training."""

import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from gvc.decibel import RunningMedian
from gvc.phy.frames import ReceivedBurst, ReceivedFrame, SymbolFrame
from gvc.phy.signal_probe import SignalProbe
from gvc.storage.run import BURSTS_FILE, SIGNAL_FILE, SYMBOLS_FILE
from gvc.storage.run_folder import ArrayLog, RunFolder
from gvc_blocks.runtime.contents import DenoisedFrame
from gvc_blocks.runtime.guarded import GuardedBlock

RAW_FRAMES = 20
"""Frames of which the resource elements before the equaliser are kept."""


WAITING = 256
"""Frames sent and not received whose symbols are held; with more, the first will not come."""
_KINDS = {"equalised": np.complex64, "noise_map": np.float32, "true": np.complex64, "denoised": np.complex64}


class RecordedFrame(NamedTuple):
    """What a decoder is told of a frame beside its symbols. slot: its place in its segment of `slots`."""

    frame_id: int
    height: int
    width: int
    latents: int
    mode: int
    payload_type: int
    slot: int
    slots: int


class Frames(Sequence[RecordedFrame]):
    """The recorded frames, read from the disk one at a time."""

    def __init__(self, log: ArrayLog):
        self._log = log

    def __len__(self) -> int:
        return len(self._log.read()) // len(RecordedFrame._fields)

    def __getitem__(self, index: Any) -> Any:
        rows = self._log.read().reshape(-1, len(RecordedFrame._fields))
        if isinstance(index, slice):
            return [RecordedFrame(*map(int, row)) for row in rows[index]]
        return RecordedFrame(*map(int, rows[index]))


class RunRecorder(GuardedBlock):
    """Appends symbols, noise maps and what is known of bursts to files of a run folder; memory stays flat.

    Of the first `keep` frames all is recorded; of later ones the symbols only with `keep_symbols`, until `save`.
    `frames_received`, `bursts_received`, `snr_est_db` and `evm_db` are over all; the last two are medians over bursts,
    which a few faded ones do not rule.

    Input message `sent` (optional): gvc.phy.SymbolFrame. Input message `received`: gvc.phy.ReceivedFrame, or
    DenoisedFrame from behind a denoiser.

    Args:
        folder: the run folder in the making.
        carriers: occupied carrier numbers of the waveform [K].
        sample_rate_hz: of the radio.
        keep: frames whose symbols and bursts are kept; 0 for all.
        keep_symbols: record the symbols of later frames too, for decoding by other arms.
    """

    def __init__(
        self,
        folder: RunFolder,
        carriers: np.ndarray,
        sample_rate_hz: float,
        keep: int = 0,
        keep_symbols: bool = False,
    ):
        super().__init__("gvc run recorder")
        self.probes: dict[str, SignalProbe] = {}
        self.true_magnitude: Callable[[np.ndarray], np.ndarray] | None = None
        """Where the channel is simulated: |H| [B, rx_antennas, K] of bursts that start at these samples [B]."""
        self.frames_received = 0
        self.bursts_received = 0
        self._folder = folder
        self._carriers = carriers
        self._sample_rate_hz = sample_rate_hz
        self._keep = keep or sys.maxsize
        self._all_symbols = keep_symbols
        self._true: dict[int, np.ndarray] = {}
        self._raw: list[np.ndarray] = []
        self._antennas = 1
        self._medians = {"snr_db": RunningMedian(), "evm_db": RunningMedian()}
        self._logs = {name: folder.log(name, kind) for name, kind in _KINDS.items()}
        self._bursts = {
            **{name: folder.log(f"burst_{name}", np.int64) for name in ("frame_id", "burst_index", "start_sample")},
            **{name: folder.log(f"burst_{name}", np.float64) for name in ("snr_db", "evm_db", "cfo_hz")},
            "channel": folder.log("burst_channel", np.complex64),
        }
        self._shapes, self._ends = folder.log("shapes", np.int64), folder.log("ends", np.int64)
        self._end = 0
        self.frames = Frames(self._shapes)
        self.receive("sent", self._sent, ends=False)
        self.receive("received", self._received)

    @property
    def snr_est_db(self) -> float | None:
        """Median of the bursts' estimated SNR in dB; None without bursts."""
        return self._medians["snr_db"].value

    @property
    def evm_db(self) -> float | None:
        """Median of the bursts' EVM in dB; None without bursts."""
        return self._medians["evm_db"].value

    def symbols(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Equalised symbols and noise map of the `index`-th recorded frame."""
        return self._part("equalised", index), self._part("noise_map", index)

    def truth(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Sent and denoised symbols of the `index`-th recorded frame; NaN where there are none."""
        return self._part("true", index), self._part("denoised", index)

    def save(self) -> None:
        """Write symbols.npz and bursts.npz of the kept frames and what `probes` saw, signal.npz; remove the files they
        came from.
        """
        frame_ids = self._shapes.read().reshape(-1, len(RecordedFrame._fields))[: self._keep, 0]
        offsets = np.concatenate([np.zeros(1, np.int64), self._ends.read()[: len(frame_ids)]])
        self._folder.save(
            SYMBOLS_FILE,
            frame_id=frame_ids,
            offsets=offsets,
            received=np.concatenate(self._raw) if self._raw else np.zeros(0, np.complex64),
            **{name: log.read()[: offsets[-1]] for name, log in self._logs.items()},
        )
        columns = {name: log.read() for name, log in self._bursts.items()}
        columns["channel"] = columns["channel"].reshape(-1, self._antennas, len(self._carriers))
        if self.true_magnitude is not None and len(columns["channel"]):
            columns["true_magnitude"] = self.true_magnitude(columns["start_sample"])
        self._folder.save(
            BURSTS_FILE,
            **columns,
            time_s=columns["start_sample"] / self._sample_rate_hz,
            carriers=self._carriers,
            sample_rate_hz=np.array(self._sample_rate_hz),
        )
        seen = {f"{name}_{key}": value for name, probe in self.probes.items() for key, value in probe.record().items()}
        self._folder.save(SIGNAL_FILE, **seen)
        for log in (*self._logs.values(), *self._bursts.values(), self._shapes, self._ends):
            log.remove()

    def _part(self, name: str, index: int) -> np.ndarray:
        ends = self._ends.read()
        start = int(ends[index - 1]) if index else 0
        return np.array(self._logs[name].read()[start : int(ends[index])])

    def _sent(self, frame: SymbolFrame) -> None:
        self._true[frame.frame_id] = frame.symbols
        if len(self._true) > WAITING:
            del self._true[next(iter(self._true))]

    def _received(self, content: ReceivedFrame | DenoisedFrame) -> None:
        frame = content.received if isinstance(content, DenoisedFrame) else content
        unknown = np.full(len(frame.symbols), np.nan, np.complex64)
        true = self._true.pop(frame.frame_id, unknown)
        self._true = {frame_id: symbols for frame_id, symbols in self._true.items() if frame_id > frame.frame_id}
        kept = self.frames_received < self._keep
        self.frames_received += 1
        if kept or self._all_symbols:
            denoised = content.symbols if isinstance(content, DenoisedFrame) else unknown
            symbols = {"equalised": frame.symbols, "noise_map": frame.noise_map, "true": true, "denoised": denoised}
            for name, values in symbols.items():
                self._logs[name].append(values)
            self._end += len(frame.symbols)
            self._ends.append(np.array([self._end]))
            about = frame.mode, frame.payload_type, frame.slot, frame.slots
            self._shapes.append(np.array(RecordedFrame(frame.frame_id, *frame.shape.picture, *about)))
        for burst in frame.bursts:
            self._count(burst)
            if kept:
                self._record(frame.frame_id, burst)
            if burst.raw is not None and self.frames_received <= RAW_FRAMES:
                self._raw.append(burst.raw[0].ravel())

    def _count(self, burst: ReceivedBurst) -> None:
        self.bursts_received += 1
        for name, median in self._medians.items():
            median.add(getattr(burst, name))

    def _record(self, frame_id: int, burst: ReceivedBurst) -> None:
        channel = burst.channel.mean(axis=1)
        self._antennas = len(channel)
        whole = {"frame_id": frame_id, "burst_index": burst.header.fragment, "start_sample": burst.start_sample}
        for name, value in whole.items():
            self._bursts[name].append(np.array([value]))
        for name in ("snr_db", "evm_db", "cfo_hz"):
            self._bursts[name].append(np.array([getattr(burst, name)]))
        self._bursts["channel"].append(channel)
