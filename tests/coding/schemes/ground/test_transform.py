"""The transform of the linear ground against SciPy's DCT."""

import numpy as np
import pytest
import scipy.fft
import torch

from gvc.coding.schemes.ground.transform import BLOCK, COEFFICIENTS, analyse, grid, pad, synthesise


def picture(height: int, width: int, batch: int = 1) -> torch.Tensor:
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(height * width))


def test_blocks_are_scipys_orthonormal_dct_of_opponent_colours() -> None:
    shown = picture(64, 96)
    coefficients = analyse(shown)[0].reshape(2, 3, 3, BLOCK, BLOCK).numpy()
    grey = shown[0].sum(0).numpy() / np.sqrt(3)
    block = scipy.fft.dctn(grey[32:, 64:], norm="ortho")
    assert np.allclose(coefficients[1, 2, 0], block, atol=1e-4)
    red_less_blue = (shown[0, 0] - shown[0, 2]).numpy() / np.sqrt(2)
    assert np.allclose(coefficients[0, 1, 1], scipy.fft.dctn(red_less_blue[:32, 32:64], norm="ortho"), atol=1e-4)


def test_it_is_orthonormal_and_synthesis_inverts_it() -> None:
    shown = picture(96, 64, 2)
    coefficients = analyse(shown)
    assert coefficients.shape == (2, 6, COEFFICIENTS)
    assert torch.allclose(coefficients.square().sum((1, 2)), shown.square().sum((1, 2, 3)), rtol=1e-5)
    assert torch.allclose(synthesise(coefficients, 3, 2), shown, atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (32, 33), (50, 70), (64, 96)])
def test_any_size_is_padded_to_whole_blocks_by_its_edge(height: int, width: int) -> None:
    shown = picture(height, width)
    padded = pad(shown)
    rows, columns = grid(height, width)
    assert padded.shape[2:] == (BLOCK * rows, BLOCK * columns)
    assert torch.equal(padded[:, :, :height, :width], shown)
    assert torch.equal(padded[0, :, -1, -1], shown[0, :, -1, -1])
