"""A small version of `benchmarks.phy_calibration`."""

import numpy as np
import pytest

from gvc import registry
from gvc.noise_map import NU_MAX, NU_MIN
from gvc.phy import BurstReceiver, BurstTransmitter, FrameAssembler, Numerology
from tests.phy.conftest import gaussian_frames


def pairs(channel: str, snr_db: float, draws: int, rx_antennas: int = 1, **parameters) -> tuple[np.ndarray, np.ndarray]:
    """|error|^2 and noise map over independent fades, one frame each."""
    u = Numerology.load("ofdm64")
    errors, maps = [], []
    for draw in range(draws):
        transmitter, assembler = BurstTransmitter(u), FrameAssembler(u)
        frame = gaussian_frames(1, 128, 128, 32, seed=draw)[0]
        fading = registry.create(
            "channel", channel, sample_rate_hz=1e6, center_frequency_hz=2.4e9, snr_db=snr_db, seed=draw,
            rx_antennas=rx_antennas, cfo_hz=4000.0, **parameters,
        )  # fmt: skip
        samples = np.concatenate([*transmitter.bursts(frame), transmitter.flush_samples()])
        for burst in BurstReceiver(u, rx_antennas=rx_antennas).push(fading.process(samples)):
            for received in assembler.push(burst):
                known = received.noise_map < NU_MAX
                errors.append(np.abs(received.symbols - frame.symbols)[known] ** 2)
                maps.append(received.noise_map[known])
    return np.concatenate(errors), np.concatenate(maps)


@pytest.mark.parametrize(
    ("channel", "spread", "snr_db", "antennas"),
    [("tdl-a", 30e-9, 15.0, 1), ("tdl-c", 900e-9, 10.0, 1), ("tdl-c", 900e-9, 20.0, 1), ("tdl-c", 900e-9, 10.0, 2)],
)
def test_noise_map_is_calibrated(channel: str, spread: float, snr_db: float, antennas: int) -> None:
    error, noise = pairs(channel, snr_db, 50, antennas, delay_spread_s=spread, speed_mps=3.0)
    assert np.mean(error / noise) == pytest.approx(1, abs=0.1)
    for decile in np.array_split(np.argsort(noise), 10):
        assert abs(10 * np.log10(np.mean(error[decile]) / np.mean(noise[decile]))) < 1


def test_noise_map_keeps_its_limits(link) -> None:
    clean = link(frames=1)
    assert np.all(clean.received[0].noise_map == np.float32(NU_MIN))
    notch = link(frames=2, size=(128, 128), snr_db=8, taps=np.array([[0.5, 0.5]]))
    for frame in notch.received:
        assert frame.noise_map.max() <= np.float32(NU_MAX)
        assert np.all(frame.symbols[frame.noise_map >= NU_MAX] == 0)
