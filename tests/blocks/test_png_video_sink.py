"""The sink's pictures as a viewer sees them, whatever the order in which streams heard in turns bring them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gvc_blocks.evaluation.png_video_sink import LATE, PngVideoSink
from gvc_blocks.runtime.contents import DecodedFrame

pytestmark = pytest.mark.gr


def show(folder: Path, places: list[int], hold: int = 0) -> tuple[PngVideoSink, list[int]]:
    """Grey levels of the pictures, where the picture of place n has level n."""
    sink = PngVideoSink(str(folder))
    for place in places:
        sink._display(DecodedFrame(1000 + place, np.full((4, 6, 3), place, np.uint8), place=place))
    sink.at_end()
    sink.hold(hold)
    return sink, [int(np.asarray(Image.open(path))[0, 0, 0]) for path in sorted(folder.glob("*.png"))]


def test_lost_pictures_show_the_one_before_or_grey(tmp_path: Path) -> None:
    sink, levels = show(tmp_path, [2, 3, 6], hold=9)
    assert levels == [128, 128, 2, 3, 3, 3, 6, 6, 6]
    assert sink.frames_displayed == 3


def test_a_picture_that_comes_late_finds_its_place(tmp_path: Path) -> None:
    sink, levels = show(tmp_path, [0, 4, 1, 3])
    assert levels == [0, 1, 1, 3, 4]
    assert sink.frames_displayed == 4


def test_no_picture_is_written_over(tmp_path: Path) -> None:
    sink = PngVideoSink(str(tmp_path))
    for level, place in enumerate([0, 1, 1, LATE + 1, 2, 1]):
        sink._display(DecodedFrame(place, np.full((4, 6, 3), 10 + level, np.uint8), place=place))
    assert sink.counters["too_late"] == 2
    assert int(np.asarray(Image.open(tmp_path / "00001.png"))[0, 0, 0]) == 11
    assert int(np.asarray(Image.open(tmp_path / "00002.png"))[0, 0, 0]) == 14
