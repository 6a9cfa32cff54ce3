"""The radio files: they build, say what they are, and their channels run."""

import re

import numpy as np
import pytest
import yaml

from gvc import registry
from gvc.config import DEFAULT_RADIO, build, load_radio
from gvc.errors import ConfigError, InputError
from gvc.paths import radios_dir
from gvc.phy.numerology import Numerology

RADIOS = sorted(path.stem for path in radios_dir().glob("*.yaml"))
LIGHT_MPS = 299_792_458.0


def channel_of(config, **more):
    section = config.channel.model_dump()
    name, options = section.pop("name"), section.pop("options")
    return registry.create(
        "channel",
        name,
        sample_rate_hz=config.sample_rate_hz,
        center_frequency_hz=config.center_frequency_hz,
        **{**section, **options, **more},
    )


def test_the_promised_radios_are_here():
    assert {"sim-awgn", "sim-rayleigh-block", "sim-tdl-a-30ns", "sim-tdl-c-900ns"} <= set(RADIOS)
    assert DEFAULT_RADIO == "sim-tdl-c-900ns"
    assert build().channel.snr_db == 12.0


@pytest.mark.parametrize("radio", RADIOS)
def test_radio_builds_and_has_a_header(radio):
    text = (radios_dir() / f"{radio}.yaml").read_text()
    assert text.startswith("# ")
    assert len(re.match(r"(#.*\n)+", text).group().split()) > 30  # prose, not a title
    config = build(radio)
    assert config.description
    assert Numerology.load(config.phy.numerology).sample_rate_hz == config.sample_rate_hz
    assert f"`{radio}`" in (radios_dir() / "README.md").read_text()


@pytest.mark.parametrize("radio", RADIOS)
def test_coherence_bands_follow_from_sample_rate_and_delay_spread(radio):
    config = build(radio)
    if config.driver != "simulation":
        return
    spread = config.channel.delay_spread_s or 0.0
    assert config.coherence_bands == pytest.approx(config.sample_rate_hz * 5 * spread, rel=0.01)


@pytest.mark.parametrize("radio", [r for r in RADIOS if r.startswith("sim-tdl")])
def test_stated_delay_doppler_and_clock_are_true(radio):
    text, config = (radios_dir() / f"{radio}.yaml").read_text(), build(radio)
    prose = " ".join(text.replace("#", " ").split())
    channel = channel_of(config)
    longest = channel.fading.path_delays_s.max() * config.sample_rate_hz
    stated = float(re.search(r"longest path comes ([\d.]+) samples", prose).group(1))
    assert stated == pytest.approx(longest, rel=0.03)
    assert longest <= Numerology.load(config.phy.numerology).cyclic_prefix / 2
    doppler = float(re.search(r"is ([\d.]+) Hz of Doppler", prose).group(1))
    assert doppler == pytest.approx(config.channel.speed_mps * config.center_frequency_hz / LIGHT_MPS, rel=0.02)
    ppm = float(re.search(r"Clock offset ([\d.]+) ppm", prose).group(1))
    assert channel.sro_ppm == pytest.approx(ppm)


@pytest.mark.parametrize("radio", [r for r in RADIOS if r.startswith("sim-")])
def test_its_channel_runs(radio):
    channel = channel_of(build(radio), seed=3)
    out = np.concatenate([channel.process(np.ones(5000, np.complex64)), channel.flush()], axis=1)
    assert out.dtype == np.complex64
    assert np.all(np.isfinite(out))
    assert out.shape[1] >= 5000


def test_units_are_in_the_keys():
    for radio in RADIOS:
        for key, value in load_radio(radio).get("channel", {}).items():
            if isinstance(value, float):
                assert key.endswith(("_hz", "_db", "_samples", "_mps", "_s", "_ppm")), key


def test_unknown_key_names_the_nearest(tmp_path):
    content = load_radio("sim-awgn")
    content["channel"]["snr"] = 3
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match="snr_db"):
        build(str(path))
    with pytest.raises(InputError, match="sim-awgn"):
        build("sim-awgm")
    with pytest.raises(ConfigError, match="snr_db"):
        build("sim-awgn", ["channel.snr_db=100"])
