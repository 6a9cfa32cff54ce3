"""What README shows is run: its examples, its commands, the files that it names."""

import importlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from flowgraphs import cli
from gvc import registry

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
EXAMPLES = README.split("## Your own parts")[1].split("\n## ")[0]


def blocks(language: str, text: str = EXAMPLES) -> list[str]:
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that README's examples are in."""
    (tmp_path / "mine.py").write_text("\n\n".join(blocks("python")))
    (tmp_path / "quiet.yaml").write_text(blocks("yaml")[0])
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    sys.modules.pop("mine", None)
    importlib.invalidate_caches()
    return tmp_path


def commands() -> list[list[str]]:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [shlex.split(line) for line in lines]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`gvc` as `./testbed` starts it, in the folder that is current."""
    command = [sys.executable, "-P", "-m", "flowgraphs.cli", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=110)


def test_the_example_decoder_is_a_decoder(folder: Path) -> None:
    decoder = registry.create("decoder", "mine:GreyDecoder", preset="default", arm_name="jscc", dtype="auto")
    picture = decoder.decode(np.zeros(12, np.complex64), np.ones(12, np.float32), 30, 20, 24)
    assert (picture.shape, picture.dtype) == ((30, 20, 3), np.uint8)


def test_the_example_channel_is_a_channel(folder: Path) -> None:
    channel = registry.create("channel", "mine:Wire", sample_rate_hz=1e6, center_frequency_hz=2.4e9, rx_antennas=2)
    x = np.arange(5, dtype=np.complex64)
    assert np.array_equal(channel.process(x), [x, x])
    assert channel.flush().shape == (2, 0)


def test_the_example_radio_is_valid(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checks = [arguments for _, *arguments in commands() if arguments[0] == "radios"]
    assert len(checks) == 1 and cli.run(checks[0]) == 0
    assert "12000" in capsys.readouterr().out


@pytest.mark.gr
def test_an_example_runs_beside_folders_called_like_ours(folder: Path) -> None:
    for name in ("models", "gvc"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("raise RuntimeError('the wrong package')\n")
    link = next(arguments for _, *arguments in commands() if "model.decoder=mine:GreyDecoder" in arguments)
    small = ["--set", "video.size=64x64", "--set", "model.preset=small", "--frames", "2", "--radio", "sim-awgn"]
    done = run(*link, *small, "--metrics", "psnr_db", "--pace", "none", "--out", "run")
    assert done.returncode == 0, done.stderr


def test_every_command_of_the_table_exists() -> None:
    table = README.split("| command | what it does |")[1].split("\n\n")[0]
    named = {name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert named == set(cli.ENTRIES)


def test_every_folder_of_the_tree_exists_and_is_named() -> None:
    named = set(re.findall(r"^\| `(\w+)/` \|", README, re.MULTILINE))
    passing = {"runs", "scratch", "build", "dist"}
    there = {path.name for path in ROOT.iterdir() if path.is_dir() and "." not in path.name and path.name[0] != "_"}
    assert named == there - passing


def test_documented_variables_are_those_of_the_launcher() -> None:
    launcher = (ROOT / "testbed").read_text()
    table = set(re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE))
    assert table == set(re.findall(r"^  ([A-Z_]+)  ", launcher, re.MULTILINE))
    assert all(name in launcher for name in table)
