import numpy as np
import pytest

from gvc.noise_map import NU_MAX
from gvc.phy import BurstReceiver, BurstTransmitter, FrameAssembler
from tests.phy.conftest import gaussian_frames, impair


@pytest.mark.parametrize("seed", range(4))
def test_every_burst_is_received_or_counted_lost(link, short_bursts, seed: int) -> None:
    """Bursts dropped at random, the first and the last one kept: sent = received + lost, for bursts and for frames."""
    random = np.random.default_rng(seed)
    frames, fragments = 12, 2
    dropped = set(np.flatnonzero(random.random(frames * fragments - 1) < 0.5).tolist()) - {0}
    outcome = link(short_bursts, frames=frames, size=(64, 64), snr_db=20, drop=lambda burst: burst in dropped)
    counters = outcome.counters
    assert outcome.bursts_sent == frames * fragments
    assert counters.bursts_received == outcome.bursts_sent - len(dropped)
    assert counters.bursts_received + counters.bursts_lost == outcome.bursts_sent
    assert counters.frames_complete + counters.frames_partial + counters.frames_lost == frames
    whole = [f for f in range(frames) if not {2 * f, 2 * f + 1} & dropped]
    gone = [f for f in range(frames) if {2 * f, 2 * f + 1} <= dropped]
    assert counters.frames_complete == len(whole)
    assert counters.frames_lost == len(gone)
    assert [f.frame_id for f in outcome.received] == [f for f in range(frames) if f not in gone]


def test_missing_bursts_are_erased(link, short_bursts) -> None:
    outcome = link(short_bursts, frames=2, size=(64, 64), snr_db=20, drop=lambda burst: burst == 0)
    partial, whole = outcome.received
    assert (partial.bursts_received, partial.bursts_expected) == (1, 2)
    assert partial.erased.sum() > 80
    assert np.all(partial.symbols[partial.erased] == 0)
    assert np.all(partial.noise_map[partial.erased] == np.float32(NU_MAX))
    there = ~partial.erased
    assert np.mean(np.abs(partial.symbols - outcome.sent[0].symbols)[there] ** 2) < 0.02
    assert not whole.erased.any()
    # The loss is spread over the frame: no quarter of it goes altogether.
    assert all(quarter.mean() < 0.9 for quarter in np.array_split(partial.erased, 4))


def received_bursts(numerology, frames: int):
    transmitter = BurstTransmitter(numerology)
    bursts = [b for f in gaussian_frames(frames, 64, 64, 32) for b in transmitter.bursts(f)]
    samples = impair(np.concatenate([*bursts, transmitter.flush_samples()]), numerology)
    return BurstReceiver(numerology).push(samples)


def test_duplicates_are_counted_and_dropped(short_bursts) -> None:
    assembler = FrameAssembler(short_bursts)
    bursts = received_bursts(short_bursts, 2)
    frames = [f for b in [bursts[0], bursts[0], bursts[1], bursts[1], *bursts[2:]] for f in assembler.push(b)]
    assert [f.frame_id for f in frames] == [0, 1]
    assert assembler.counters.bursts_duplicate == 2
    assert assembler.counters.bursts_received == 4


def test_flush_closes_the_open_frame(short_bursts) -> None:
    assembler = FrameAssembler(short_bursts)
    first = received_bursts(short_bursts, 1)[0]
    assert assembler.push(first) == []
    (frame,) = assembler.flush()
    assert frame.bursts_received == 1
    assert assembler.flush() == []


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (272, 640)])
def test_sizes(link, size: tuple[int, int]) -> None:
    outcome = link(frames=1, size=size, snr_db=30)
    frame = outcome.received[0]
    assert (frame.height, frame.width, frame.latents) == (*size, 32)
    assert frame.symbols.shape == outcome.sent[0].symbols.shape
    assert outcome.error_db() < -25


@pytest.mark.slow
def test_a_4k_frame(link) -> None:
    outcome = link(frames=1, size=(2160, 3840), latents=64, snr_db=30, chunk=65536)
    assert outcome.counters.bursts_received == outcome.bursts_sent
    assert outcome.error_db() < -25
