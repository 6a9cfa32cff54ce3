"""What the message ports carry besides `gvc.phy.SymbolFrame` and `gvc.phy.ReceivedFrame`."""

from dataclasses import dataclass

import numpy as np

from gvc.errors import ParseError
from gvc.phy.frames import ReceivedFrame
from gvc.phy.payload import JSCC


@dataclass(frozen=True)
class VideoFrame:
    """A picture uint8 [height, width, 3]. `due_s` is when the source had it to give, on the time.monotonic clock."""

    frame_id: int
    pixels: np.ndarray
    due_s: float
    last: bool = False


def check_payload(frame: ReceivedFrame) -> None:
    """Raise ParseError for a frame that no neural encoder made."""
    if frame.payload_type != JSCC:
        raise ParseError(f"payload type {frame.payload_type} is nothing for a neural decoder")


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


@dataclass
class Undecodable:
    """Frames that were received and could not be decoded, and why the last one could not."""

    frames: int = 0
    reason: str = ""

    def add(self, error: Exception, frames: int = 1) -> None:
        """Count frames."""
        self.frames += frames
        self.reason = str(error)


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
