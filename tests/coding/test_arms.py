"""The table of arms: every row can be made, outside schemes bring options and payload types, names are checked."""

import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvc import registry
from gvc.coding.arms import ROWS, Arm, Row, bind, names, row
from gvc.coding.scheme import ReceivedSlot
from gvc.coding.segments import Piece, SegmentReceiver
from gvc.config import build
from gvc.errors import ConfigError, InputError, LinkError
from gvc.phy.payload import JSCC, SOCKETS
from models import arms as networks
from models.jscc.scheme import PAYLOAD_TYPE

COUNT = 256
SCHEME = '''
import numpy as np
from gvc.coding.scheme import Decoded, Slot

class Flat:
    """The mean grey of each picture, as the phase of all symbols."""

    payload_types = frozenset({9})

    def __init__(self, count, segment_frames, fps, swing=2.0, wrong=False, parts=None):
        self.parts = parts or [count]
        self.segment_frames, self.count, self.swing, self.wrong = segment_frames, count, swing, wrong

    def encode(self, pictures, snr_db):
        grey = pictures.mean((1, 2, 3)) / 255
        count = self.count + self.wrong
        return [Slot(np.full(count, np.exp(1j * self.swing * g), np.complex64), 9, 3) for g in grey]

    def decode(self, slots, height, width):
        grey = [0 if s is None else np.clip(np.angle(s.symbols.mean()) / self.swing, 0, 1) for s in slots]
        shown = [np.full((height, width, 3), round(255 * g), np.uint8) for g in grey]
        return Decoded(np.stack(shown), np.array([s is None for s in slots]))
'''


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the module `flat`, which is the working folder."""
    (tmp_path / "flat.py").write_text(SCHEME)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    sys.modules.pop("flat", None)
    return tmp_path


@pytest.fixture
def installed(outside: Path, monkeypatch: pytest.MonkeyPatch):
    """The same as an installed package that declares entry points."""
    about = outside / "flat-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: flat\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[gvc]\nscheme.flat = flat:Flat\nscheme.softcast = flat:Flat\n")
    monkeypatch.syspath_prepend(str(outside))
    registry._installed.cache_clear()
    yield
    registry._installed.cache_clear()


def greys(n: int) -> np.ndarray:
    return np.stack([np.full((16, 32, 3), 20 + 30 * number, np.uint8) for number in range(n)])


def received(slots: list) -> list[ReceivedSlot | None]:
    noise = np.full(COUNT, 1e-3, np.float32)
    return [ReceivedSlot(slot.symbols, noise, slot.payload_type, slot.mode) for slot in slots]


@pytest.mark.parametrize("name", names())
def test_every_name_makes_an_arm_that_says_what_a_radio_needs(name: str) -> None:
    arm = bind(name, build("sim-awgn"))
    assert arm.scheme(4096) is arm.scheme(4096)
    assert arm.payload_types and arm.payload_types <= set(SOCKETS)
    assert 0 <= arm.coder < 1 << 12 and 1 <= arm.segment_frames <= 8 and arm.sender


def test_rows_are_data_and_name_networks_by_word_alone() -> None:
    assert all(isinstance(made, Row) for made in ROWS.values())
    neural = {name for name, made in ROWS.items() if made.scheme == "jscc"}
    assert neural == {*networks.ARMS, *networks.ALIASES}
    assert {f"{codec}+ldpc" for codec in registry.names("codec")} <= set(names()) and "jpeg+ldpc" in names()
    assert PAYLOAD_TYPE == JSCC


def test_arms_with_one_encoder_share_a_sender_and_others_do_not() -> None:
    config = build("sim-awgn", ["arms.four.scheme=jscc", "arms.four.options.steps=4", "arms.half.scheme=jscc",
                                "arms.half.options.cbr=0.0104166667"])  # fmt: skip
    senders = {name: bind(name, config).sender for name in ("jscc", "D", "four", "half", "softcast", "av1+ldpc")}
    assert senders["jscc"] == senders["D"] == senders["four"]
    assert len(set(senders.values())) == 4
    assert bind("av1+ldpc@genie", config).sender != senders["av1+ldpc"]


def test_names_are_checked() -> None:
    config = build("sim-awgn", ["arms.mine.scheme=softcast"])
    assert row("mine", config) == Row("softcast")
    for name, told in (("jsc", "did you mean 'jscc'"), ("mime", "did you mean 'mine'"), ("digital", "unknown arm"),
                       ("softcast@genie", "nothing to adapt"), ("jscc@x", "nothing to adapt"),
                       ("nowhere:Scheme", "No module named"), ("gvc.seeds:stream", "not take 'count'")):  # fmt: skip
        with pytest.raises(InputError, match=told):
            bind(name, config).scheme(COUNT)
    with pytest.raises(ConfigError, match="'arms.jscc': there is an arm of this name already"):
        bind("jscc", build("sim-awgn", ["arms.jscc.scheme=softcast"]))
    with pytest.raises(ConfigError, match="no name of an arm"):
        build("sim-awgn", ["arms._x.scheme=softcast"])
    with pytest.raises(ConfigError, match="did you mean 'arms.x.scheme'|missing|required"):
        build("sim-awgn", ["arms.x.options.y=1"])


@given(st.text(max_size=60))
def test_any_text_is_an_arm_or_a_typed_error(text: str) -> None:
    try:
        Arm(text, build("sim-awgn")).scheme(4096)
    except InputError:
        pass


def test_an_outside_scheme_is_an_arm_with_options_and_payload_type_of_its_own(outside: Path) -> None:
    config = build("sim-awgn", ["arms.wide.scheme=flat:Flat", "arms.wide.options.swing=3", "segment.frames=3"])
    wide, plain = bind("wide", config), bind("flat:Flat", config)
    assert (wide.scheme(COUNT).swing, plain.scheme(COUNT).swing) == (3, 2.0)
    assert wide.payload_types == {9} and wide.segment_frames == 3 and wide.coder != plain.coder
    assert wide.sources() == [outside / "flat.py"]
    slots = wide.scheme(COUNT).encode(greys(3), 10.0)
    decoded = wide.scheme(COUNT).decode(received(slots), 16, 32)
    assert np.abs(decoded.pictures.astype(int) - greys(3)).max() <= 1
    larger = wide.scheme(2 * COUNT)
    assert len(larger.encode(greys(1), 10.0)[0].symbols) == 2 * COUNT and larger.parts is wide.scheme(COUNT).parts
    wrong = build("sim-awgn", ["arms.wide.scheme=flat:Flat", "arms.wide.options.swinging=3"])
    with pytest.raises(ConfigError, match="has no option 'swinging'; did you mean 'swing'"):
        bind("wide", wrong).scheme(COUNT)
    faulty = build("sim-awgn", ["arms.wide.scheme=flat:Flat", "arms.wide.options.wrong=true"])
    with pytest.raises(LinkError, match=r"scheme 'flat:Flat': `encode` gave symbols"):
        bind("wide", faulty).scheme(COUNT).encode(greys(3), 10.0)


def test_a_file_that_names_a_scheme_from_outside_needs_permission(outside: Path) -> None:
    (outside / "radio.yaml").write_text(
        textwrap.dedent("""
            driver: simulation
            arms: {mine: {scheme: "flat:Flat"}}
        """)
    )
    with pytest.raises(ConfigError, match="names code"):
        build(str(outside / "radio.yaml"))


def test_an_entry_point_is_a_name_of_its_kind_and_never_hides_ours(installed) -> None:
    assert "flat" in registry.names("scheme") and "flat" in names()
    arm = bind("flat", build("sim-awgn"))
    assert type(arm.scheme(COUNT)).__name__ == "Flat"
    assert type(bind("softcast", build("sim-awgn")).scheme(COUNT)).__name__ == "Softcast"
    with pytest.raises(InputError, match="did you mean 'flat'"):
        bind("flatt", build("sim-awgn"))


def test_segments_end_where_their_slots_say(outside: Path) -> None:
    arm = bind("flat:Flat", build("sim-awgn", ["segment.frames=3"]))
    slots = received(arm.scheme(COUNT).encode(greys(3), 10.0))

    def piece(number: int, first: int = 0, stream: int = 0) -> Piece:
        return Piece(slots[number], first + number, (16, 32, 256), number, 3, first + number, (stream, 0))

    receiver = SegmentReceiver(arm)
    assert receiver.push(piece(0)) == receiver.push(piece(0, stream=1)) == []
    (whole,) = receiver.push(piece(2))
    # the slot between was lost, and is not shown
    assert [shown.frame_id for shown in whole.shown] == [0, 2] and whole.last_frame == 2
    assert receiver.push(piece(0, first=3)) == []
    (cut,) = receiver.push(piece(0, first=6))
    assert [shown.frame_id for shown in cut.shown] == [3] and cut.last_frame == 5
    assert [[shown.place for shown in segment.shown] for segment in receiver.flush()] == [[0], [6]]
