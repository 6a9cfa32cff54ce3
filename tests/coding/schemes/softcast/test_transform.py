"""The transform keeps energy and comes back; the grids part the spectrum."""

import numpy as np
import pytest
from scipy.fft import dct

from gvc.coding.schemes.softcast.transform import COLOUR, GRIDS, Chunks, edges, pictures, spectrum


def test_spectrum_is_orthonormal() -> None:
    shown = np.random.default_rng(1).normal(100, 40, (5, 24, 40, 3)).astype(np.float32)
    found = spectrum(shown)
    assert found.shape == (3, 5, 24, 40)
    assert np.sum(found.astype(float) ** 2) == pytest.approx(np.sum(shown.astype(float) ** 2), rel=1e-5)
    np.testing.assert_allclose(pictures(found), shown, atol=1e-3)
    np.testing.assert_allclose(COLOUR @ COLOUR.T, np.eye(3), atol=1e-6)


def test_spectrum_is_the_dct_along_every_axis() -> None:
    shown = np.random.default_rng(2).normal(size=(4, 6, 8, 3))
    bases = [dct(np.eye(side), axis=0, norm="ortho") for side in (4, 6, 8)]
    expected = np.einsum("ct,du,ev,fk,tuvk->fcde", *bases, COLOUR, shown)
    np.testing.assert_allclose(spectrum(shown.astype(np.float32)), expected, atol=1e-4)


@pytest.mark.parametrize("grid", range(len(GRIDS)))
@pytest.mark.parametrize("size", [(1, 16, 16), (3, 70, 41), (16, 64, 64)])
def test_chunks_part_the_spectrum(grid: int, size: tuple[int, int, int]) -> None:
    chunks = Chunks(*size, grid)
    assert chunks.count == len(chunks.sizes) == np.prod(chunks.shape)
    assert sorted(chunks.order.tolist()) == list(range(3 * np.prod(size)))
    coefficients = np.random.default_rng(3).normal(size=(3, *size)).astype(np.float32)
    expected = np.add.reduceat(coefficients.ravel()[chunks.order].astype(float) ** 2, chunks.starts) / chunks.sizes
    np.testing.assert_allclose(chunks.energies(coefficients), expected, rtol=1e-4)


def test_the_lowest_frequency_is_a_chunk_alone_and_sides_grow() -> None:
    for space, _, longest in GRIDS:
        sides = np.diff(edges(500, space, longest))
        assert sides[0] == 1 and sides.max() <= longest and (np.diff(sides[:-1]) >= 0).all()
