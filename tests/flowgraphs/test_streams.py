"""`gvc rx` over recordings of one transmitter, of several, of the wrong one, and of what is no recording of ours.

All recordings are received by one process, one command after another.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gvc.coding.arms import bind
from gvc.config import build
from gvc.paths import ROOT
from gvc.phy import BurstTransmitter, Numerology, PictureShape, SymbolFrame
from gvc.phy.payload import BYTES, SOFTCAST
from gvc.phy.shape import CountShape

U = Numerology.load("ofdm64")
PLAIN = tuple(f"model.{kind.lower()}=tests.flowgraphs.plain_codec:Plain{kind}" for kind in ("Encoder", "Decoder"))
SOFTCAST_CODER = bind("softcast", build("sim-awgn")).coder
CODER = bind("jscc", build("sim-awgn", PLAIN)).coder
SMALL = PictureShape(48, 64, 32)
RECEIVE = """
import json, sys
from flowgraphs.cli import run
for arguments in json.load(sys.stdin):
    print(run(arguments), file=sys.stderr)
"""


def samples(
    frames: int, first: int = 0, stream: int = 1, coder: int = CODER, shape: Any = SMALL, payload_type: int = 0
) -> np.ndarray:
    """Frames of noise-like symbols, numbered from `first`."""
    random = np.random.default_rng(frames)
    transmitter = BurstTransmitter(U, first, stream, coder)
    parts = []
    for number in range(first, first + frames):
        symbols = (1 - 2.0 * random.integers(0, 2, 2 * shape.elements)).astype(np.float32).view(np.complex64) / 2**0.5
        last = number == first + frames - 1
        parts += transmitter.bursts(SymbolFrame(number, symbols, shape, payload_type=payload_type, last=last))
    return np.concatenate([np.zeros(300, np.complex64), *parts, np.zeros(700, np.complex64)])


def softcast(frames: int, drop: int | None = None) -> np.ndarray:
    """One segment of greys by softcast, burst number `drop` left out."""
    config = build("sim-awgn", ["segment.frames=8"])
    pictures = np.stack([np.full((64, 64, 3), 60 + 10 * number, np.uint8) for number in range(frames)])
    shape = PictureShape(64, 64, 32)
    slots = bind("softcast", config).scheme(shape.elements).encode(pictures, 10.0)
    transmitter = BurstTransmitter(U, 0, 9, SOFTCAST_CODER)
    parts = []
    for number, slot in enumerate(slots):
        about = {"last": number == frames - 1, "slot": number, "slots": frames}
        frame = SymbolFrame(number, slot.symbols, shape, slot.mode, slot.payload_type, **about)
        parts += [np.concatenate(transmitter.bursts(frame))] if number != drop else transmitter.bursts(frame)[:0]
    return np.concatenate([np.zeros(300, np.complex64), *parts, np.zeros(700, np.complex64)])


def out_of_step(recording: np.ndarray) -> np.ndarray:
    """I and Q four bytes apart from where they belong (gnss-sdr#59)."""
    return np.roll(recording.astype("<c8").view("<f4"), -1).view("<c8")


IN_TURNS = [samples(3), samples(2, stream=2), samples(3, first=3), samples(2, first=2, stream=2)]
SHIPPED = bind("jscc", build("sim-awgn", ["model.preset=small"])).coder
LATENTS = [samples(n, first, coder=SHIPPED, shape=PictureShape(48, 64, k)) for n, first, k in ((2, 0, 8), (1, 2, 66))]
TINY = samples(1, 0, 3, SOFTCAST_CODER, PictureShape(1, 1, 2), payload_type=SOFTCAST)
CASES: dict[str, tuple[np.ndarray, str, tuple[str, ...]]] = {
    "loop": (np.tile(samples(6), 2), "jscc", PLAIN),
    "joined": (np.concatenate([samples(6), samples(9, stream=2)]), "jscc", PLAIN),
    "in turns": (np.concatenate(IN_TURNS), "jscc", PLAIN),
    "mid-clip": (samples(4, first=20000), "jscc", PLAIN),
    "outage": (np.concatenate([samples(3), samples(2, first=100_003)]), "jscc", PLAIN),
    "another coder": (samples(4, coder=0x123), "jscc", PLAIN),
    "another preset": (samples(4, coder=SHIPPED), "jscc", PLAIN),
    "another arm": (samples(4, coder=bind("av1+ldpc", build("sim-awgn")).coder, payload_type=1), "jscc", PLAIN),
    "another kind": (samples(2, shape=CountShape(192), payload_type=BYTES), "jscc", PLAIN),
    "too large": (samples(4), "jscc", (*PLAIN, "phy.max_pixels=1024")),
    "too many latents": (np.concatenate(LATENTS), "jscc", ("model.preset=small",)),
    "conjugated": (samples(6).conj(), "jscc", PLAIN),
    "far too loud": (samples(3) * np.float32(1e30), "jscc", PLAIN),
    "as sent": (samples(3), "jscc", PLAIN),
    "weak": (samples(3) * np.float32(1e-9), "jscc", PLAIN),
    "loud": (samples(3) * np.float32(1e12), "jscc", PLAIN),
    "out of step": (out_of_step(samples(3)), "jscc", PLAIN),
    "silence": (np.zeros(30000, np.complex64), "jscc", PLAIN),
    "segment without its end": (softcast(6, drop=5), "softcast", ()),
    "tiny first": (np.concatenate([TINY, softcast(3)]), "softcast", ()),
}


@pytest.fixture(scope="module")
def received(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, Any]]:
    """`received(case)`: what rx says of a recording, and how many pictures it left."""
    folder = tmp_path_factory.mktemp("cases")
    commands = []
    for name, (recording, arm, given) in CASES.items():
        recording.astype("<c8").tofile(folder / f"{name}.cf32")
        settings = [word for setting in given for word in ("--set", setting)]
        out = ["-o", str(folder / name), "--json", str(folder / f"{name}.json")]
        commands.append(["rx", str(folder / f"{name}.cf32"), "--radio", "sim-awgn", "--arm", arm, *settings, *out])
    given: dict[str, Any] = {"input": json.dumps(commands), "cwd": ROOT, "timeout": 110}
    done = subprocess.run([sys.executable, "-c", RECEIVE], capture_output=True, text=True, **given)
    assert done.returncode == 0, done.stderr

    def result(name: str) -> dict[str, Any]:
        assert (folder / f"{name}.json").exists(), done.stderr
        found = json.loads((folder / f"{name}.json").read_text())
        return {**found, "pictures": len(list((folder / name / "frames").glob("*.png")))}

    return result


