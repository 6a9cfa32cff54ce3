"""What is called received was understood: bursts whose parts contradict each other do not come out."""

import numpy as np
import pytest

from gvc.phy import BurstReceiver, BurstTransmitter, FrameAssembler, Numerology
from gvc.phy.agreement import Agreement
from tests.phy.conftest import gaussian_frames, impair

U = Numerology.load("ofdm64")
FRAMES = 6
HEADER_END = U.preamble_samples + U.header_symbols * U.symbol_samples


@pytest.fixture(scope="module")
def bursts() -> list[np.ndarray]:
    """Samples of bursts at 25 dB, their gaps included."""
    transmitter = BurstTransmitter(U)
    sent = [burst for frame in gaussian_frames(FRAMES, 192, 256, 32) for burst in transmitter.bursts(frame)]
    noisy = impair(np.concatenate(sent), U, snr_db=25, before=0)[0][: FRAMES * len(sent[0])]
    return np.split(noisy, FRAMES)


def receive(bursts: list[np.ndarray]) -> tuple[BurstReceiver, FrameAssembler, list]:
    receiver, assembler = BurstReceiver(U), FrameAssembler(U)
    found = receiver.push(np.concatenate([*bursts, np.zeros(640)]))
    frames = [frame for burst in found for frame in assembler.push(burst)]
    return receiver, assembler, frames + assembler.flush()


def misaligned(samples: np.ndarray) -> np.ndarray:
    """I and Q out of step by one value of 4 bytes (gnss-sdr#59)."""
    values = samples.astype(np.complex64).view(np.float32)
    return np.roll(values, -1).view(np.complex64)


def test_i_and_q_out_of_step_are_refused(bursts) -> None:
    receiver, assembler, frames = receive([misaligned(burst) for burst in bursts])
    assert frames == []
    assert receiver.not_understood == receiver.headers_read >= FRAMES - 2
    assert assembler.counters.bursts_received == 0


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0, 10.0])
def test_a_header_before_something_else_is_no_burst(bursts, level: float) -> None:
    """Sent is received and counted lost: the numbers around the two that were not understood show them."""
    random = np.random.default_rng(1)
    given = [burst.copy() for burst in bursts]
    for i in (2, 3):
        noise = random.standard_normal((2, len(given[i]) - HEADER_END))
        given[i][HEADER_END:] = level / 2**0.5 * (noise[0] + 1j * noise[1])
    receiver, assembler, frames = receive(given)
    assert receiver.not_understood == 2
    assert [frame.frame_id for frame in frames] == [0, 1, 4, 5]
    counters = assembler.counters
    assert (counters.bursts_received, counters.bursts_lost) == (4, 2)
    assert (counters.frames_complete, counters.frames_lost) == (4, 2)


@pytest.mark.parametrize("step", [0.5, 2.0])
@pytest.mark.parametrize("at", [U.preamble_samples - 40, HEADER_END, 3000])
def test_a_step_of_the_gain_is_no_contradiction(bursts, step: float, at: int) -> None:
    stepped = [np.concatenate([burst[:at], step * burst[at:]]) for burst in bursts]
    receiver, _, frames = receive(stepped)
    assert len(frames) == FRAMES
    assert receiver.not_understood == 0


@pytest.mark.parametrize("name", ["ofdm64", "ofdm256"])
@pytest.mark.parametrize("snr_db", [-3.0, 0.0, 20.0])
def test_noise_that_the_map_knows_is_no_contradiction(link, name: str, snr_db: float) -> None:
    outcome = link(name, frames=20, size=(96, 96), snr_db=snr_db)
    assert outcome.receiver.not_understood == 0
    assert outcome.receiver.headers_read == outcome.counters.bursts_received > 10


def test_a_burst_of_one_symbol_is_judged_by_what_its_few_pilots_prove(link) -> None:
    outcome = link(frames=60, size=(16, 16), snr_db=0)
    assert outcome.receiver.not_understood == 0
    assert outcome.counters.bursts_received > 55


def test_the_measures_against_closed_forms() -> None:
    """y = g p h + n with n of c times the variance claimed: gain g, misfit c + |1 - g|^2 |h|^2 / v."""
    random = np.random.default_rng(2)

    def gaussian(*shape: int) -> np.ndarray:
        return ((random.standard_normal(shape) + 1j * random.standard_normal(shape)) / 2**0.5).astype(np.complex64)

    rx, symbols, carriers, index = 2, 4000, 12, np.array([1, 4, 9])
    response, variance = gaussian(1, 1, carriers) + np.zeros((rx, symbols, 1), np.complex64), 0.1
    pilots = np.sign(random.standard_normal((symbols, len(index)))).astype(np.float32)
    for gain, excess in ((1.0, 1.0), (0.3, 1.0), (0.8, 4.0)):
        received = np.sqrt(np.float32(variance * excess)) * gaussian(rx, symbols, carriers)
        received[..., index] += gain * response[..., index] * pilots
        observed = gaussian(rx, 1, carriers) + np.zeros((1, 8, 1), np.complex64)
        claimed = np.full(response.shape, variance, np.float32)
        found = Agreement.of(observed, 6, received, response, claimed, pilots, index)
        strength = np.mean(np.abs(response[..., index]) ** 2) / variance
        each = excess + (1 - gain) ** 2 * np.sum(np.abs(response[0, 0, index]) ** 2) / len(index) / variance
        assert found.gain == pytest.approx(gain, abs=5 * np.sqrt(excess / 2 / strength / (rx * symbols * len(index))))
        assert found.misfit == pytest.approx(each, rel=0.15)
        assert found.header_gain == pytest.approx(1, abs=1e-5)
        assert found.understood == (gain > 0.5)
