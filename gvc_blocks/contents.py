"""What the message ports carry besides `gvc.phy.SymbolFrame` and `gvc.phy.ReceivedFrame`."""

from dataclasses import dataclass

import numpy as np

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
    """A received frame and the estimate complex64 [n] of its sent symbols.

    `denoised` False: the receiver's gate expects the decoder of received symbols to do better than this estimate.
    """

    received: ReceivedFrame
    symbols: np.ndarray
    denoised: bool = True

    @property
    def frame_id(self) -> int:
        return self.received.frame_id


@dataclass(frozen=True)
class DecodedFrame:
    """What a decoder made of one received frame: uint8 [height, width, 3]."""

    frame_id: int
    pixels: np.ndarray
    mode: int = 0
