"""The coding blocks one by one, without a scheduler: pictures to symbols, symbols to pictures, what goes wrong between.

`passed` stands for the waveform and the air: what the encoder sends arrives as it was sent, or not at all.
"""

import functools
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gvc.coding.arms import bind
from gvc.errors import ConfigError, WeightsError
from gvc.phy.shape import PictureShape
from gvc_blocks.coding.denoiser import DenoisingStage
from gvc_blocks.coding.segment_encoder import SegmentEncoder
from gvc_blocks.runtime.contents import Undecodable
from gvc_blocks.runtime.credit import Stopped
from gvc_blocks.runtime.feedback import Feedback
from gvc_blocks.runtime.guarded import End
from tests.blocks.coding_stages import (
    EACH,
    GATED,
    GREY,
    HERE,
    OUTSIDE,
    PLAIN,
    ROOM,
    SIDE,
    arrived,
    config,
    decoder,
    encoded,
    fed,
    greys,
    levels,
    passed,
    scene,
    shown,
    stopped,
    video,
)
from tests.blocks.mocker import Mocker
from tests.blocks.outside_coding import FEWEST, NOTHING

pytestmark = pytest.mark.gr


@pytest.mark.parametrize(
    ("arm", "settings", "least_db"),
    [("jscc", (), 22), ("jscc+cddm", (), 22), ("softcast", ROOM, 25), ("av1+ldpc", (), 35)],
)
def test_pictures_come_back(arm: str, settings: tuple[str, ...], least_db: float) -> None:
    pictures = scene(5)
    frames = encoded(arm, pictures, *settings)
    assert [(frame.frame_id, frame.last) for frame in frames] == [(number, number == 4) for number in range(5)]
    cut = [(0, 1)] * 5 if arm.startswith("jscc") else [(0, 3), (1, 3), (2, 3), (0, 2), (1, 2)]
    assert [(frame.slot, frame.slots) for frame in frames] == cut
    assert {frame.shape for frame in frames} == {PictureShape(SIDE, SIDE, 64 if settings else 32)}
    assert np.mean([np.mean(np.abs(frame.symbols) ** 2) for frame in frames]) == pytest.approx(1, rel=0.02)
    flown: list[int] = []
    mock = fed(decoder(arm, *settings, flown=flown), "symbols", passed(frames))
    assert isinstance(mock.sent["frames"][-1], End) and list(shown(mock)) == list(range(5))
    assert mock.block.undecodable.frames == 0 and not flown, "the sink says what it displays"
    for number, picture in shown(mock).items():
        error = np.mean((picture.astype(float) - pictures[number]) ** 2)
        assert 10 * np.log10(255**2 / error) > least_db


@pytest.mark.parametrize("arm", ["av1+ldpc", GREY])
def test_the_end_of_the_stream_cuts_a_segment_short(arm: str) -> None:
    """The source need not know its last frame: then the segment is coded at the end."""
    known, unknown = encoded(arm, scene(5)), encoded(arm, scene(5), last=False)
    assert [frame.last for frame in unknown] == [False] * 5
    for one, other in zip(known, unknown, strict=True):
        assert np.array_equal(one.symbols, other.symbols) and (one.slot, one.slots) == (other.slot, other.slots)
    assert list(shown(fed(decoder(arm), "symbols", passed(unknown)))) == list(range(5))


def test_the_encoder_waits_for_a_whole_segment_and_no_longer() -> None:
    mock = Mocker(lambda: SegmentEncoder(GREY, config()))
    sent = []
    for frame in video(greys(5)):
        mock.message("frames", frame)
        sent.append(len(mock.sent.get("symbols", [])))
    assert sent == [0, 0, 3, 3, 5]


def test_the_encoder_is_told_the_snr_before_its_segment() -> None:
    mock = Mocker(lambda: SegmentEncoder(GREY, config("model.design_snr_db=7")))
    mock.block.feedback = Feedback(delay=2, first_db=7.0)
    mock.block.feedback.report(0, 2.0)
    mock.block.feedback.report(1, 2.0)
    mock.block.feedback.report(2, 12.0)
    for frame in video(greys(5)):
        mock.message("frames", frame)
    assert [frame.mode for frame in mock.sent["symbols"]] == [7, 7, 7, 2, 2]


def test_the_encoder_gives_credit_back_frame_by_frame() -> None:
    mock = Mocker(lambda: SegmentEncoder(GREY, config()), holds=True)
    first, second, third = video(greys(3))
    assert mock.message("frames", first) == mock.message("frames", second) == 0
    segment = threading.Thread(target=mock.message, args=("frames", third))
    segment.start()
    for number in (1, 2, 3):
        until_sent(mock, "symbols", number)
        assert len(mock._held) == 1, "one frame is out, and the next one waits for it"
        if number < 3:
            assert segment.is_alive() and len(mock.flow.parcels) == 2
        else:
            segment.join(10)
        mock.finish()
    assert not segment.is_alive() and not mock.flow.parcels and mock.flow.failure is None


