"""The FFT windows of one burst, wherever its symbols lie and however its oscillator turns."""

import dataclasses

import numpy as np

from gvc.phy.kernels import payload as kernels
from gvc.phy.numerology import Numerology
from gvc.phy.receiver.ofdm_windows import SampleBuffer


@dataclasses.dataclass
class BurstWindows:
    """Cuts symbols after the header out of the stream. Rows are numbered from the first after the header, R in all.

    origin: sample of the first long training symbol's window; starts: int64 [R], where the windows should start; step:
    the CFO in radians a sample; slope, drift: residual CFO in radians a symbol, and a symbol and carrier; times:
    float64 [R] in symbol periods; scale: factor of the samples. Nothing behind the last window of a burst in order is
    looked at.
    """

    buffer: SampleBuffer
    numerology: Numerology
    origin: int
    starts: np.ndarray
    step: float
    slope: float
    drift: float
    times: np.ndarray
    scale: float
    turning: np.ndarray = dataclasses.field(init=False)
    """float64 [R], radians a symbol by which a row's frequency differs from `slope`: taken away within its window."""
    path: np.ndarray = dataclasses.field(init=False)
    """float64 [R], a phase to take away from each row."""

    def __post_init__(self) -> None:
        self.turning = np.zeros(len(self.starts))
        self.path = np.zeros(len(self.starts))

    @property
    def last_start(self) -> int:
        """The latest sample that a window may start at."""
        return int(self.starts[-1])

    @property
    def _latest(self) -> int:
        """The latest start of a window whose symbol is seen whole by then: the prefix holds what the end lacks."""
        return self.last_start + self.numerology.cyclic_prefix - self.numerology.timing_advance

    def inside(self, rows: np.ndarray, offset: np.ndarray | int) -> np.ndarray:
        """bool [rows]: whether they lie in the burst's part of the stream when they come `offset` samples late."""
        return self.starts[rows] + offset <= self._latest

    def _early(self, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where windows can be cut that should start at `starts`, int64 [W], and what turns their carriers back where
        that is earlier, complex64 [W, K].
        """
        u = self.numerology
        possible = np.minimum(starts, self.last_start)
        turn = 2j * np.pi / u.fft_size * (starts - possible)[:, None] * u.carriers
        return possible, np.exp(turn).astype(np.complex64)

    def cut(self, rows: np.ndarray, offset: np.ndarray | int) -> tuple[np.ndarray, np.ndarray]:
        """Rows that come `offset` samples late, freed of CFO and sampling offset: complex64 [rx, rows, K], and the mean
        power of their guard carriers, float32 [rx, rows]. What is not inside is taken from the burst's end.
        """
        u = self.numerology
        starts, back = self._early(self.starts[rows] + offset)
        per_sample = self.turning[rows] / u.symbol_samples
        rx = self.buffer.columns.shape[0]
        grid = np.empty((rx, len(rows), len(u.carriers)), np.complex64)
        guards = np.empty((rx, len(rows)), np.float32)
        for extra in np.unique(per_sample):
            same = np.flatnonzero(per_sample == extra)
            part, quiet = self.buffer.grid_and_guards(u, starts[same], self.step + extra, self.origin, self.scale)
            if extra:  # within the windows only: the phase from one to the next stays to be seen
                middle = starts[same] + u.fft_size / 2 - self.origin
                part = part * np.exp(1j * extra * middle).astype(np.complex64)[:, None]
            grid[:, same], guards[:, same] = part, quiet
        every = np.arange(len(rows))
        path = self.path[rows]
        turned = kernels.rotate(grid * back, every, self.times[rows], self.slope, self.drift, u.carriers, path)
        return turned, guards

    def training(self, row: int, offset: int) -> np.ndarray:
        """Least-squares response in midamble `row`: complex64 [rx, K]."""
        grid, _ = self.cut(np.array([row]), offset)
        return grid[:, 0] * self.numerology.training.conj()

    def likeness(self, row: int, offsets: np.ndarray, reference: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Coherence of midamble `row` with the response `reference`, complex64 [rx, K], when it comes `offsets`, int64
        [n], samples late: float64 [n], 0 for what is not inside. `weight` [K] is that of the carriers.
        """
        u = self.numerology
        starts = self.starts[row] + offsets
        inside = (starts >= self.buffer.origin) & (starts <= self._latest)
        found = np.zeros(len(offsets))
        if not inside.any():
            return found
        possible, back = self._early(starts[inside])
        grid = self.buffer.grid(u, possible, self.step, self.origin, self.scale) * back
        turn = np.exp(1j * self.times[row] * self.drift * u.carriers).astype(np.complex64) * u.training
        match = np.abs(np.einsum("awk,ak->w", grid, (reference * turn).conj() * weight)) ** 2
        power = np.sum(np.abs(grid) ** 2 * weight, axis=(0, 2)) * np.sum(np.abs(reference) ** 2 * weight)
        found[inside] = match / np.maximum(power, np.finfo(np.float32).tiny)
        return found
