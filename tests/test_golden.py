"""Figures that should not drift unseen, from end to end, and what keeps them."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flowgraphs.cli import run
from gvc import registry
from gvc.phy import BurstReceiver, BurstTransmitter, FrameAssembler, Numerology
from tests import golden
from tests.phy.conftest import gaussian_frames

CHANNELS = {"awgn": {}, "rayleigh-block": {}, "tdl-a": {"delay_spread_s": 30e-9}, "tdl-c": {"delay_spread_s": 900e-9}}
RADIO = {"sample_rate_hz": 1e6, "center_frequency_hz": 2.4e9, "snr_db": 15.0, "seed": 3, "cfo_hz": 300.0}
WITHIN = {"psnr_db": 0.02, "symbol_mse_db": 0.02, "evm_db": 0.1, "snr_db": 0.05, "error_db": 0.1, "noise_db": 0.05}


def picture(seed: int) -> np.ndarray:
    """uint8 [64, 96, 3]: blobs, an edge and some grain."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:64, :96]
    waves = [np.sin(rows / (11 + 3 * c + seed) + columns / (19 - 4 * c)) for c in range(3)]
    shown = 128 + 70 * np.stack(waves, -1) + 40 * (columns > 50)[..., None] + rng.normal(0, 2, (64, 96, 3))
    return np.clip(np.rint(shown), 0, 255).astype(np.uint8)


def decibel(power: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(power)))


def test_golden_waveform() -> None:
    """Three frames over each channel at 15 dB: what the receiver estimates, and how wrong it is."""
    numerology = Numerology.load("ofdm64")
    frames = gaussian_frames(3, 32, 48, 32)
    found = {}
    for name, options in CHANNELS.items():
        transmitter = BurstTransmitter(numerology)
        bursts = [burst for frame in frames for burst in transmitter.bursts(frame)]
        samples = np.concatenate([*bursts, transmitter.flush_samples()])
        channel = registry.create("channel", name, options, **RADIO)
        received = np.concatenate([channel.process(samples), channel.flush()], axis=1)
        receiver, assembler = BurstReceiver(numerology), FrameAssembler(numerology)
        got = [frame for burst in receiver.push(received) for frame in assembler.push(burst)] + assembler.flush()
        found[name] = [
            {
                "frame_id": frame.frame_id,
                "bursts_received": frame.bursts_received,
                "snr_db": frame.snr_db,
                "evm_db": frame.evm_db,
                "noise_db": decibel(frame.noise_map),
                "error_db": decibel(np.abs(frame.symbols - frames[frame.frame_id].symbols) ** 2),
            }
            for frame in got
        ]
    golden.check("waveform", found, WITHIN)


def test_golden_score(tmp_path: Path) -> None:
    """The shipped networks of the preset `small` at symbol level, in fp32."""
    for seed in (1, 2):
        Image.fromarray(picture(seed)).save(tmp_path / f"{seed}.png")
    command = ["score", "--images", tmp_path, "--channel", "awgn,rayleigh", "--snr-db", "0,15", "--cbr", "1/48"]
    command += ["--arms", "A+,control,D", "--preset", "small", "--json", tmp_path / "score.json"]
    assert run(list(map(str, command))) == 0
    rows = json.loads((tmp_path / "score.json").read_text())["rows"]
    keys = ("channel", "arm", "psnr_db", "symbol_mse_db")
    golden.check("score", [{key: row[key] for key in keys} for row in rows], WITHIN)


def test_a_drift_is_told_and_the_switch_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {"a": [{"x_db": 1.0, "n": 3}, {"x_db": 2.0, "n": 4}], "b": None}
    monkeypatch.setenv(golden.SWITCH, "")
    with pytest.raises(AssertionError, match="GVC_GENERATE=1"):
        golden.check("some", kept, {}, tmp_path)
    monkeypatch.setenv(golden.SWITCH, "1")
    golden.check("some", kept, {}, tmp_path)
    monkeypatch.setenv(golden.SWITCH, "")
    golden.check("some", kept | {"a": [{"x_db": 1.05, "n": 3}, {"x_db": 2.0, "n": 4}]}, {"x_db": 0.1}, tmp_path)
    for found, told in (
        (kept | {"a": [{"x_db": 1.2, "n": 3}, {"x_db": 2.0, "n": 4}]}, r"some.a\[0\].x_db was 1 and is 1.2"),
        (kept | {"a": [{"x_db": 1.0, "n": 3}, {"x_db": 2.0, "n": 5}]}, r"some.a\[1\].n was 4 and is 5"),
        (kept | {"b": 0.0}, "some.b was None and is 0.0"),
        (kept | {"c": 1}, "some was"),
    ):
        with pytest.raises(AssertionError, match=told):
            golden.check("some", found, {"x_db": 0.1}, tmp_path)
    with pytest.raises(AssertionError, match="say within how much 'x_db'"):
        golden.check("some", kept, {}, tmp_path)
