"""Streams, restarts, outages: fabricated bursts into the assembler, against a model that knows what was sent."""

import dataclasses
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gvc.noise_map import NU_MAX
from gvc.phy import BurstHeader, FrameAssembler, Numerology, PictureShape, ReceivedBurst, ReceivedFrame
from gvc.phy.agreement import Agreement
from gvc.phy.identity import Expected
from gvc.phy.layout import fragment_symbols
from gvc.phy.receiver.assembler import MAX_HELD, MAX_STREAMS
from gvc.phy.receiver.streams import FRAMES, SEQUENCES

# Three payload symbols a burst: a picture of 64x64 takes two.
U = dataclasses.replace(Numerology.load("ofdm64"), payload_symbols=3)
FRAGMENTS = {PictureShape(64, 64, 32): 2, PictureShape(16, 16, 32): 1, PictureShape(64, 96, 32): 3}
WHOLE, ONE, THREE = FRAGMENTS


def burst(header: BurstHeader, shape: PictureShape) -> ReceivedBurst:
    rows = fragment_symbols(U, shape.elements)[header.fragment]
    nothing = np.zeros((rows, U.data_carriers))
    return ReceivedBurst(
        header=header,
        shape=shape,
        symbols=nothing.astype(np.complex64),
        noise_map=np.full(nothing.shape, NU_MAX, np.float32),
        snr_db=10.0,
        evm_db=-10.0,
        cfo_hz=0.0,
        start_sample=0,
        channel=np.zeros((1, 1, len(U.carriers)), np.complex64),
        channel_samples=np.zeros(1, np.int64),
        noise_variance=np.ones(1, np.float32),
        agreement=Agreement(1.0, 4, 1.0, 0.1, 1.0, 0.1),
    )


def sent(
    frames: Iterable[int],
    stream: int = 7,
    shape: PictureShape = ONE,
    slots: int = 1,
    first_sequence: int = 0,
    first_frame: int = 0,
    last: int | None = None,
    **fields: int,
) -> list[ReceivedBurst]:
    """All bursts of `frames`, numbered from `first_frame`, of a stream in which each takes as many."""
    result = []
    for number in frames:
        for fragment in range(FRAGMENTS[shape]):
            header = BurstHeader(
                sequence=(first_sequence + number * FRAGMENTS[shape] + fragment) % SEQUENCES,
                frame=(first_frame + number) % FRAMES,
                fragment=fragment,
                payload_type=0,
                mode=0,
                shape=shape.pack(),
                last=number == last,
                slot=number % slots,
                slots=slots,
                stream=stream,
            )
            result.append(burst(dataclasses.replace(header, **fields), shape))
    return result


def assemble(bursts: list[ReceivedBurst], **options) -> tuple[FrameAssembler, list[ReceivedFrame]]:
    assembler = FrameAssembler(U, **options)
    frames = [frame for each in bursts for frame in assembler.push(each)]
    return assembler, frames + assembler.flush()


def counts(assembler: FrameAssembler, *names: str) -> tuple[int, ...]:
    return tuple(assembler.counters.as_dict()[name] for name in names)


def test_a_loop_is_a_restart_and_not_twenty_duplicates() -> None:
    """livekit/media-sdk#95: the same recording twice, as everybody plays one with two radios."""
    assembler, frames = assemble(sent(range(20), last=19) + sent(range(20), last=19))
    assert [frame.place for frame in frames] == list(range(40))
    assert counts(assembler, "bursts_received", "bursts_lost", "restarts", "streams") == (40, 0, 1, 1)


@pytest.mark.parametrize("again", [[1, 2, 3], [4, 7, 9]])
def test_a_loop_whose_seams_were_lost(again: list[int]) -> None:
    assembler, frames = assemble(sent(range(12)) + sent(again))
    assert [frame.place for frame in frames][:12] == list(range(12))
    assert [frame.frame_id for frame in frames][12:] == again
    lost = again[-1] - again[0] + 1 - len(again)
    assert counts(assembler, "bursts_received", "bursts_lost", "restarts") == (15, lost, 1)


def test_two_bursts_heard_again_are_duplicates() -> None:
    once = sent(range(12))
    assembler, frames = assemble(once[:8] + once[3:5] + once[8:])
    assert [frame.frame_id for frame in frames] == list(range(12))
    assert counts(assembler, "bursts_received", "bursts_duplicate", "restarts") == (12, 2, 0)


