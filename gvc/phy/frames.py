"""What the waveform carries: a frame of symbols on its way in, bursts and frames on their way out."""

import dataclasses

import numpy as np

from gvc.errors import InputError
from gvc.phy.agreement import Agreement
from gvc.phy.header import BurstHeader
from gvc.phy.shape import Shape


@dataclasses.dataclass
class SymbolFrame:
    """One coded frame: complex64 [n] of mean power 1, n as its shape says.

    `frame_id` counts up from 0 without gaps. `slot` is its place in its segment of `slots` frames. `last` marks the
    last frame of a stream.
    """

    frame_id: int
    symbols: np.ndarray
    shape: Shape
    mode: int = 0
    payload_type: int = 0
    last: bool = False
    slot: int = 0
    slots: int = 1

    def __post_init__(self) -> None:
        self.symbols = np.ascontiguousarray(self.symbols, np.complex64)
        if self.symbols.ndim != 1:
            raise InputError(f"a frame's symbols have one dimension, not {self.symbols.ndim}")


@dataclasses.dataclass
class ReceivedBurst:
    """One burst as the receiver sees it. M payload symbols, D data carriers, K occupied carriers, T training symbols.

    symbols: complex64 [M, D], unbiased estimates, still scrambled and interleaved.
    noise_map: float32 [M, D], variance of `symbols`, NU_MIN to NU_MAX; NU_MAX with symbol 0 where nothing is known.
    snr_db: received Es/N0 of this burst, mean over its carriers and antennas.
    evm_db: error of the equalised pilots.
    cfo_hz: carrier frequency offset; start_sample: where the burst starts in the stream.
    channel: complex64 [rx_antennas, T, K], smoothed response at the training symbols, whose FFT windows start at
        channel_samples, int64 [T]; `noise_variance` float32 [rx_antennas] is that of a resource element. Both, and raw,
        are in the scale of the stream.
    agreement: whether what was received bears out what the receiver claims.
    disturbed: whether pilots, guard carriers or training showed more than even noise and a channel that moves slowly.
    slip_samples: by so many samples its end comes later than its beginning promised: samples that are doubled, or,
        below 0, missing.
    raw: complex64 [rx_antennas, M, D] before the equaliser, when the receiver was asked to keep it.
    """

    header: BurstHeader
    shape: Shape
    symbols: np.ndarray
    noise_map: np.ndarray
    snr_db: float
    evm_db: float
    cfo_hz: float
    start_sample: int
    channel: np.ndarray
    channel_samples: np.ndarray
    noise_variance: np.ndarray
    agreement: Agreement
    disturbed: bool = False
    slip_samples: int = 0
    raw: np.ndarray | None = None


@dataclasses.dataclass
class ReceivedFrame:
    """One frame after all its bursts: symbols complex64 [n] and noise_map float32 [n] in the order of SymbolFrame.

    Elements of bursts that did not arrive are erased: symbol 0, noise NU_MAX. `erased` bool [n] marks those. `frame_id`
    is the transmitter's, unwrapped from the header's 27 bits; `place` is where the frame belongs in what a viewer of
    this receiver sees, over all streams heard. snr_db is the mean Es/N0 over the bursts received, which the choice of a
    mode needs; evm_db is the median over them; `bursts` keeps these.
    """

    frame_id: int
    place: int
    symbols: np.ndarray
    noise_map: np.ndarray
    erased: np.ndarray
    shape: Shape
    mode: int
    payload_type: int
    last: bool
    stream: int
    restarts: int
    slot: int
    slots: int
    bursts_expected: int
    bursts_received: int
    snr_db: float
    evm_db: float
    bursts: list[ReceivedBurst]

    @property
    def height(self) -> int:
        return self.shape.picture[0]

    @property
    def width(self) -> int:
        return self.shape.picture[1]

    @property
    def latents(self) -> int:
        return self.shape.picture[2]
