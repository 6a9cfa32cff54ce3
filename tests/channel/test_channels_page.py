"""docs/channels.md does what it says: its files are written to an empty folder and its commands run there."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from gvc import registry
from gvc.errors import InputError
from gvc.paths import ROOT

PAGE = (ROOT / "docs" / "channels.md").read_text()
COMMANDS = [line for block in re.findall(r"```bash\n(.*?)```", PAGE, flags=re.DOTALL) for line in block.splitlines()]


SLOW = [pytest.mark.slow, pytest.mark.timeout(600)]


def long(command):
    return command.startswith(("gvc link", "python -m benchmarks"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("mine")
    for name, content in re.findall(r"`([\w.-]+\.(?:py|yaml))`:\n\n```\w+\n(.*?)```", PAGE, flags=re.DOTALL):
        (path / name).write_text(content)
    assert {entry.name for entry in path.iterdir()} == {"try_channel.py", "two_ray.py", "sim-two-ray.yaml"}
    return path


@pytest.mark.parametrize("command", [pytest.param(c, marks=SLOW if long(c) else []) for c in COMMANDS])
def test_command_runs(command, folder):
    words = re.sub(r"^gvc ", "python -P -m flowgraphs.cli ", command).split()
    assert words[0] == "python"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *words[1:]], cwd=folder, env=environment, capture_output=True, text=True, timeout=590
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_channel_from_outside_keeps_the_laws(folder, monkeypatch):
    monkeypatch.syspath_prepend(str(folder))
    ends = {"sample_rate_hz": 1e6, "center_frequency_hz": 2.4e9}
    signal = np.exp(0.3j * np.arange(5000)).astype(np.complex64)
    whole, cut = (registry.create("channel", "two_ray:TwoRay", snr_db=20.0, rx_antennas=2, **ends) for _ in range(2))
    expected = np.concatenate([whole.process(signal), whole.flush()], axis=1)
    pieces = [*(cut.process(signal[i : i + 321]) for i in range(0, 5000, 321)), cut.flush()]
    assert np.abs(np.concatenate(pieces, axis=1) - expected).max() < 4e-6
    with pytest.raises(InputError, match="echo_db"):
        registry.create("channel", "two_ray:TwoRay", ecko_db=3.0, **ends)