def until_sent(mock: Mocker, port: str, count: int) -> None:
    """Wait, in vain after 20 s, for so many messages."""
    over = time.monotonic() + 20
    while len(mock.sent.get(port, [])) < count:
        assert time.monotonic() < over
        time.sleep(0.001)


def test_the_symbols_are_dumped_as_they_are_sent(tmp_path: Path) -> None:
    mock = Mocker(lambda: SegmentEncoder(GREY, config(), dump_path=str(tmp_path / "a.cf32")))
    frames = fed(mock, "frames", video(greys(4), last=False)).sent["symbols"][:-1]
    dumped = np.fromfile(tmp_path / "a.cf32", np.complex64)
    assert np.array_equal(dumped, np.concatenate([frame.symbols for frame in frames]))


@pytest.mark.parametrize("lost", [{1}, {2}, {0, 2}, {4}, {3, 4}])
def test_lost_slots_are_counted_and_their_pictures_not_passed_on(lost: set[int]) -> None:
    flown: list[int] = []
    mock = fed(decoder(GREY, flown=flown), "symbols", passed(encoded(GREY, greys(5)), lost))
    assert levels(mock) == {number: 20 + 30 * number for number in range(5) if number not in lost}
    # Nobody knows of a segment of which nothing has arrived.
    counted = set() if lost == {3, 4} else lost
    assert mock.block.told["lost"] == len(counted) and mock.block.undecodable.frames == 0
    ends = [end for end in (2, 4) if end in counted]
    assert flown == ends, "the source's window does not wait for a segment's last picture"


def test_a_lost_slot_costs_what_its_scheme_says() -> None:
    """Softcast spreads every picture over the segment; a codec's bytes end with the first block that is lost."""
    frames = encoded("softcast", scene(3), *ROOM)
    whole, cut = (fed(decoder("softcast", *ROOM), "symbols", passed(frames, lost)) for lost in (set[int](), {1}))
    assert list(shown(whole)) == list(shown(cut)) == [0, 1, 2]
    assert not np.array_equal(shown(whole)[1], shown(cut)[1])
    frames = encoded("av1+ldpc", scene(3), *EACH)
    whole, cut = (fed(decoder("av1+ldpc", *EACH), "symbols", passed(frames, lost)) for lost in (set[int](), {2}))
    assert (whole.block.told["block_errors"], cut.block.told["block_errors"]) == (0, 1)
    assert list(shown(whole)) == [0, 1, 2] and 0 in shown(cut) and 2 not in shown(cut)
    assert all(np.array_equal(picture, shown(whole)[number]) for number, picture in shown(cut).items())


def test_segments_of_two_streams_are_kept_apart() -> None:
    frames = encoded(GREY, greys(3))
    mock = decoder(GREY)
    for frame in frames:
        later = frame.frame_id + 30
        mock.message("symbols", arrived(frame))
        mock.message("symbols", arrived(frame, stream=2, frame_id=later, place=later))
    assert levels(mock) == {0: 20, 1: 50, 2: 80, 30: 20, 31: 50, 32: 80} and mock.block.told["lost"] == 0


SHORT = {"symbols": np.ones(100, np.complex64), "noise_map": np.ones(100, np.float32)}
SMALL = {"symbols": np.ones(4, np.complex64), "noise_map": np.ones(4, np.float32), "shape": PictureShape(16, 16, 8)}


@pytest.mark.parametrize(
    ("arm", "changes", "reason", "denoises"),
    [
        ("jscc", {"payload_type": 1}, "payload type 1 is nothing for a neural decoder", False),
        ("jscc", SHORT, "100 symbols make no latent maps of a 64x64 picture", False),
        ("jscc+cddm", SHORT, "100 symbols make no latent maps of a 64x64 picture", False),
        ("jscc+cddm", SHORT, "100 symbols make no latent maps of a 64x64 picture", True),
        (GREY, {"mode": NOTHING}, f"mode {NOTHING} is no picture", True),
        (GREY, SMALL, f"4 symbols are too few for grey: use {FEWEST}", False),
        (GREY, SMALL, f"4 symbols are too few for grey: use {FEWEST}", True),
    ],
)
def test_a_frame_that_cannot_be_decoded_is_counted_and_the_run_goes_on(
    arm: str, changes: dict[str, Any], reason: str, denoises: bool
) -> None:
    bound = bind(arm, config(*PLAIN, "segment.frames=1"))
    good, bad, other = encoded(bound, greys(3))
    frames: list[Any] = [arrived(good), arrived(bad, **changes), arrived(other)]
    if denoises:
        frames = fed(Mocker(lambda: DenoisingStage(bound)), "symbols", frames).sent["symbols"][:-1]
        assert [frame.frame_id for frame in frames] == [0, 1, 2]
    flown: list[int] = []
    mock = fed(decoder(bound, flown=flown), "symbols", frames)
    assert list(shown(mock)) == [0, 2] and flown == [1] and mock.flow.failure is None
    assert mock.block.undecodable == Undecodable(1, reason)


