import numpy as np
import pytest

from gvc.phy.sequences import interleaver, pseudo_random_bits, scrambling_signs, splitmix64


def test_splitmix64_gives_the_published_numbers() -> None:
    """First outputs for seed 1234567, as printed by the reference C code of Vigna and many ports of it."""
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert splitmix64(1234567, 4).tolist() == expected


@pytest.mark.parametrize("count", [1, 2, 48, 4128])
def test_interleaver_is_a_permutation(count: int) -> None:
    assert np.array_equal(np.sort(interleaver(7, count)), np.arange(count))


def test_interleaver_takes_neighbours_apart() -> None:
    order = interleaver(20250, 4128)
    assert np.mean(np.abs(np.diff(order)) < 48) < 0.05


def test_bits_and_signs_are_balanced() -> None:
    assert abs(np.mean(pseudo_random_bits(3, 100_000)) - 0.5) < 0.01
    assert np.all(np.abs(np.mean(scrambling_signs(3, 50_000), axis=0)) < 0.02)
