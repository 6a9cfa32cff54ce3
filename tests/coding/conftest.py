"""Pictures and a symbol channel for the schemes."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import strategies as st

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


def as_told(slots: Sequence[Slot], error: np.ndarray, noise_map: np.ndarray) -> list[ReceivedSlot]:
    """Slots through just the channel that a genie was told of."""
    return [
        ReceivedSlot(slot.symbols + error[row], noise_map[row], slot.payload_type, slot.mode)
        for row, slot in enumerate(slots)
    ]


@st.composite
def any_slots(draw: st.DrawFn, counts: Sequence[int], most: int) -> list[ReceivedSlot | None]:
    """Up to `most` slots with any header, any noise and one of `counts` symbols, or lost."""
    header = st.tuples(st.integers(0, 15), st.integers(0, 15), st.sampled_from(counts))
    kinds = draw(st.lists(st.none() | header, min_size=1, max_size=most))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    slots: list[ReceivedSlot | None] = []
    for kind in kinds:
        if kind is None:
            slots.append(None)
            continue
        symbols = (random.standard_normal((kind[2], 2)) @ [1, 1j]).astype(np.complex64)
        noise_map = random.choice([NU_MIN, 0.5, NU_MAX], kind[2]).astype(np.float32)
        slots.append(ReceivedSlot(symbols, noise_map, kind[0], kind[1]))
    return slots


@pytest.fixture(scope="session")
def psnr() -> Callable:
    """psnr(one, other): of all pictures pooled, in dB."""
    return lambda one, other: float(10 * np.log10(255**2 / max(np.mean((one.astype(float) - other) ** 2), 1e-9)))
