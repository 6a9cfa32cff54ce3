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
    "video_source", "segment_encoder", "burst_transmitter", "sionna_channel", "burst_receiver", "denoiser",
    "segment_decoder", "zmq_video_sink",
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
        if port["domain"] == "stream":
            continue
        made_by = (f'self.send_on("{port["id"]}"', f'self.message_port_register_out(pmt.intern("{port["id"]}")')
        assert any(call in source for call in made_by)


@pytest.mark.parametrize("name", ["denoiser", "sionna_channel"])
def test_the_help_names_every_parameter_that_is_not_its_own_word(name: str) -> None:
    block = yaml.safe_load(next(path for path in FILES if path.name == f"gvc_{name}.block.yml").read_text())
    hidden = [parameter["label"] for parameter in block["parameters"] if name == "denoiser"] or ["Options"]
    assert all(f"{label}:" in block["documentation"] for label in hidden)


def test_symbols_reach_stock_blocks_as_pdus(clip: Path) -> None:
    code = """
import numpy as np, pmt, time
from gnuradio import blocks, gr
from gvc_blocks.runtime import flow
from gvc_blocks.coding.segment_encoder import SegmentEncoder
from gvc_blocks.coding.symbols_to_pdu import SymbolsToPdu
from gvc_blocks.video.video_source import VideoSource
import sys
top = gr.top_block()
new = flow.fresh()
source, pdu, debug = VideoSource(sys.argv[1], (64, 48), 3), SymbolsToPdu(), blocks.message_debug()
encoder = SegmentEncoder("jscc", settings=["model.encoder=tests.flowgraphs.plain_codec:PlainEncoder"])
top.msg_connect(source, "frames", encoder, "frames")
top.msg_connect(encoder, "symbols", pdu, "symbols")
top.msg_connect(pdu, "pdus", debug, "store")
top.start()
assert new.finished.wait(30) and new.failure is None
# A stock block's thread takes its messages when it likes.
for _ in range(100):
    if debug.num_messages() == 3:
        break
    time.sleep(0.1)
top.stop()
top.wait()
assert debug.num_messages() == 3, debug.num_messages()
for number in range(3):
    message = debug.get_message(number)
    assert pmt.is_pair(message) and pmt.is_c32vector(pmt.cdr(message))
    assert pmt.to_long(pmt.dict_ref(pmt.car(message), pmt.intern("frame_id"), pmt.PMT_NIL)) == number
    values = pmt.c32vector_elements(pmt.cdr(message))
    assert len(values) == 64 * 48 * 3 // 48 and abs(np.mean(np.abs(values) ** 2) - 1) < 0.1
"""
    done = subprocess.run([sys.executable, "-c", code, str(clip)], capture_output=True, text=True, timeout=90, cwd=ROOT)
    assert done.returncode == 0, done.stderr


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
    told = dict(line.split() for line in done.stdout.splitlines() if len(line.split()) == 2)
    assert (told["frames_sent"], told["frames_displayed"]) == ("2", "2") and told["bursts_lost"] == "0"
    wrong = subprocess.run(
        [*command, "--clip", "nowhere.mp4"], env=environment, capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert wrong.returncode == 1
    assert "no such clip" in wrong.stderr
