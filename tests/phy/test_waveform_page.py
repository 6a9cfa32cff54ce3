"""docs/waveform.md does what it says."""

import re
from pathlib import Path

import numpy as np

from gvc.phy import Numerology
from gvc.phy.layout import overhead

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "waveform.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


def test_example_receives_its_frame(capsys) -> None:
    exec(compile(PROGRAMS[0], "waveform.md", "exec"), {})
    printed = capsys.readouterr().out
    snr, ratio = (float(x) for x in re.search(r"([\d.]+) dB, error over noise map ([\d.]+)", printed).groups())
    assert abs(snr - 12) < 0.5
    assert abs(ratio - 1) < 0.15
    assert "'bursts_lost': 0" in printed


def test_equaliser_of_the_page(link) -> None:
    names: dict = {}
    exec(compile(PROGRAMS[1], "waveform.md", "exec"), names)
    random = np.random.default_rng(0)
    received, response = random.standard_normal((2, 2, 5, 7)) + 1j
    symbols, noise = names["SelectionCombining"]().equalise(received, response, np.ones((2, 5, 7)))
    assert symbols.shape == noise.shape == (5, 7)
    assert np.allclose(noise, 1 / np.max(np.abs(response) ** 2, axis=0))


def test_overhead_of_the_page() -> None:
    stated = int(re.search(r"That is (\d+) % more", PAGE).group(1))
    assert stated == round(100 * overhead(Numerology.load("ofdm64"), 4096))
