"""One neural receiver: the flowgraph's way and the sweep's show the same pictures, in the dtype asked for."""

import functools

import numpy as np
import pytest
import torch

from gvc.coding.arms import bind
from gvc.coding.scheme import ReceivedSlot
from gvc.coding.segments import Piece, SegmentReceiver
from gvc.config import build
from gvc.errors import InputError
from gvc.noise_map import NU_MAX
from gvc.phy.frames import ReceivedFrame
from gvc.phy.shape import PictureShape
from gvc.simulation.transmission import Sent, receive
from gvc.sweep.task import Addresses
from models import point, receiver
from models.jscc.scheme import PAYLOAD_TYPE

SHAPE = PictureShape(48, 64, 32)
FRAMES = 5


@functools.cache
def received() -> list[tuple[np.ndarray, np.ndarray]]:
    """Symbols and noise maps, some of them noisy enough for the gate and some with erasures."""
    rng = np.random.default_rng(2)
    pictures = rng.integers(0, 256, (FRAMES, 6, 8, 3), np.uint8).repeat(8, 1).repeat(8, 2)
    slots = bind("jscc", build("sim-awgn", ["model.preset=small"])).scheme(SHAPE.elements).encode(pictures, 10.0)
    made = []
    for number, slot in enumerate(slots):
        noise_map = (10 ** rng.uniform(-2, 1 - 0.4 * number, SHAPE.elements)).astype(np.float32)
        noise = rng.standard_normal((SHAPE.elements, 2)) @ [1, 1j] * np.sqrt(noise_map / 2)
        lost = rng.random(SHAPE.elements) < 0.05
        symbols = np.where(lost, 0, slot.symbols + noise).astype(np.complex64)
        made.append((symbols, np.where(lost, NU_MAX, noise_map).astype(np.float32)))
    return made


def frame(number: int) -> ReceivedFrame:
    symbols, noise_map = received()[number]
    about = {"erased": noise_map == NU_MAX, "shape": SHAPE, "mode": 0, "payload_type": PAYLOAD_TYPE, "last": False,
             "stream": 1, "restarts": 0, "slot": 0, "slots": 1, "bursts_expected": 1, "bursts_received": 1,
             "snr_db": 5.0, "evm_db": -5.0, "bursts": []}  # fmt: skip
    return ReceivedFrame(number, number, symbols, noise_map, **about)


def live(arm: str, *settings: str) -> list[np.ndarray]:
    """As a flowgraph's blocks do it: the denoiser's stage, then the decoder's."""
    bound = bind(arm, build("sim-awgn", ["model.preset=small", *settings]))
    segments = SegmentReceiver(bound)
    shown = []
    for number, (symbols, noise_map) in enumerate(received()):
        slot = ReceivedSlot(symbols, noise_map, PAYLOAD_TYPE)
        if bound.denoises:
            slot = bound.scheme(SHAPE.elements).denoise(slot, 48, 64)
        shown += [s.pixels for seg in segments.push(Piece(slot, number, SHAPE.picture)) for s in seg.shown]
    return shown


def swept(arm: str, *settings: str) -> np.ndarray:
    """As a sweep's point does it, with the arm that it keeps."""
    config = build("sim-awgn", ["model.preset=small", *settings])
    sent = Sent([frame(number) for number in range(FRAMES)], 1.0, 0.0)
    return receive(point.bound(arm, config, 25.0), sent, SHAPE.elements, 48, 64).pictures


@pytest.mark.parametrize(
    ("arm", "dtype"), [("jscc", "float32"), ("jscc+cddm", "float32"), ("jscc+cddm", "bfloat16"), ("A", "float32")]
)
def test_a_link_and_a_sweep_show_the_same(arm: str, dtype: str) -> None:
    settings = f"model.dtype={dtype}"
    assert np.array_equal(np.stack(live(arm, settings)), swept(arm, settings))


def test_steps_and_no_denoiser_are_honoured_alike() -> None:
    usual = swept("jscc+cddm", "model.dtype=float32")
    for changed in ("model.steps=2", "model.denoiser=none"):
        other = swept("jscc+cddm", "model.dtype=float32", changed)
        assert np.array_equal(np.stack(live("jscc+cddm", "model.dtype=float32", changed)), other)
        assert not np.array_equal(usual, other)
    assert np.array_equal(other, swept("jscc", "model.dtype=float32"))


def test_compile_reaches_every_network(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda network: compiled.append(type(network).__name__) or network)
    config = build("sim-awgn", ["model.preset=small", "model.compile=true"])
    for made in (bind("jscc+cddm", config), point.bound("jscc", config, 25.0)):
        made.load()
    assert compiled.count("Encoder") == 2 and "Denoiser" in compiled and compiled.count("Decoder") >= 2


def test_a_row_and_a_tasks_key_have_the_dtype_which_is_float32_unless_asked(monkeypatch) -> None:
    about = {"clip": "bikes.mp4", "radio": "sim-awgn", "snr_db": 12, "cbr": "1/48", "arms": ["jscc"]}
    assert point.conditions(about) == {"dtype": "float32"}
    keys: dict[str, set[str]] = {"float32": set(), "auto": set()}
    for best in (torch.bfloat16, torch.float32):
        monkeypatch.setattr("models.stages.best_dtype", lambda best=best: best)
        word = str(best).removeprefix("torch.")
        assert point.conditions({**about, "model.dtype": "auto"}) == {"dtype": word}
        for dtype, found in keys.items():
            found.add(Addresses("link").task(0, {**about, "model.dtype": dtype}, 1).key)
    assert (len(keys["float32"]), len(keys["auto"])) == (1, 2)
    rows = point.link({**about, "size": "64x64", "frames": 2, "metrics": {"psnr_db": 1}, "model.preset": "small"}, 1)
    assert rows[0]["dtype"] == "float32"


def test_the_refinement_has_the_configurations_preset_and_dtype() -> None:
    config = build("sim-awgn", ["hybrid.refinement=jscc", "model.preset=small", "model.dtype=bfloat16"])
    arm = bind("hybrid", config)
    assert {path.parent.name for path in arm.weights()} == {"small"}
    assert arm.coder != bind("hybrid", config.model_copy(update={"model": build("sim-awgn").model})).coder
    inner = arm.scheme(4096)._analogue(1, 64, 64, 2048)._receiver
    assert (inner.preset, inner.dtype) == ("small", "bfloat16")


def test_an_unknown_arm_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'jscc"):
        receiver.NeuralReceiver("jscd")
