"""Pictures made on the spot."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def pictures():
    """`pictures(count, height, width, seed)`: smooth moving uint8 pictures [count, height, width, 3] with detail."""

    def make(count: int, height: int, width: int, seed: int = 0) -> np.ndarray:
        rng = np.random.default_rng(seed)
        y, x = np.mgrid[:height, :width]
        waves = rng.uniform(0.02, 0.4, (3, 6, 2))
        phase = rng.uniform(0, 6.28, (3, 6))
        out = np.empty((count, height, width, 3))
        for frame in range(count):
            for colour in range(3):
                total = sum(
                    np.sin(u * (x + 2 * frame) + v * y + p) / (1 + 10 * (u + v))
                    for (u, v), p in zip(waves[colour], phase[colour], strict=True)
                )
                out[frame, ..., colour] = 128 + 80 * total
        return np.clip(np.rint(out), 0, 255).astype(np.uint8)

    return make


@pytest.fixture(scope="session")
def noisy():
    """`noisy(pictures, sigma, seed)`: the pictures with Gaussian noise of `sigma` grey levels."""

    def make(clean: np.ndarray, sigma: float, seed: int = 1) -> np.ndarray:
        noise = np.random.default_rng(seed).normal(0, sigma, clean.shape)
        return np.clip(np.rint(clean + noise), 0, 255).astype(np.uint8)

    return make
