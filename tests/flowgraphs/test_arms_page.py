"""docs/arms.md names what there is: every arm, every setting, every figure."""

import re

import pytest

from gvc.coding.arms import bind, names
from gvc.coding.schemes.digital.link_adaptation import thresholds
from gvc.config import build
from gvc.paths import ROOT

PAGE = (ROOT / "docs" / "arms.md").read_text()


def test_every_arm_is_on_the_page_and_can_be_made() -> None:
    for name in names():
        assert f"`{name}`" in PAGE
        assert bind(name, build("sim-awgn")).segment_frames in (1, 8)


def test_settings_are_the_configurations() -> None:
    config = build("sim-awgn").model_dump()
    for section, key in re.findall(r"`(segment|digital|hybrid)\.(\w+)", PAGE):
        assert key in config[section]


def test_the_table_is_the_measured_one() -> None:
    rows = re.findall(r"^\| `(sim-[\w-]+)` \| ([-.\d]+) \| ([-.\d]+) \|", PAGE, re.MULTILINE)
    assert len(rows) == 4
    for radio, lowest, half in rows:
        found = {mcs.name: snr for mcs, snr in thresholds(radio).items()}
        assert float(lowest) == pytest.approx(found["qpsk-1_5"], abs=0.051)
        assert float(half) == pytest.approx(found["qpsk-1_2"], abs=0.051)
