"""Frames through a waveform and a simple test channel of its own, so that these tests need no other part."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from gvc.noise_map import NU_MAX
from gvc.phy import (
    BurstReceiver,
    BurstTransmitter,
    FrameAssembler,
    Numerology,
    PictureShape,
    ReceivedFrame,
    SymbolFrame,
)
from gvc.phy.receiver.streams import Counters


def gaussian_frames(count: int, height: int, width: int, latents: int, seed: int = 0) -> list[SymbolFrame]:
    random = np.random.default_rng(seed)
    n = latents // 2 * -(-height // 16) * -(-width // 16)
    frames = []
    for i in range(count):
        symbols = random.standard_normal(n) + 1j * random.standard_normal(n)
        symbols /= np.sqrt(np.mean(np.abs(symbols) ** 2))
        frames.append(SymbolFrame(i, symbols, PictureShape(height, width, latents), mode=i % 3, last=i == count - 1))
    return frames


def resample(samples: np.ndarray, ppm: float) -> np.ndarray:
    """y[n] = x(n (1 + ppm 1e-6)) by windowed-sinc interpolation over 32 samples."""
    positions = np.arange(int(len(samples) / (1 + ppm * 1e-6)) - 40) * (1 + ppm * 1e-6)
    whole = np.floor(positions).astype(int)
    part = positions - whole
    padded = np.concatenate([np.zeros(16, complex), samples, np.zeros(32, complex)])
    out = np.zeros(len(positions), complex)
    for tap in range(-15, 17):
        apart = part - tap
        out += padded[16 + whole + tap] * np.sinc(apart) * np.cos(np.pi * apart / 34) ** 2
    return out


def impair(
    samples: np.ndarray,
    numerology: Numerology,
    snr_db: float | None = None,
    taps: np.ndarray | None = None,
    cfo_hz: float = 0.0,
    sro_ppm: float = 0.0,
    rx_antennas: int = 1,
    seed: int = 0,
    before: int = 500,
) -> np.ndarray:
    """Samples at the receiver, complex64 [rx_antennas, n]; taps [rx_antennas, L] of a fixed response."""
    random = np.random.default_rng(seed)
    x = np.concatenate([np.zeros(before), samples, np.zeros(200)])
    if sro_ppm:
        x = resample(x, sro_ppm)
    taps = np.ones((rx_antennas, 1)) if taps is None else taps
    y = np.stack([np.convolve(x, response)[: len(x)] for response in taps])
    y = y * np.exp(2j * np.pi * cfo_hz / numerology.sample_rate_hz * np.arange(y.shape[1]))
    if snr_db is not None:
        variance = 10 ** (-snr_db / 10) / numerology.occupied_fraction
        noise = random.standard_normal(y.shape) + 1j * random.standard_normal(y.shape)
        y = y + np.sqrt(variance / 2) * noise
    return y.astype(np.complex64)


@dataclasses.dataclass
class Outcome:
    sent: list[SymbolFrame]
    received: list[ReceivedFrame]
    counters: Counters
    receiver: BurstReceiver
    bursts_sent: int

    def errors(self) -> tuple[np.ndarray, np.ndarray]:
        """|error|^2 and noise map of all elements that are not erased."""
        pairs = [(np.abs(f.symbols - self.sent[f.frame_id].symbols) ** 2, f.noise_map) for f in self.received]
        error, noise = (np.concatenate(part) for part in zip(*pairs, strict=True))
        known = noise < NU_MAX
        return error[known], noise[known]

    def error_db(self) -> float:
        return float(10 * np.log10(np.mean(self.errors()[0])))


def run(
    numerology: Numerology | str = "ofdm64",
    frames: int = 4,
    size: tuple[int, int] = (64, 64),
    latents: int = 32,
    receiver: dict | None = None,
    drop: Callable[[int], bool] = lambda burst: False,
    chunk: int = 10000,
    **impairments,
) -> Outcome:
    """Send frames and receive them; `drop` says which bursts (by number) are replaced by silence."""
    u = Numerology.load(numerology) if isinstance(numerology, str) else numerology
    transmitter, assembler = BurstTransmitter(u), FrameAssembler(u)
    sent = gaussian_frames(frames, *size, latents)
    bursts = [burst for frame in sent for burst in transmitter.bursts(frame)]
    stream = [0 * burst if drop(i) else burst for i, burst in enumerate(bursts)]
    samples = impair(np.concatenate([*stream, transmitter.flush_samples()]), u, **impairments)
    rx = BurstReceiver(u, rx_antennas=samples.shape[0], **(receiver or {}))
    received = []
    for start in range(0, samples.shape[1], chunk):
        for burst in rx.push(samples[:, start : start + chunk]):
            received += assembler.push(burst)
    received += assembler.flush()
    return Outcome(sent, received, assembler.counters, rx, transmitter.bursts_sent)


@pytest.fixture(scope="session")
def link() -> Callable[..., Outcome]:
    return run


@pytest.fixture(scope="session")
def short_bursts() -> Numerology:
    """The default waveform with three payload symbols a burst, for tests that lose some of them."""
    return dataclasses.replace(Numerology.load("ofdm64"), payload_symbols=3)
