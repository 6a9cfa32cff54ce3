"""Real bitstreams of every codec, cut, flipped, overwritten and shortened: pictures, gaps or ParseError, and soon."""

import time

import numpy as np
import pytest

from gvc import registry
from gvc.coding.codecs.video.decoder import DEADLINE_S
from gvc.errors import ParseError
from tests.coding.codecs.video.conftest import ALL


def mutate(data: bytes, generator: np.random.Generator) -> bytes:
    """One of five kinds of damage, at a random place."""
    damaged = bytearray(data)
    place = int(generator.integers(len(damaged)))
    length = int(generator.integers(1, 60))
    match int(generator.integers(5)):
        case 0:
            del damaged[place:]
        case 1:
            for position in generator.integers(0, len(damaged), 3):
                damaged[position] ^= 1 << int(generator.integers(8))
        case 2:
            damaged[place : place + length] = generator.bytes(length)
        case 3:
            del damaged[place : place + length]
        case 4:
            # The headers: of the segment, of the sequence and of the first picture.
            damaged[int(generator.integers(min(120, len(damaged))))] = int(generator.integers(256))
    return bytes(damaged)


def run(name: str, preset: str, pictures: np.ndarray, count: int) -> None:
    codec = registry.create("codec", name, preset=preset)
    n, height, width = pictures.shape[:3]
    data = codec.encode(pictures, 9000, 25.0)
    generator = np.random.default_rng(len(data))
    for _ in range(count):
        began = time.monotonic()
        try:
            shown = codec.decode(mutate(data, generator), n, height, width)
        except ParseError:
            shown = []
        assert all(picture is None or picture.shape == (height, width, 3) for picture in shown)
        assert time.monotonic() - began < DEADLINE_S + 10
    assert all(picture is not None for picture in codec.decode(data, n, height, width))


@pytest.mark.parametrize(("name", "preset"), ALL)
def test_twenty_mutations(name, preset, pictures):
    run(name, preset, pictures, 20)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "preset"), ALL)
def test_five_hundred_mutations(name, preset, pictures):
    run(name, preset, pictures, 500)
