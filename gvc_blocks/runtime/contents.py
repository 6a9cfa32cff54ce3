"""What the message ports carry besides `gvc.phy.SymbolFrame` and `gvc.phy.ReceivedFrame`."""

from dataclasses import dataclass

import numpy as np

from gvc.coding.scheme import Estimate
from gvc.phy.frames import ReceivedFrame


@dataclass(frozen=True)
class VideoFrame:
    """A picture uint8 [height, width, 3]. `due_s` is when the source had it to give, on the time.monotonic clock."""

    frame_id: int
    pixels: np.ndarray
    due_s: float
    last: bool = False


@dataclass(frozen=True)
class DenoisedFrame:
    """A received frame and the estimate of its sent symbols."""

    received: ReceivedFrame
    estimate: Estimate

    @property
    def symbols(self) -> np.ndarray:
        """The estimate's, complex64 [n]."""
        return self.estimate.symbols

    @property
    def frame_id(self) -> int:
        return self.received.frame_id


@dataclass
class Undecodable:
    """Frames that were received and could not be decoded, and why the last one could not."""

    frames: int = 0
    reason: str = ""

    def add(self, reason: str, frames: int = 1) -> None:
        """Count frames."""
        self.frames += frames
        self.reason = reason


@dataclass(frozen=True)
class DecodedFrame:
    """What a decoder made of one received frame: uint8 [height, width, 3].

    `frame_id` is the transmitter's number, `place` the picture's among all that the receiver shows, over all streams;
    without one, its number.
    """

    frame_id: int
    pixels: np.ndarray
    mode: int = 0
    place: int | None = None
