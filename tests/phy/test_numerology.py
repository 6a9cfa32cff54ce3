import numpy as np
import pytest
import yaml

from gvc.errors import ConfigError, InputError
from gvc.phy import Numerology
from gvc.phy.layout import burst_layout, fragment_symbols, overhead
from gvc.phy.numerology import FOLDER


@pytest.mark.parametrize(("name", "data", "pilots", "rate"), [("ofdm64", 48, 4, 1e6), ("ofdm256", 192, 8, 5e6)])
def test_profiles(name: str, data: int, pilots: int, rate: float) -> None:
    u = Numerology.load(name)
    assert (u.data_carriers, len(u.pilot_index), u.sample_rate_hz) == (data, pilots, rate)
    assert 0 not in u.carriers


@pytest.mark.parametrize("name", ["ofdm64", "ofdm256", "ofdm64-robust", "ofdm256-robust"])
def test_preamble(name: str) -> None:
    u = Numerology.load(name)
    short, long = u.preamble[: u.short_samples], u.preamble[u.short_samples :]
    assert len(u.preamble) == u.preamble_samples
    assert np.mean(np.abs(short) ** 2) == pytest.approx(1, abs=1e-5)
    assert np.allclose(short[16:], short[:-16])
    assert np.allclose(long[: -u.fft_size], long[u.fft_size :], atol=1e-6)
    assert 10 * np.log10(np.max(np.abs(u.preamble)) ** 2) < u.clip_backoff_db


def test_own_file_and_its_errors(tmp_path) -> None:
    content = yaml.safe_load((FOLDER / "ofdm64.yaml").read_text())
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**content, "cyclic_prefix": 8}))
    assert Numerology.load(str(path)).cyclic_prefix == 8
    path.write_text(yaml.safe_dump({**content, "cyclic_prefx": 8}))
    with pytest.raises(ConfigError, match="cyclic_prefx.*cyclic_prefix"):
        Numerology.load(str(path))
    path.write_text(yaml.safe_dump({**content, "fft_size": 60}))
    with pytest.raises(ConfigError, match="power of two"):
        Numerology.load(str(path))
    path.write_text(yaml.safe_dump({**content, "fft_size": "many"}))
    with pytest.raises(ConfigError, match="fft_size"):
        Numerology.load(str(path))
    wrong = [("fft_size", True), ("fft_size", 64.0), ("sample_rate_hz", float("inf")), ("sample_rate_hz", "1")]
    wrong += [("max_doppler_hz", float("nan")), ("pilot_carriers", [7, "a"]), ("pilot_carriers", 7)]
    for key, value in wrong:
        path.write_text(yaml.safe_dump({**content, key: value}))
        with pytest.raises(ConfigError, match=f"'{key}' is .*: give "):
            Numerology.load(str(path))
    for key, value, rule in [
        ("long_training_repeats", 1, "from 2 to 64"),
        ("header_code", "k8", "k7"),
        ("synchroniser", "acumulation", "did you mean 'accumulation'"),
        ("synchroniser", "my_module:Class", "known"),
        ("header_symbols", 5, "240 resource elements.*'k7' needs 273"),
    ]:
        path.write_text(yaml.safe_dump({**content, key: value}))
        with pytest.raises(ConfigError, match=f"'{key}' .*{rule}"):
            Numerology.load(str(path))
    path.write_text("[1, 2")
    with pytest.raises(ConfigError, match="YAML"):
        Numerology.load(str(path))
    del content["gap_symbols"]
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match="gap_symbols"):
        Numerology.load(str(path))
    with pytest.raises(InputError, match="No such file"):
        Numerology.load(str(tmp_path / "none.yaml"))
    with pytest.raises(InputError, match="ofdm64"):
        Numerology.load("ofdm46")


def test_keys_that_came_later_may_be_left_out(tmp_path) -> None:
    content = yaml.safe_load((FOLDER / "ofdm64.yaml").read_text())
    later = {"long_training_repeats", "header_code", "synchroniser"}
    path = tmp_path / "old.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in content.items() if key not in later}))
    assert np.array_equal(Numerology.load(str(path)).preamble, Numerology.load("ofdm64").preamble)
    assert Numerology.load(str(path)).synchroniser == "schmidl-cox"


@pytest.mark.parametrize("elements", [1, 16, 48, 49, 4096, 10880, 1_036_800])
def test_fragments_cover_a_frame(elements: int) -> None:
    u = Numerology.load("ofdm64")
    fragments = fragment_symbols(u, elements)
    assert sum(fragments) == -(-elements // u.data_carriers)
    assert max(fragments) <= u.payload_symbols
    assert max(fragments) - min(fragments) <= 1


def test_layout_has_training_on_both_sides_of_every_payload_symbol() -> None:
    u = Numerology.load("ofdm64")
    layout = burst_layout(u, 86)
    assert len(layout.payload_rows) == 86
    assert layout.midamble_rows[-1] == layout.rows - 1
    assert np.max(np.diff(layout.midamble_rows)) <= u.midamble_period + 1


def test_overhead_counts_every_sample() -> None:
    u = Numerology.load("ofdm64")
    # 3 + 2 preamble, 12 header, 86 payload, 6 midamble, 1 gap symbols for 85.33 symbols of payload.
    assert overhead(u, 4096) == pytest.approx((3 + 2 + 12 + 86 + 6 + 1) / (4096 / 48) - 1)
