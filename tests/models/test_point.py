"""A point of a sweep: several arms over one realisation."""

import pytest

from gvc.errors import ConfigError, InputError
from models.point import inputs, link

POINT = {
    "clip": "bikes.mp4",
    "radio": "sim-awgn",
    "snr_db": 12,
    "cbr": "1/48",
    "frames": 4,
    "size": "64x64",
    "set": ["model.preset=small", "segment.frames=2"],
    "metrics": {"psnr_db": 1},
    "arms": ["jscc", "jscc+cddm", "x264+ldpc@qpsk-1_2", "softcast"],
}
TIMES = ("_seconds", "_ms", "_factor")


def told(row: dict) -> dict:
    return {key: value for key, value in row.items() if not key.endswith(TIMES)}


def test_rows_of_one_realisation_are_repeatable_and_spend_the_same() -> None:
    rows = link(POINT, 1)
    assert [row["arm"] for row in rows] == POINT["arms"]
    assert [told(row) for row in link(POINT, 1)] == [told(row) for row in rows]
    assert len({row["channel_uses"] for row in rows}) == 1 and rows[0]["channel_uses"] == 4 * 256
    for row in rows:
        assert row["energy"] == pytest.approx(4 * 256, rel=0.05)
        assert row["slots_lost"] == 0 and 10 < row["psnr_db"] < 60
    assert [len(row["weights"]) for row in rows] == [64, 64, 0, 0] and rows[0]["weights"] != rows[1]["weights"]
    assert {row["dtype"] for row in rows} == {"float32"}
    assert rows[2]["blocks"] == 2 and rows[2]["block_errors"] == 0 and rows[2]["bytes"] > 0


def test_what_is_not_measured_changes_nothing_of_what_is() -> None:
    few = link({**POINT, "measured": 2}, 1)
    every = link({**POINT, "metrics": {"psnr_db": 2}}, 1)
    assert [row["psnr_db"] for row in few] == [row["psnr_db"] for row in every]


def test_below_the_threshold_the_fixed_scheme_is_concealed() -> None:
    (row,) = link({**POINT, "snr_db": -3, "arms": ["x264+ldpc@64qam-5_6"]}, 1)
    assert row["frames_concealed"] == 4 and row["block_errors"] == row["blocks"] and row["freezes"] == 1


def test_a_setting_is_a_parameter() -> None:
    arms = {"arms": ["x264+ldpc@fixed"]}
    plain, named, together = (
        link({**POINT, **arms, **more}, 1)[0]
        for more in ({}, {"digital.mcs": "16qam-1_2"}, {"set": [*POINT["set"], "digital.mcs=16qam-1_2"]})
    )
    assert told(named) == told(together)
    assert plain["efficiency"] == 1 and named["efficiency"] == 2
    with pytest.raises(ConfigError, match="'digital.mcz'; did you mean 'digital.mcs'"):
        link({**POINT, **arms, "digital.mcz": "16qam-1_2"}, 1)


def test_bad_parameters_are_named() -> None:
    with pytest.raises(ConfigError, match="unknown parameter 'snr'; did you mean 'snr_db'"):
        link({**POINT, "snr": 3}, 1)
    with pytest.raises(ConfigError, match="needs clip"):
        link({"radio": "sim-awgn"}, 1)
    with pytest.raises(InputError, match="softcast"):
        link({**POINT, "arms": ["softcats"]}, 1)
    with pytest.raises(InputError, match="unknown adaptation 'genius'; did you mean 'genie'"):
        link({**POINT, "arms": ["x264+ldpc@genius"]}, 1)


def test_a_point_depends_on_its_clip_its_radio_and_its_weights() -> None:
    names = {path.name for path in inputs(POINT)}
    assert {"bikes.mp4", "sim-awgn.yaml", "encoder.safetensors"} <= names
    others = {**POINT, "size": "128x128", "arms": ["softcast", "hybrid"]}
    assert "encoder.safetensors" not in {path.name for path in inputs(others)}
    assert "encoder.safetensors" in {path.name for path in inputs({**others, "hybrid.refinement": "jscc"})}
