"""docs/receiver.md says what is: its denoiser is one, its figures are those of its formulas."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from flowgraphs.commands.models import NETWORKS
from gvc import registry
from gvc.config import build
from gvc.paths import ROOT
from models.channel_estimator.network import DelayProfile

PAGE = (ROOT / "docs" / "receiver.md").read_text()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "mine.py").write_text(re.search(r"```python\n(.*?)```", PAGE, re.DOTALL).group(1))
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("mine", None)
    return tmp_path


def test_denoiser_of_the_page_is_the_linear_estimate(folder: Path) -> None:
    denoiser = registry.create("denoiser", "mine:Shrink", preset="small", steps=1)
    symbols, noise = np.array([2, 4j], np.complex64), np.array([1, 3], np.float32)
    assert np.allclose(denoiser.denoise(symbols, noise, 16, 16, 4), [1, 1j])


def test_settings_of_the_page_are_known() -> None:
    settings = re.findall(r"--set ([\w.]+=[\w:.-]+)", PAGE)
    assert len(settings) >= 6
    for setting in settings:
        if "mine:" not in setting:
            build(overrides=[setting])


def test_trained_network_and_its_size_are_those_of_the_page() -> None:
    named = re.findall(r"gvc models train (\w+)", PAGE)
    assert named and set(named) <= set(NETWORKS)
    stated = int(re.search(r"network of ([\d,]+) parameters", PAGE).group(1).replace(",", ""))
    assert round(sum(p.numel() for p in DelayProfile().parameters()), -3) == stated
