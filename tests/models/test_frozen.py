import pytest
import torch

from models.arms import Places
from models.frozen import MOST_GRAPHS, Frozen


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("part", ["denoiser", "decoder"])
def test_frozen_graph_gives_the_same_bits_for_every_size_and_rate(places: Places, dtype, part: str) -> None:
    torch.manual_seed(0)
    network = (places.denoiser() if part == "denoiser" else places.decoder("D")).to(dtype).requires_grad_(False)
    frozen = Frozen(network)
    for rows, columns, active in ((3, 4, 32.0), (5, 2, 8.0), (3, 4, 64.0)):
        inputs = torch.randn(1, 64, rows, columns), torch.rand(1, 32, rows, columns) + 0.01, torch.tensor([active])
        with torch.inference_mode():
            assert torch.equal(frozen(*inputs), network(*inputs))


def test_number_of_graphs_is_bounded(places: Places) -> None:
    frozen = Frozen(places.denoiser().requires_grad_(False))
    for rows in range(1, MOST_GRAPHS + 3):
        frozen(torch.zeros(1, 64, rows, 1), torch.ones(1, 32, rows, 1), torch.tensor([32.0]))
        assert len(frozen._graphs) <= MOST_GRAPHS
