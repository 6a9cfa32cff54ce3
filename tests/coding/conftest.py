"""Pictures and a symbol channel for the schemes."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from gvc.coding.scheme import ReceivedSlot, Slot
from gvc.noise_map import NU_MAX, NU_MIN


@pytest.fixture(scope="session")
def scene() -> np.ndarray:
    """Four pictures uint8 [4, 64, 96, 3]: a textured disc that moves, in front of a coloured slope."""
    y, x = np.mgrid[:64, :96].astype(np.float64)
    shown = []
    for time in range(4):
        u = x - 3 * time
        disc = (u - 40) ** 2 + (y - 32) ** 2 < 400
        texture = 128 + 50 * np.sin(u / 3) * np.cos(y / 5)
        shown.append(
            np.where(disc[..., None], texture[..., None] * [1.0, 0.7, 0.4], np.stack([90 + x, 2 * y, 200 - x], -1))
        )
    return np.clip(np.round(shown), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def receive() -> Callable:
    """receive(slots, snr_db, seed, fading, lost): slots through AWGN or independent Rayleigh fades."""

    def pass_on(
        slots: Sequence[Slot], snr_db: float, seed: int = 0, fading: bool = False, lost: Sequence[int] = ()
    ) -> list[ReceivedSlot | None]:
        random = np.random.default_rng(seed)
        received: list[ReceivedSlot | None] = []
        for number, slot in enumerate(slots):
            count = len(slot.symbols)
            gain = random.exponential(size=count) if fading else np.ones(count)
            noise_map = 10 ** (-snr_db / 10) / gain
            noise = (random.standard_normal((count, 2)) @ [1, 1j]) * np.sqrt(noise_map / 2)
            symbols = np.where(noise_map < NU_MAX, slot.symbols + noise, 0).astype(np.complex64)
            noise_map = np.clip(noise_map, NU_MIN, NU_MAX).astype(np.float32)
            known = ReceivedSlot(symbols, noise_map, slot.payload_type, slot.mode, snr_db)
            received.append(None if number in lost else known)
        return received

    return pass_on


@pytest.fixture(scope="session")
def psnr() -> Callable:
    """psnr(one, other): of all pictures pooled, in dB."""
    return lambda one, other: float(10 * np.log10(255**2 / max(np.mean((one.astype(float) - other) ** 2), 1e-9)))