def test_two_streams_are_told_apart() -> None:
    assembler, frames = assemble(sent(range(10), stream=1) + sent(range(40), stream=2))
    assert [frame.place for frame in frames] == list(range(50))
    assert [stream["frames"] for stream in assembler.streams] == [10, 40]
    assert counts(assembler, "bursts_received", "bursts_lost", "streams") == (50, 0, 2)


def test_transmitters_in_turns() -> None:
    one, two = sent(range(6), stream=1, shape=WHOLE), sent(range(6), stream=2, shape=WHOLE)
    mixed = [each for pair in zip(one, two, strict=True) for each in pair]
    assembler, frames = assemble(mixed)
    assert sorted(frame.place for frame in frames) == list(range(12))
    assert [frame.frame_id for frame in frames if frame.stream == 2] == list(range(6))
    assert all(frame.bursts_received == 2 for frame in frames)


def test_a_recording_that_begins_at_frame_20000() -> None:
    assembler, frames = assemble(sent(range(20000, 20010)))
    assert [(frame.place, frame.frame_id) for frame in frames] == [(i, 20000 + i) for i in range(10)]
    assert counts(assembler, "bursts_lost", "frames_lost") == (0, 0)


@pytest.mark.parametrize("outage", [3, 1000, 32768, 65472, 65536, 10**6, FRAMES - 1, FRAMES, 3 * FRAMES + 5])
@pytest.mark.parametrize("shape", [ONE, THREE])
def test_an_outage_of_any_length_is_counted_exactly(outage: int, shape: PictureShape) -> None:
    assembler, frames = assemble(sent([0, 1, 2 + outage, 3 + outage], shape=shape))
    bursts = FRAGMENTS[shape]
    assert counts(assembler, "bursts_received", "bursts_lost") == (4 * bursts, outage * bursts)
    assert counts(assembler, "frames_complete", "frames_lost") == (4, outage)
    assert frames[2].place == 2 + min(outage, MAX_HELD)


def test_numbers_go_on_where_their_fields_end() -> None:
    stream = sent(range(6), shape=WHOLE, first_sequence=SEQUENCES - 5, first_frame=FRAMES - 3)
    assembler, frames = assemble(stream)
    assert [frame.frame_id for frame in frames] == list(range(FRAMES - 3, FRAMES + 3))
    assert counts(assembler, "bursts_received", "bursts_lost", "restarts") == (12, 0, 0)


def test_an_old_frame_under_a_new_number_is_misplaced() -> None:
    stream = sent(range(5))
    wrong = burst(dataclasses.replace(stream[3].header, sequence=5), ONE)
    assembler, frames = assemble([*stream, wrong, *sent([5, 6])])
    assert [frame.frame_id for frame in frames] == list(range(7))
    assert counts(assembler, "bursts_misplaced", "bursts_received", "bursts_lost") == (1, 7, 0)


def test_the_missing_end_of_the_last_frame_is_lost_and_told() -> None:
    assembler, frames = assemble(sent(range(3), shape=THREE, last=2)[:-1])
    assert counts(assembler, "bursts_received", "bursts_lost", "frames_partial") == (8, 1, 1)
    assert assembler.streams[0]["ended"] is True
    assembler, _ = assemble(sent(range(3), shape=THREE, last=2)[:-3])
    assert assembler.streams[0]["ended"] is False


def test_a_segment_says_where_it_ends() -> None:
    assembler, frames = assemble(sent(range(12), slots=6)[:-1])
    assert [(frame.slot, frame.slots, frame.place) for frame in frames[-2:]] == [(3, 6, 9), (4, 6, 10)]
    assert counts(assembler, "frames_complete", "frames_lost") == (11, 1)
    assert assembler.places == 12


def test_only_what_is_expected_is_assembled() -> None:
    expected = Expected(frozenset({0}), 0, 64 * 64)
    bursts = sent(range(4)) + sent(range(3), coder=5) + sent(range(2), payload_type=2) + sent([0], 9, THREE)
    assembler, frames = assemble(bursts, expected=expected)
    assert len(frames) == 4
    assert counts(assembler, "bursts_received", "bursts_foreign") == (4, 8)
    assert assembler.foreign[("coder", 0, 5, 16, 16)] == 3
    assert assembler.foreign[("size", 0, 0, 96, 64)] == 3


