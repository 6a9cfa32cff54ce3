"""Parts from outside in a link and in a sweep: their options arrive, and their faults are told as theirs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gvc.config import build
from gvc.paths import ROOT
from gvc.permission import allowing_code
from models.point import link

PARTS = """
import numpy as np
from gvc.coding.scheme import Decoded, Slot
from gvc.phy.receiver.equaliser import Mmse

class Spoiled(Mmse):
    def __init__(self, spoil=False):
        self.spoil = spoil

    def equalise(self, received, response, noise):
        symbols, variance = super().equalise(received, response, noise)
        return symbols * (np.nan if self.spoil else 1), variance

class Halve:
    def __init__(self, by=2, **given):
        self.by = by

    def denoise(self, symbols, noise_map, height, width, latents):
        return symbols / self.by

class Flat:
    def __init__(self, latents=32, **given):
        self.latents = latents

    def encode(self, picture):
        return np.ones(self.latents // 2 * 16, np.complex64)

class Grey:
    def __init__(self, level=128, **given):
        self.level = level

    def decode(self, symbols, noise_map, height, width, latents):
        return np.full((height, width, 3), self.level, np.uint8)

class Phase:
    payload_types = frozenset({9})

    def __init__(self, count, segment_frames, fps, swing=2.0):
        self.segment_frames, self.count, self.swing = segment_frames, count, swing

    def encode(self, pictures, snr_db):
        grey = pictures.mean((1, 2, 3)) / 255
        return [Slot(np.full(self.count, np.exp(1j * self.swing * g), np.complex64), 9) for g in grey]

    def decode(self, slots, height, width):
        grey = [0 if s is None else np.clip(np.angle(s.symbols.mean()) / self.swing, 0, 1) for s in slots]
        shown = [np.full((height, width, 3), round(255 * g), np.uint8) for g in grey]
        return Decoded(np.stack(shown), np.array([s is None for s in slots]))
"""
SMALL = ["--frames", "2", "--radio", "sim-awgn", "--set", "video.size=64x64", "--set", "model.preset=small"]
SMALL += ["--arms", "jscc", "--metrics", "psnr_db", "--pace", "none", "--out", "run", "--json", "-"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "parts.py").write_text(PARTS)
    return tmp_path


def gvc(folder: Path, *arguments: str, path: str = str(ROOT)) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "flowgraphs.cli", *arguments]
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=110)


@pytest.mark.gr
def test_not_a_number_from_an_equaliser_is_the_equalisers(folder: Path, clip: Path) -> None:
    own = ["--set", "phy.equaliser=parts:Spoiled", "--set", "phy.options.equaliser.spoil=true"]
    done = gvc(folder, "link", "--clip", str(clip), *SMALL, *own)
    assert done.returncode == 1
    assert "equaliser 'parts:Spoiled': `equalise` gave symbols with" in done.stderr and "not finite" in done.stderr


@pytest.mark.gr
def test_a_scheme_of_an_installed_package_is_an_arm_of_a_link(folder: Path, clip: Path) -> None:
    about = folder / "parts-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: parts\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[gvc]\nscheme.phase = parts:Phase\n")
    wide = ("--set", "arms.wide.scheme=phase", "--set", "arms.wide.options.swing=3", "--set", "segment.frames=2")
    asked = [word if word != "jscc" else "phase,wide" for word in SMALL]
    done = gvc(folder, "link", "--clip", str(clip), *asked, *wide, path=f"{folder}{os.pathsep}{ROOT}")
    assert done.returncode == 0, done.stderr
    arms = json.loads(done.stdout)["arms"]
    assert {name: (arm["frames_received"], arm["channel_uses"]) for name, arm in arms.items()} == {
        "phase": (2, 512), "wide": (2, 512)}  # fmt: skip
    assert min(arm["psnr_db"] for arm in arms.values()) > 30


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process in the folder of `parts`."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [*sys.path])
    sys.modules.pop("parts", None)


OWN = {"model.decoder": "parts:Grey", "model.denoiser": "parts:Halve", "model.encoder": "parts:Flat"}


@pytest.mark.gr
def test_options_reach_the_blocks_of_a_graph(here) -> None:
    from flowgraphs import stages

    options = ["model.options.decoder.level=7", "model.options.denoiser.by=3", "model.options.encoder.latents=8"]
    options.append("model.cbr=1/192")
    config = build("sim-awgn", [*(f"{key}={name}" for key, name in OWN.items()), *options])
    denoiser = stages.denoiser(config, "jscc+cddm")
    assert denoiser.arm.any_scheme.receiver.denoiser.by == 3
    assert stages.decoder(config, denoiser.arm).arm.any_scheme.receiver.decoder.level == 7
    encoder = stages.encoder(config)
    assert encoder.arm.any_scheme.encoder.latents == 8
    (frame,) = encoder.frames(np.zeros((1, 64, 64, 3), np.uint8), 10.0)
    assert frame.shape.latents == 8


@pytest.mark.gr
def test_the_blocks_of_companion_take_an_outside_scheme_with_its_options(here) -> None:
    from gvc_blocks.coding.segment_decoder import SegmentDecoder
    from gvc_blocks.coding.segment_encoder import SegmentEncoder

    encoder = SegmentEncoder("parts:Phase", "sim-awgn", ["segment.frames=2"])
    frames = encoder.frames(np.full((2, 64, 64, 3), 90, np.uint8), 10.0, first=4, last=True)
    assert [(f.frame_id, f.payload_type, f.slot, f.slots, f.last) for f in frames] == [
        (4, 9, 0, 2, False), (5, 9, 1, 2, True)]  # fmt: skip
    decoder = SegmentDecoder("own", "sim-awgn", ["arms.own.scheme=parts:Phase", "arms.own.options.swing=3.0"])
    assert decoder.arm.scheme(256).swing == 3 and decoder.arm.payload_types == {9}


def test_a_sweep_goes_over_an_option(here, clip: Path) -> None:
    point = {"radio": "sim-awgn", "snr_db": 12, "cbr": "1/48", "arms": "jscc", "frames": 2, "size": "64x64",
             "clip": str(clip), "model.preset": "small", "metrics": {"psnr_db": 1}}  # fmt: skip
    point |= {"model.decoder": "parts:Grey"}
    with allowing_code():
        values = {link({**point, "model.options.decoder.level": level}, 1)[0]["psnr_db"] for level in (0, 128)}
    assert len(values) == 2
