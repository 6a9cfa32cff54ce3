"""Sections: strict numbers, errors that name the key and stay short."""

import pytest

from gvc.config import ModelConfig, build
from gvc.errors import ConfigError
from gvc.section import Section, checked, shown


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("channel.snr_db=yes", "'channel.snr_db'.*number.*'yes'"),
        ("channel.snr_db=true", "'channel.snr_db'.*number.*True"),
        ("channel.snr_db='10'", "'channel.snr_db'.*number"),
        ("channel.cfo_hz=1:30", "'channel.cfo_hz'.*number"),
        ("channel.cfo_hz=.nan", "'channel.cfo_hz'.*finite"),
        ("channel.cfo_hz=-.inf", "'channel.cfo_hz'.*finite"),
        ("center_frequency_hz=.inf", "'center_frequency_hz'.*finite"),
        ("coherence_bands=.nan", "'coherence_bands'.*finite"),
        ("phy.rx_antennas=true", "'phy.rx_antennas'.*integer"),
        ("phy.rx_antennas=1.0", "'phy.rx_antennas'.*integer"),
        ("model.gate=1", "'model.gate'.*boolean"),
        ("model.cbr=1e9999999", "too large"),
        ("model.cbr=1/1e9", "ratio such as 1/48"),
        ("model.cbr=1/0", "ratio such as 1/48"),
        ("model.cbr=0", "'model.cbr'.*greater than 0"),
        ("model.cbr=.inf", "'model.cbr'.*finite"),
        ("video.size=-256x256", "'video.size'.*WIDTHxHEIGHT"),
        ("video.size=0x100", "'video.size'.*WIDTHxHEIGHT"),
        ("video.size=256x5000", "'video.size'.*from 1 to 4096"),
        ("video.size=[256, true]", "'video.size'.*WIDTHxHEIGHT"),
        ("driver=usrp", "'driver'.*'simulation' or 'file'"),
        ("dump.txx=a", "unknown dump tap 'dump.txx'; did you mean 'dump.tx'"),
        ("a..b=1", "write KEY=VALUE"),
        (".".join("a" * 40) + "=1", "more than 32 parts"),
        ("x" * 100_000 + "=1", "unknown key"),
        ("description=[" + "1," * 2_000 + "]", "'description'.*string"),
    ],
)
def test_a_wrong_value_is_named_in_few_words(override, told) -> None:
    with pytest.raises(ConfigError, match=told) as refused:
        build("sim-awgn", [override])
    assert len(str(refused.value)) < 1000


def test_values_that_yaml_1_1_turned_into_others_are_what_they_say() -> None:
    config = build("sim-awgn", ["channel.cfo_hz=0100", "sample_rate_hz=1e6", "model.cbr=1/48", "video.size=64x32"])
    assert config.channel.cfo_hz == 100 and config.sample_rate_hz == 1e6
    assert config.model.cbr == 1 / 48 and config.video.size == (64, 32)


def test_values_of_any_size_are_shown_in_few_words() -> None:
    nested: list = ["x" * 1000]
    for _ in range(50):
        nested = [nested] * 10
    for value in (nested, "y" * 10**6, 10**6000, {str(i): nested for i in range(100)}, b"z" * 10**6):
        assert 0 < len(shown(value)) <= 200


def test_sections_are_equal_and_hashed_by_content() -> None:
    one, same, other = (ModelConfig(options={"decoder": {"level": level}}) for level in (1, 1, 2))
    assert one == same != other and hash(one) == hash(same)


def test_text_is_no_number() -> None:
    class Part(Section):
        level: float = 0.0

    assert checked(Part, {"level": 3}).level == 3.0
    with pytest.raises(ConfigError, match="'level'"):
        checked(Part, {"level": "3"})