def test_any_number_of_streams_takes_bounded_memory() -> None:
    assembler = FrameAssembler(U)
    for stream in range(500):
        for each in sent([stream, stream + 2], stream=stream):
            assembler.push(each)
    assert len(assembler._tracks) == MAX_STREAMS
    assert counts(assembler, "streams", "bursts_received", "bursts_lost") == (500, 1000, 500)
    assert len(assembler.streams) == 64


class Transmissions(RuleBasedStateMachine):
    """Transmitters that send, fall silent, start anew and are recorded in loops, over a channel that loses and repeats.

    Held at every step: received + lost = sent between the first and the last burst heard of each pass, no two frames
    in one place, every frame's own number right.
    """

    @initialize()
    def begin(self) -> None:
        self.assembler = FrameAssembler(U)
        self.stream = 0
        self.passes: list[list[tuple[int, int]]] = []
        self.places: set[int] = set()
        self.heard = 0
        self.duplicates = 0
        self.start(WHOLE, 0, 0, 1)

    @rule(
        shape=st.sampled_from(list(FRAGMENTS)),
        sequence=st.sampled_from([0, 5, SEQUENCES - 7]),
        frame=st.sampled_from([0, 20000, FRAMES - 3]),
        slots=st.sampled_from([1, 4]),
    )
    def start(self, shape: PictureShape, sequence: int, frame: int, slots: int) -> None:
        """A transmitter starts (anew): another identity."""
        self.stream += 1
        self.shape, self.first_sequence, self.first_frame, self.slots = shape, sequence, frame, slots
        self.next = 0
        self.taken: list[int] = []
        self.passes.append([])

    @rule(losses=st.lists(st.booleans(), min_size=1, max_size=8))
    def send(self, losses: list[bool]) -> None:
        """So many bursts are sent, and some of them lost."""
        fragments = FRAGMENTS[self.shape]
        for lost in losses:
            if not lost:
                self.hear(self.next)
                self.taken.append(self.next)
                self.passes[-1].append((self.next, fragments))
            self.next += 1

    @rule(length=st.sampled_from([1, 60, 65535, 65536, 10**6]))
    def outage(self, length: int) -> None:
        self.next += length * FRAGMENTS[self.shape] * self.slots

    @rule()
    def repeat(self) -> None:
        """The burst heard last comes once more."""
        if self.taken and self.next - 1 == self.taken[-1]:
            self.hear(self.taken[-1])
            self.duplicates += 1

    @rule()
    def loop(self) -> None:
        """What was heard since the start comes again from its beginning."""
        if len(self.taken) > 3 and self.taken[-1] > self.taken[2]:
            again, self.taken = self.taken, []
            self.passes.append([])
            for number in again:
                self.hear(number)
                self.taken.append(number)
                self.passes[-1].append((number, FRAGMENTS[self.shape]))
            self.next = again[-1] + 1

    def hear(self, number: int) -> None:
        frame, fragment = divmod(number, FRAGMENTS[self.shape])
        numbers = {"first_sequence": self.first_sequence, "first_frame": self.first_frame}
        each = sent([frame], self.stream, self.shape, self.slots, **numbers)[fragment]
        for received in self.assembler.push(each):
            assert received.place not in self.places
            self.places.add(received.place)
            assert received.place < self.assembler.places
        self.heard += 1

    @invariant()
    def every_burst_is_in_one_count(self) -> None:
        counted = self.assembler.counters
        waiting = sum(len(track._again) for track in self.assembler._tracks.values())
        assert counted.bursts_received + counted.bursts_duplicate + waiting == self.heard
        assert counted.bursts_misplaced == 0

    def teardown(self) -> None:
        for frame in self.assembler.flush():
            assert frame.place not in self.places
            self.places.add(frame.place)
        counted = self.assembler.counters
        known = 0
        for taken in filter(None, self.passes):
            fragments = taken[0][1]
            first, last = taken[0][0] // fragments, taken[-1][0] // fragments
            known += (last - first + 1) * fragments
        assert counted.bursts_received == sum(map(len, self.passes))
        assert counted.bursts_received + counted.bursts_lost == known
        assert counted.bursts_duplicate == self.duplicates
        assert counted.restarts + counted.streams == sum(map(bool, self.passes))
        assert counted.frames_complete + counted.frames_partial == len(self.places)


Transmissions.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestTransmissions = Transmissions.TestCase
