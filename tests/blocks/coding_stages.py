"""What the tests of the coding blocks share: configurations, pictures, and how to feed a block."""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gvc.coding.arms import Arm
from gvc.config import LinkConfig, build
from gvc.errors import GvcError, LinkError
from gvc.phy.frames import ReceivedFrame, SymbolFrame
from gvc_blocks.coding.segment_decoder import SegmentDecoder
from gvc_blocks.coding.segment_encoder import SegmentEncoder
from gvc_blocks.runtime.contents import DecodedFrame, VideoFrame
from gvc_blocks.runtime.guarded import End
from tests.blocks.mocker import Mocker

pytestmark = pytest.mark.gr
SIDE, THREES = 64, ("model.preset=small", "segment.frames=3")
OUTSIDE = "tests.blocks.outside_coding"
GREY = f"{OUTSIDE}:Grey"
HERE = "tests.flowgraphs"
PLAIN = tuple(f"model.{kind}={HERE}.plain_codec:Plain{kind.title()}" for kind in ("encoder", "denoiser", "decoder"))
"""No networks, where a test is about the blocks alone."""
GATED = (PLAIN[0], f"model.denoiser={HERE}.gated_codec:EverySecond", f"model.decoder={HERE}.gated_codec:ArmDecoder")
EACH = ("digital.preset=low-delay", "digital.depth=1")
"""A transport block in each slot."""
ROOM = ("model.cbr=1/24",)
"""Symbols enough for softcast's metadata beside a picture."""


def config(*settings: str) -> LinkConfig:
    return build("sim-awgn", [*THREES, *settings])


def scene(n: int) -> np.ndarray:
    """Pictures uint8 [n, 64, 64, 3]: waves that move before a coloured slope."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(float)
    shown = [np.stack([128 + 50 * np.sin((x - 3 * n) / 9) * np.cos(y / 11), 90 + x, 200 - 2 * y], -1) for n in range(n)]
    return np.clip(np.round(shown), 0, 255).astype(np.uint8)


def greys(n: int) -> np.ndarray:
    """Pictures uint8 [n, 64, 64, 3] of levels 20, 50, 80, ..."""
    return np.stack([np.full((SIDE, SIDE, 3), 20 + 30 * number, np.uint8) for number in range(n)])


def video(pictures: np.ndarray, last: bool = True) -> list[VideoFrame]:
    """The source's frames; with `last` it knows its last one."""
    end = len(pictures) - 1 if last else -1
    return [VideoFrame(number, picture, 0.0, number == end) for number, picture in enumerate(pictures)]


def encoded(arm: str | Arm, pictures: np.ndarray, *settings: str, last: bool = True) -> list[SymbolFrame]:
    """What the encoder sends of a clip."""
    mock = Mocker(lambda: SegmentEncoder(arm, config(*settings))).start()
    *frames, end = fed(mock, "frames", video(pictures, last)).sent["symbols"]
    assert isinstance(end, End) and not mock.flow.parcels
    return frames


def passed(frames: Iterable[SymbolFrame], lost: Iterable[int] = ()) -> list[ReceivedFrame]:
    """Frames through the best of channels, without the numbers in `lost`."""
    return [arrived(frame) for frame in frames if frame.frame_id not in lost]


def arrived(frame: SymbolFrame, **changes: Any) -> ReceivedFrame:
    """The frame behind the best of channels."""
    count = len(frame.symbols)
    about: dict[str, Any] = {
        **{key: getattr(frame, key) for key in ("frame_id", "shape", "mode", "payload_type", "last", "slot", "slots")},
        **{"symbols": frame.symbols, "noise_map": np.full(count, 1e-3, np.float32), "erased": np.zeros(count, bool)},
        **{"place": frame.frame_id, "stream": 1, "restarts": 0, "bursts_expected": 1, "bursts_received": 1},
        **{"snr_db": 30.0, "evm_db": -30.0, "bursts": []},
    }
    return ReceivedFrame(**(about | changes))


def decoder(arm: str | Arm, *settings: str, flown: list[int] | None = None) -> Mocker:
    """A decoder; `flown` gets the numbers up to which it says that nothing more will be displayed."""
    mock = Mocker(lambda: SegmentDecoder(arm, config(*settings))).start()
    if flown is not None:
        mock.block.flight = SimpleNamespace(displayed=flown.append)
    return mock


def fed(mock: Mocker, port: str, contents: Iterable[Any]) -> Mocker:
    """The block after these messages and the end; it keeps none of them."""
    for content in contents:
        assert mock.message(port, content) == 0
    mock.end(port)
    assert not mock.flow.parcels and mock.flow.stopping.is_set(), "the block has seen its end"
    return mock


def shown(mock: Mocker) -> dict[int, np.ndarray]:
    """The pictures that a decoder has given, by their numbers."""
    frames = [content for content in mock.sent.get("frames", []) if not isinstance(content, End)]
    assert all(isinstance(frame, DecodedFrame) and frame.place == frame.frame_id for frame in frames)
    return {frame.frame_id: frame.pixels for frame in frames}


def levels(mock: Mocker) -> dict[int, int]:
    """The mean level of the pictures that a decoder has given."""
    return {number: round(picture.mean()) for number, picture in shown(mock).items()}


def stopped(mock: Mocker, port: str, content: Any, words: str, kind: type[GvcError] = LinkError) -> None:
    """This message stops the flow; its credit comes back all the same."""
    with pytest.raises(kind, match=words):
        mock.message(port, content)
    assert mock.flow.stopping.is_set() and not mock.flow.parcels
