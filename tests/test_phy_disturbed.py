"""The benchmark of disturbed bursts: where disturbances fall, what counts as hit, a small run of each sort."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import phy_disturbed
from benchmarks.phy_disturbed import DISTURBANCES, SentBurst, measured
from gvc import seeds
from gvc.phy import Numerology
from gvc.phy.layout import burst_layout

U = Numerology.load("ofdm64")
BY_NAME = {disturbance.name: disturbance for disturbance in DISTURBANCES}


def sent(seed: int, symbols: int = 86) -> SentBurst:
    return SentBurst(U, 500, symbols, seeds.stream(seed, "disturbed"))


def test_every_disturbance_has_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(DISTURBANCES)


@pytest.mark.parametrize("samples", [40, 400])
def test_pulses_fall_on_payload_symbols_alone(samples: int) -> None:
    is_payload = np.zeros(burst_layout(U, 86).rows, bool)
    is_payload[burst_layout(U, 86).payload_rows] = True
    for seed in range(50):
        starts = sent(seed).pulses(samples)
        assert len(starts) == len(set(starts)) == phy_disturbed.PULSES
        for start in starts:
            places = np.arange(start, start + samples) - 500 - U.preamble_samples
            assert places.min() >= 0 and is_payload[places // U.symbol_samples].all()


@pytest.mark.parametrize("reach", [1.5, 2.5])
def test_tones_miss_the_pilots(reach: float) -> None:
    places = np.array([sent(seed).frequency_hz(reach) for seed in range(50)]) / U.carrier_spacing_hz
    assert np.abs(places).max() <= 26 and np.ptp(places) > 30
    assert np.abs(places[:, None] - np.array(U.pilot_carriers)).min() >= reach + phy_disturbed.CLEAR


def test_hit_and_unhit_are_told_apart() -> None:
    quiet, loud = (measured(U, BY_NAME[f"pulses {level} dB 400 samples"], "awgn", 20.0, 1) for level in (-5, 20))
    assert loud["bursts_received"] == loud["bursts_sent"] == 1
    assert loud["hit_db"] > quiet["hit_db"] or loud["erased_hit"] > quiet["erased_hit"]
    assert quiet["unhit_db"] == pytest.approx(0, abs=1) and len(quiet["deciles_db"]) == 10


def test_rows_are_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "rows.json"
    only = "^(none|tone -10 dB|missing 10|step 300 Hz)$"
    options = ["--draws", "1", "--channels", "awgn", "--snr-db", "15", "--only", only, "--json", str(out)]
    monkeypatch.setattr(sys, "argv", ["phy_disturbed", *options])
    phy_disturbed.main()
    rows = {row["disturbance"]: row for row in json.loads(out.read_text())["rows"]}
    assert rows.keys() == {"none", "tone -10 dB", "missing 10", "step 300 Hz"}
    assert "all_db" in rows["none"] and "hit_db" not in rows["none"]
    assert {"unhit_db", "erased_hit", "worst_decile_db"} <= rows["tone -10 dB"].keys()
