"""One realisation is the same for whatever is sent through it."""

import numpy as np
import pytest

from gvc.config import build
from gvc.noise_map import NU_MAX
from gvc.simulation.realisation import WARM_UP, Probe, Realisation

SHAPE = (64, 64, 32)
COUNT = 16 * 16


def realisation(radio: str, snr_db: float = 10.0, seed: int = 3) -> Realisation:
    return Realisation(build(radio), snr_db, seed, *SHAPE, interval_s=0.04)


def qpsk(seed: int, slots: int) -> list[np.ndarray]:
    bits = np.random.default_rng(seed).integers(0, 2, (slots, 2 * COUNT))
    return list(((1 - 2 * bits) * np.float32(0.5**0.5)).astype(np.float32).view(np.complex64))


def test_slots_meet_the_fades_and_the_noise_that_the_probe_saw() -> None:
    air = realisation("sim-rayleigh-block")
    probe = air.probe(5)
    sent = qpsk(7, 5)
    received = air.send([(symbols, 1, 2) for symbols in sent])
    for slot, frame in enumerate(received):
        if frame is None:
            assert (probe.noise_map[slot] == NU_MAX).all()
            continue
        assert (frame.payload_type, frame.mode) == (1, 2)
        # other symbols are clipped elsewhere, and training that saw other noise would not correlate at all
        assert np.corrcoef(np.abs(frame.symbols - sent[slot]), np.abs(probe.error[slot]))[0, 1] > 0.5
        assert np.mean(frame.noise_map) == pytest.approx(np.mean(probe.noise_map[slot]), rel=0.2)
    assert sum(frame is not None for frame in received) >= 3


def test_another_seed_is_another_draw() -> None:
    first, second = (realisation("sim-rayleigh-block", seed=seed).probe(3).noise_map for seed in (3, 4))
    assert not np.allclose(first, second, rtol=0.3)


def test_feedback_is_the_mean_snr_of_slots_long_enough_ago() -> None:
    probe = realisation("sim-awgn", 12.0).probe(4)
    assert len(probe.snr_db) == WARM_UP + 4
    for slot, delay in ((0, 0), (0, 4), (3, 2), (3, 1000)):
        assert abs(probe.feedback_db(slot, delay) - 12) < 1


def test_feedback_is_as_late_and_as_wide_as_stated() -> None:
    probe = Probe(np.zeros((4, 1)), np.zeros((4, 1)), np.arange(16.0 + 4))
    assert probe.feedback_db(0, 1, window=1) == pytest.approx(15)  # the slot before
    assert probe.feedback_db(0, 0, window=1) == pytest.approx(15)
    assert probe.feedback_db(2, 4, window=1) == pytest.approx(14)
    assert probe.feedback_db(3, 16, window=1) == pytest.approx(3)
    assert 16 < probe.feedback_db(3, 1, window=3) < 18
    lost = Probe(np.zeros((1, 1)), np.zeros((1, 1)), np.array([7.0, np.nan, 3.0]))
    assert lost.feedback_db(0, 1, window=1) == -30 and lost.feedback_db(0, 1, window=2) == pytest.approx(7)


def test_nothing_received_is_told_as_a_bad_channel() -> None:
    probe = realisation("sim-awgn", -25.0).probe(2)
    assert (probe.noise_map == NU_MAX).all() and not probe.error.any()
    assert probe.feedback_db(0, 0) == -30
