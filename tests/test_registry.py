"""Strategies from outside: options, constructors, methods and answers that do not fit are named, and whose they are."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from gvc import registry
from gvc.errors import ConfigError, InputError, LinkError
from gvc.phy.numerology import Numerology
from gvc.phy.receiver.receiver import BurstReceiver

PARTS = """
import numpy as np
from gvc.phy.receiver.channel_estimator import DftSmoothed, Smoothing

class Equaliser:
    def __init__(self, floor=1e-9, spoil=None):
        self.floor, self.spoil = floor, spoil

    def equalise(self, received, response, noise):
        gain = np.maximum(np.sum(np.abs(response) ** 2, axis=0), self.floor).astype(np.float32)
        symbols = (np.sum(response.conj() * received, axis=0) / gain).astype(np.complex64)
        variance = (np.sum(np.abs(response) ** 2 * noise, axis=0) / gain**2).astype(np.float32)
        if self.spoil == "nan":
            symbols[0, 0] = np.nan
        if self.spoil == "shape":
            symbols = symbols[:, 1:]
        if self.spoil == "dtype":
            symbols = symbols.real
        if self.spoil == "single":
            return symbols
        if self.spoil == "raise":
            {}["x"]
        return symbols, variance

class Estimator(DftSmoothed):
    def __init__(self, numerology, spoil=False):
        super().__init__(numerology)
        self.spoil = spoil

    def smoothing(self, snr_db):
        good = super().smoothing(snr_db)
        return Smoothing(good.matrix[:3], good.noise_gain, good.bias, good.self_weight) if self.spoil else good

class Decoder:
    def __init__(self, level=128, dtype_=np.uint8, rows=0, **given):
        self.level, self.kind, self.rows = level, dtype_, rows

    def decode(self, symbols, noise_map, height, width, latents):
        return np.full((height - self.rows, width, 3), self.level).astype(self.kind)

class Denoiser:
    def __init__(self, spoil=False, **given):
        self.spoil = spoil

    def denoise(self, symbols, noise_map, height, width, latents):
        return symbols * np.nan if self.spoil else symbols

class Wire:
    def __init__(self, rx_antennas=1, antennas=None, **given):
        self.antennas = antennas or rx_antennas

    def process(self, x):
        return np.repeat(x[None], self.antennas, axis=0)

    def flush(self):
        return np.zeros((self.antennas, 0), np.complex64)

class Frozen:
    __slots__ = ()
    def equalise(self, received, response, noise):
        return 1

class Half:
    used = 1
    def __init__(self, network, steps, spoil=False):
        self.spoil = spoil

    def __call__(self, latents, noise_map, active, generator=None):
        return latents[:, :1] if self.spoil else latents / 2

class Chatty:
    def __init__(self, preset):
        pass

    def encode(self, pictures, budget, fps):
        return bytes(budget + 1)

    def decode(self, data, n, height, width):
        return [None, np.zeros((height, width), np.uint8)]

class Stuck:
    def __init__(self, mcs, channel, margin_db, spoil=None):
        pass

    def choose(self, snr_db):
        return "qpsk-1_2"

class Residual:
    def __init__(self, n, height, width, symbols):
        pass

    def encode(self, residual, snr_db):
        return np.zeros(3, np.complex64), 1

    def decode(self, symbols, noise_map, size):
        return None

class Broken:
    def __init__(self):
        [][1]

class Nothing:
    pass

class Asks:
    def __init__(self, numerology, taps):
        pass