def test_bytes_that_arrived_whole_and_that_the_codec_cannot_read_are_counted() -> None:
    """What the channel has cut off need be no stream."""
    own = ("arms.own.scheme=digital", f"arms.own.options.codec={OUTSIDE}:Unreadable", *EACH)
    frames = passed(encoded("own", scene(3), *own))
    whole, cut = (fed(decoder("own", *own), "symbols", sent) for sent in (frames, frames[:2]))
    assert not shown(whole) and not shown(cut) and cut.block.told["bytes"] > 0
    assert (whole.block.told["block_errors"], cut.block.told["block_errors"]) == (0, 1)
    assert whole.block.undecodable == Undecodable(3, "this codec reads nothing")
    assert cut.block.undecodable == Undecodable()


def test_the_denoiser_passes_the_gates_word_on(tmp_path: Path) -> None:
    """Every second frame is decoded from the estimate, by the decoder of estimates; the others from what was received,
    by its own.
    """
    bound = bind("jscc+cddm", config(*GATED))
    frames = passed(encoded(bound, greys(4)))
    dump = tmp_path / "denoised.cf32"
    mock = fed(Mocker(lambda: DenoisingStage(bound, dump_path=str(dump))), "symbols", frames)
    *denoised, end = mock.sent["symbols"]
    assert isinstance(end, End) and [frame.frame_id for frame in denoised] == [0, 1, 2, 3]
    assert [frame.estimate.trusted for frame in denoised] == [True, False, True, False]
    for frame, received in zip(denoised, frames, strict=True):
        assert frame.received is received
        np.testing.assert_allclose(frame.symbols, received.symbols / 1.001, rtol=1e-5)
    assert np.array_equal(np.fromfile(dump, np.complex64), np.concatenate([frame.symbols for frame in denoised]))
    behind = fed(decoder(bound), "symbols", denoised[1:])
    assert levels(behind) == {1: 100, 2: 200, 3: 100} and behind.block.told["denoised"] == 1


def test_a_decoder_denoises_what_no_denoiser_has_seen() -> None:
    bound = bind("jscc+cddm", config(*PLAIN))
    frames = passed(encoded(bound, greys(3)))
    *denoised, _ = fed(Mocker(lambda: DenoisingStage(bound)), "symbols", frames).sent["symbols"]
    behind, alone = fed(decoder(bound), "symbols", denoised), fed(decoder(bound), "symbols", frames)
    assert all(np.array_equal(picture, shown(alone)[number]) for number, picture in shown(behind).items())
    assert len(shown(behind)) == 3 and behind.block.told == alone.block.told


@pytest.mark.parametrize(("arm", "settings"), [("jscc", ()), ("softcast", ()), ("jscc+cddm", ("model.denoiser=none",))])
def test_an_arm_without_a_denoiser_has_no_such_block(arm: str, settings: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="leave the block out"):
        DenoisingStage(arm, config(*settings))


def test_a_failing_decoder_stops_the_flow_and_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    frames = passed(encoded("jscc", greys(5), *PLAIN))
    mock = decoder("jscc", PLAIN[0], f"model.decoder={HERE}.plain_codec:FailingDecoder")
    for frame in frames[:3]:
        assert mock.message("symbols", frame) == 0
    stopped(mock, "symbols", frames[3], "fails at its fourth frame")
    assert mock.flow.failed_block == "gvc segment decoder" and mock.block.undecodable.frames == 0
    assert "gvc segment decoder: LinkError: this decoder fails" in capsys.readouterr().err
    with pytest.raises(Stopped):  # whoever would send more
        mock.message("symbols", frames[4])
    assert list(shown(mock)) == [0, 1, 2] and not isinstance(mock.sent["frames"][-1], End)


def test_a_failing_encoder_or_one_that_sends_what_nobody_takes_stops_the_flow() -> None:
    own = f"arms.own.scheme={GREY}", "segment.frames=1"
    for wrong, words in (
        ("fails=encode", "this encoder fails"),
        ("sends=3", "sends payload type 3, and takes 9 alone"),
    ):
        mock = Mocker(functools.partial(SegmentEncoder, "own", config(*own, f"arms.own.options.{wrong}")))
        stopped(mock, "frames", video(greys(1))[0], words)
        assert mock.flow.failed_block == "gvc segment encoder" and not mock.sent


def test_a_failure_at_the_end_of_the_stream_is_kept_too() -> None:
    own = f"arms.own.scheme={GREY}", "arms.own.options.fails='10'"
    frames = passed(encoded(GREY, greys(3)), {2})
    mock = decoder("own", *own)
    for frame in frames:
        mock.message("symbols", frame)
    stopped(mock, "symbols", End(), "this decoder fails")
    assert not mock.sent


def test_missing_weights_stop_the_flow_and_are_no_frames_fault() -> None:
    frames = passed(encoded("jscc", greys(1), *PLAIN))
    mock = decoder("jscc", *PLAIN[:2], f"model.decoder={OUTSIDE}:Unweighted")
    stopped(mock, "symbols", frames[0], "no weights: train them", WeightsError)
    assert mock.block.undecodable == Undecodable()
