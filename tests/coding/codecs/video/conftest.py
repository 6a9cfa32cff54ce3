"""Pictures for the codecs, and every codec with every preset."""

import numpy as np
import pytest

from gvc import registry


@pytest.fixture(scope="session")
def pictures() -> np.ndarray:
    """Eight pictures uint8 [8, 64, 96, 3]: a textured plane that moves, in front of a coloured slope."""
    y, x = np.mgrid[:64, :96].astype(np.float64)
    shown = []
    for time in range(8):
        u = x - 2 * time
        texture = 50 * np.sin(u / 3) * np.cos(y / 5) + 20 * np.sin(u * y / 90)
        disc = (u - 40) ** 2 + (y - 32) ** 2 < 400
        plane = np.stack([90 + x, 60 + 2 * y, 200 - x], axis=-1)
        shown.append(np.where(disc[..., None], 128 + texture[..., None] * np.array([1.0, 0.7, 0.4]), plane))
    return np.clip(np.round(shown), 0, 255).astype(np.uint8)


STILLS = ("jpeg", "avif")
ALL = [(codec, "random-access") for codec in registry.names("codec")]
ALL += [(codec, "low-delay") for codec in registry.names("codec") if codec not in STILLS]
