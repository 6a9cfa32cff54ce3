"""One root seed, named sub-streams: the same (seed, name) always gives the same draws."""

import hashlib

import numpy as np


def integer(seed: int, name: str) -> int:
    """A 63-bit seed for torch or Sionna, derived from `seed` and `name`."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def stream(seed: int, name: str) -> np.random.Generator:
    """A numpy generator for the sub-stream `name` of the root `seed`."""
    return np.random.default_rng(integer(seed, name))