CONSTANT = 3
"""


@pytest.fixture(autouse=True)
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module `own_parts` in the working folder."""
    (tmp_path / "own_parts.py").write_text(PARTS)
    (tmp_path / "wrong_parts.py").write_text("class (:\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    sys.modules.pop("own_parts", None)


U = Numerology.load("ofdm64")


@pytest.mark.parametrize(
    ("kind", "name", "options", "given", "error", "told"),
    [
        ("equaliser", "own_parts:Equaliser", {"flor": 1}, {}, ConfigError,
         "equaliser 'own_parts:Equaliser' has no option 'flor'; did you mean 'floor'.*options: floor, spoil"),
        ("equaliser", "mmse", {"floor": 1}, {}, ConfigError, "equaliser 'mmse' has no option 'floor'.*no options"),
        ("channel_estimator", "own_parts:Estimator", {"numerology": 1}, {"numerology": U}, ConfigError,
         "'numerology' is no option"),
        ("channel", "awgn", {"cfo": 1}, {"sample_rate_hz": 1e6, "center_frequency_hz": 1e9}, ConfigError, "cfo_hz"),
        ("equaliser", "own_parts:Asks", {}, {}, InputError, "needs 'numerology'"),
        ("channel_estimator", "own_parts:Asks", {}, {"numerology": U}, InputError, "needs 'taps', which nothing gives"),
        ("channel_estimator", "own_parts:Equaliser", {}, {"numerology": U}, InputError,
         "constructor does not take 'numerology'"),
        ("equaliser", "own_parts:Nothing", {}, {}, InputError, "has no 'equalise'; gvc.phy.receiver.equaliser"),
        ("encoder", "own_parts:Nothing", {}, {}, InputError, "has no 'encode'"),
        ("equaliser", "own_parts:Broken", {}, {}, InputError, "cannot be made: IndexError"),
        ("equaliser", "own_parts:CONSTANT", {}, {}, InputError, "is a int: name a class"),
        ("equaliser", "own_parts:Equalizer", {}, {}, InputError, "no attribute 'Equalizer'"),
        ("equaliser", "wrong_parts:X", {}, {}, InputError, "cannot be loaded.*SyntaxError"),
        ("equaliser", "nowhere_to_be_found:X", {}, {}, InputError, "No module named"),
        ("equaliser", "own_parts:Equaliser:x", {}, {}, InputError, "written package.module:Class"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(kind, name, options, given, error, told) -> None:
    with pytest.raises(error, match=told):
        registry.create(kind, name, options, **given)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        ("nan", "gave symbols with 1 values that are not finite"),
        ("shape", r"gave symbols as complex64 \[6, 51\], not as complex \[6, 52\]"),
        ("dtype", r"gave symbols as float32 \[6, 52\], not as complex"),
        ("single", "not symbols and their variance"),
        ("raise", "failed in `equalise`: KeyError"),
    ],
)
def test_an_equaliser_is_blamed_for_its_own_answers(spoil, told) -> None:
    made = registry.create("equaliser", "own_parts:Equaliser", {"spoil": spoil})
    ones = np.ones((2, 6, 52), np.complex64)
    with pytest.raises(LinkError, match=rf"equaliser 'own_parts:Equaliser'.*{told}"):
        made.equalise(ones, ones, np.abs(ones))


def test_an_answer_to_what_was_not_finite_is_nobodys_fault() -> None:
    made = registry.create("equaliser", "own_parts:Equaliser")
    ones = np.ones((1, 6, 52), np.complex64)
    symbols, _ = made.equalise(ones * np.nan, ones, np.abs(ones))
    assert np.isnan(symbols).all()


def test_other_parts_are_blamed_for_theirs() -> None:
    z, nu = np.ones(16, np.complex64), np.ones(16, np.float32)
    with pytest.raises(LinkError, match="denoiser 'own_parts:Denoiser': `denoise` gave .* not finite"):
        registry.create("denoiser", "own_parts:Denoiser", {"spoil": True}).denoise(z, nu, 32, 32, 8)
    for options in ({"dtype_": float}, {"rows": 1}):
        made = registry.create("decoder", "own_parts:Decoder", options, preset="small")
        with pytest.raises(LinkError, match=r"decoder 'own_parts:Decoder': `decode` gave a picture as"):
            made.decode(z, nu, 32, 32, 8)
    with pytest.raises(LinkError, match="channel_estimator 'own_parts:Estimator': `smoothing` gave matrix"):
        registry.create("channel_estimator", "own_parts:Estimator", {"spoil": True}, numerology=U).smoothing(10.0)
    wire = registry.create("channel", "own_parts:Wire", {"antennas": 3}, rx_antennas=2)
    with pytest.raises(LinkError, match=r"channel 'own_parts:Wire': `process` gave samples as .*\[3, 5\]"):
        wire.process(np.ones(5, np.complex64))


def test_parts_of_schemes_and_samplers_are_blamed_for_theirs() -> None:
    values = torch.ones(1, 8, 2, 2)
    good, bad = (
        registry.create("sampler", "own_parts:Half", {"spoil": spoil}, network=None, steps=1) for spoil in (False, True)
    )
    assert good.used == 1 and torch.equal(good(values, None, None), values / 2)
    codec = registry.create("codec", "own_parts:Chatty", preset="low-delay")
    adaptation = registry.create("adaptation", "own_parts:Stuck", mcs="", channel="", margin_db=0.0)
    refinement = registry.create("refinement", "own_parts:Residual", n=1, height=16, width=16, symbols=64)
    for call, told in (
        (lambda: bad(values, None, None), r"sampler 'own_parts:Half': `__call__` gave Tensor \[1, 1, 2, 2\]"),
        (
            lambda: codec.encode(None, 10, 25.0),
            "codec 'own_parts:Chatty': `encode` gave 11 bytes where 10 were allowed",
        ),
        (
            lambda: codec.decode(b"", 2, 16, 16),
            r"`decode` gave a picture as uint8 \[16, 16\], not as uint8 \[16, 16, 3\]",
        ),
        (lambda: adaptation.choose(3.0), "adaptation 'own_parts:Stuck': `choose` gave a str, not an Mcs"),
        (lambda: refinement.encode(None, 3.0), r"`encode` gave symbols as complex64 \[3\], not as complex \[64\]"),
        (lambda: refinement.decode(None, None, 1), "`decode` gave a residual as a NoneType"),
    ):
        with pytest.raises(LinkError, match=told):
            call()


def test_an_object_that_takes_no_attributes_goes_unchecked() -> None:
    assert registry.create("equaliser", "own_parts:Frozen").equalise(1, 2, 3) == 1


def test_options_reach_the_parts_of_a_receiver() -> None:
    names = {"equaliser": "own_parts:Equaliser", "channel_estimator": "own_parts:Estimator"}
    receiver = BurstReceiver(U, **names, options={"equaliser": {"floor": 0.5}})
    assert receiver._payloads._equaliser.floor == 0.5
    with pytest.raises(ConfigError, match="has no option 'tap'"):
        BurstReceiver(U, **names, options={"channel_estimator": {"tap": 4}})
