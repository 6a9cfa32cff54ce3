"""Small untrained networks, so that tests need no shipped weights."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from gvc import seeds
from models import weights
from models.arms import AWARE, BEHIND, BLIND, CONTROL, DENOISER, ENCODER, Places, widen
from models.cddm import network as cddm
from models.jscc import network as jscc


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """Random weights of the small preset in one folder."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(3)
    size = jscc.SIZES["small"]
    aware = jscc.Decoder(size)
    denoiser = cddm.Denoiser(cddm.SIZES["small"])
    torch.nn.init.normal_(denoiser.body.layers[-1].weight, std=0.02)
    for network, name in (
        (jscc.Encoder(size), ENCODER),
        (aware, AWARE),
        (jscc.Decoder(size, aware=False), BLIND),
        (denoiser, DENOISER),
        (jscc.Decoder(size), BEHIND),
        (widen(aware, "small"), CONTROL),
    ):
        weights.save(network, folder / name)
    return Places("small", folder, folder)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of twelve smooth random pictures, and `validation.txt` naming two of them."""
    folder = tmp_path_factory.mktemp("photos")
    draw = seeds.stream(1, "photos")
    for index in range(12):
        coarse = draw.integers(0, 255, (5, 6, 3), dtype="uint8")
        Image.fromarray(coarse).resize((90, 72), Image.Resampling.BICUBIC).save(folder / f"p{index:02}.png")
    (folder / "validation.txt").write_text("# held out\np03.png\np07.png\n")
    return folder