def test_a_loop(received) -> None:
    got = received("loop")
    assert (got["frames_received"], got["frames_lost"], got["pictures"], got["restarts"]) == (12, 0, 12, 1)


def test_two_recordings_joined(received) -> None:
    got = received("joined")
    assert (got["frames_received"], got["pictures"]) == (15, 15)
    assert [(row["frames"], row["ended"]) for row in got["stream_table"]] == [(6, True), (9, True)]


def test_two_transmitters_in_turns(received) -> None:
    got = received("in turns")
    assert (got["frames_received"], got["frames_lost"], got["pictures"]) == (10, 0, 10)
    assert [row["frames"] for row in got["stream_table"]] == [6, 4]


def test_a_recording_that_begins_in_mid_clip(received) -> None:
    got = received("mid-clip")
    assert (got["frames_received"], got["frames_lost"], got["bursts_lost"], got["pictures"]) == (4, 0, 0, 4)
    assert got["stream_table"][0]["first_frame"] == 20000


def test_a_long_outage_is_counted_and_does_not_fill_the_disk(received) -> None:
    got = received("outage")
    assert (got["frames_received"], got["frames_lost"], got["bursts_lost"]) == (5, 100_000, 100_000)
    assert got["pictures"] == 5 + 250
    assert any("outages" in hint for hint in got["hints"])


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("another coder", "coder 123"),
        ("another preset", "model.preset=small"),
        ("another arm", "use --arm av1+ldpc"),
        ("another kind", "payload type 7"),
        ("too large", "phy.max_pixels"),
    ],
)
def test_what_another_decoder_is_for_is_left_out_and_named(received, case: str, words: str) -> None:
    got = received(case)
    assert (got["frames_received"], got["bursts_received"]) == (0, 0)
    assert got["bursts_foreign"] > 0
    assert any(words in hint for hint in got["hints"])


def test_one_frame_that_cannot_be_decoded_does_not_take_the_others_with_it(received) -> None:
    got = received("too many latents")
    assert (got["frames_received"], got["frames_undecodable"], got["frames_lost"]) == (2, 1, 1)
    assert got["pictures"] == 3
    assert any("66 latent maps" in hint for hint in got["hints"])


def test_a_tiny_first_frame_does_not_decide_for_the_others(received) -> None:
    got = received("tiny first")
    assert (got["frames_received"], got["frames_lost"]) == (3, 1)


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("conjugated", "spectrum inverted"),
        ("far too loud", "above 1e15"),
        ("silence", "found no preamble"),
        ("out of step", "were not understood"),
    ],
)
def test_nothing_read_is_explained(received, case: str, words: str) -> None:
    got = received(case)
    assert got["frames_received"] == 0
    assert any(words in hint for hint in got["hints"])


@pytest.mark.parametrize("case", ["weak", "loud"])
def test_the_scale_of_a_recording_does_not_matter(received, case: str) -> None:
    got, usual = received(case), received("as sent")
    assert (got["frames_received"], got["bad_samples"], got["not_understood"]) == (3, 0, 0)
    assert got["snr_est_db"] == pytest.approx(usual["snr_est_db"], abs=0.02)
    assert got["evm_db"] == pytest.approx(usual["evm_db"], abs=0.02)


def test_a_segment_whose_last_burst_was_lost_is_shown(received) -> None:
    got = received("segment without its end")
    assert (got["bursts_received"], got["pictures"]) == (5, 6)
    assert got["frames_received"] == 6
