"""Calm bursts are left alone, and what is strong is noticed, as `ReceivedBurst.disturbed` tells it."""

import numpy as np
import pytest

from benchmarks.phy_disturbed import DISTURBANCES, SentBurst
from benchmarks.phy_links import passages
from gvc.phy import BurstReceiver, Numerology
from tests.phy.conftest import run

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

U = Numerology.load("ofdm64")
BY_NAME = {disturbance.name: disturbance for disturbance in DISTURBANCES}


def disturbed(name: str | None, channel: str, snr_db: float, bursts: int, rx_antennas: int = 1) -> tuple[int, int]:
    """How many of so many bursts are received, and how many of these are called disturbed."""

    def drawn(places: list[tuple[int, int]], random: np.random.Generator) -> list[dict]:
        return BY_NAME[name or ""].impairments(SentBurst(U, *places[0], random))

    received = found = 0
    impairments = drawn if name else None
    for passage in passages(U, channel, snr_db, bursts, rx_antennas=rx_antennas, impairments=impairments):
        receiver = BurstReceiver(U, rx_antennas=rx_antennas)
        out = receiver.push(passage.samples)
        assert receiver.disturbed_bursts >= sum(burst.disturbed for burst in out)
        received += len(out)
        found += sum(burst.disturbed for burst in out)
    return received, found


@pytest.mark.parametrize("channel", ["awgn", "tdl-c-900ns"])
@pytest.mark.parametrize("snr_db", [5.0, 10.0, 15.0])
def test_calm_bursts_are_left_alone(channel: str, snr_db: float) -> None:
    received, found = disturbed(None, channel, snr_db, 60)
    assert received >= 54 and found <= 1


def test_calm_bursts_on_two_antennas_are_left_alone() -> None:
    received, found = disturbed(None, "tdl-c-900ns", 10.0, 60, rx_antennas=2)
    assert received >= 59 and found <= 1


@pytest.mark.parametrize("channel", ["awgn", "tdl-c-900ns"])
@pytest.mark.parametrize(
    "name", ["pulses 10 dB 400 samples", "pulses 20 dB 40 samples", "tone -10 dB", "interferer -10 dB", "step 1000 Hz",
             "missing 10", "missing 300", "doubled 300"],
)  # fmt: skip
def test_what_is_strong_is_noticed(name: str, channel: str) -> None:
    received, found = disturbed(name, channel, 15.0, 8)
    assert received >= 6 and found >= received - (channel != "awgn")


@pytest.mark.parametrize("numerology", ["ofdm64", "ofdm256"])
@pytest.mark.parametrize("taps", [[[1.0]], [[1.0, 0.6j, -0.3]], [[1.0, 0.5], [0.2, 0.9j]], [[1.0], [0.0]]])
@pytest.mark.parametrize("size", [(16, 16), (48, 80), (256, 256)])
def test_without_noise_nothing_is_disturbed(numerology: str, taps: list[list[complex]], size: tuple[int, int]) -> None:
    """The peak limiter's noise, which only the payload has, is all that is left."""
    outcome = run(numerology, size=size, taps=np.array(taps), rx_antennas=len(taps), cfo_hz=1.2e3)
    assert outcome.receiver.headers_read == outcome.bursts_sent
    assert outcome.counters.as_dict()["bursts_lost"] == 0 and outcome.receiver.disturbed_bursts == 0
