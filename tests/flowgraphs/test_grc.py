"""GNU Radio Companion: every block file fits its block, and link.grc compiles and runs without a display."""

import importlib
import inspect
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gvc.paths import ROOT

FOLDER = ROOT / "gvc_blocks" / "grc"
FILES = sorted(FOLDER.rglob("*.block.yml"))
WANTED = {
    "video_source", "jscc_encoder", "burst_transmitter", "sionna_channel", "burst_receiver", "cddm_denoiser",
    "jscc_decoder", "zmq_video_sink",
}  # fmt: skip


def test_every_block_of_the_link_has_a_file() -> None:
    assert {path.name.removeprefix("gvc_").removesuffix(".block.yml") for path in FILES} >= WANTED


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_block_file_fits_its_block(path: Path) -> None:
    block = yaml.safe_load(path.read_text())
    assert block["id"] == path.name.removesuffix(".block.yml")
    assert block["category"].startswith("[GVC]/")
    module_name, name = re.fullmatch(r"from (\S+) import (\w+)", block["templates"]["imports"]).groups()
    stage = path.parent.name
    assert module_name == f"gvc_blocks.{stage}.{block['id'].removeprefix('gvc_')}"
    made = getattr(importlib.import_module(module_name), name)
    accepted = set(inspect.signature(made).parameters)
    passed = re.findall(r"^ +(\w+)=\$\{(\w+)\},$", block["templates"]["make"], re.MULTILINE)
    assert all(left == right for left, right in passed)
    parameters = {parameter["id"] for parameter in block["parameters"]}
    assert {left for left, _ in passed} == parameters <= accepted
    source = inspect.getsource(made)
    for port in block.get("inputs", []):
        assert port["domain"] == "stream" or f'self.receive("{port["id"]}"' in source
    for port in block.get("outputs", []):
        assert port["domain"] == "stream" or f'self.send_on("{port["id"]}"' in source


def test_link_grc_compiles_and_runs_headless(clip: Path, tmp_path: Path) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if name != "DISPLAY"},
        "GRC_BLOCKS_PATH": str(FOLDER),
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    made = subprocess.run(
        # As `./testbed grcc` does.
        [sys.executable, shutil.which("grcc"), "-o", tmp_path, ROOT / "flowgraphs" / "link.grc"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    # Without its block files grcc leaves blocks out and says nothing.
    assert all(f"self.{name} =" in (tmp_path / "link.py").read_text() for name in WANTED)
    command = [sys.executable, str(tmp_path / "link.py"), "--frames", "2"]
    done = subprocess.run(
        [*command, "--clip", str(clip)], env=environment, capture_output=True, text=True, timeout=90, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    wrong = subprocess.run(
        [*command, "--clip", "nowhere.mp4"], env=environment, capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert wrong.returncode == 1
    assert "no such clip" in wrong.stderr
