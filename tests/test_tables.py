"""What a person reads fits 80 columns, and no value is cut off."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from flowgraphs import cli, output
from flowgraphs.headline import headline
from flowgraphs.tables import tables
from gvc.storage.files import plain

WIDTH = 80
ARM = {"psnr_db": 28.4512, "ssim": 0.80712, "ms_ssim": 0.92431, "lpips": 0.3211, "dists": 0.2101, "vmaf": 48.61}
LINK = {
    "clip": "bikes.mp4",
    "radio": "sim-tdl-c-900ns",
    "size": [640, 272],
    "fps_source": 25.0,
    "frames_sent": 250,
    "frames_lost": 0,
    "bursts_sent": 500,
    "bursts_lost": 0,
    "snr_set_db": 12.0,
    "snr_est_db": 11.6,
    "realtime_factor": 0.47,
    "latency_ms": {"p50": 41.0, "p95": 60.0, "p99": 98_000.0},
    "arms": {
        "jscc": {**ARM, "received": ARM, "energy": 8.2e6, "freezes": 0},
        "control": {**ARM, "psnr_db": 28.97},
        "jscc+cddm": {**ARM, "psnr_db": 29.34, "dists": None},
    },
    "not_measured": {"dists": "weights dists.safetensors are not installed; run ./testbed setup"},
    "stages": [{"stage": "source", "cpu_seconds_per_frame": 0.001}],
    "out": "runs/20260101-120000",
}


def shown(result: dict, width: int = WIDTH) -> list[str]:
    screen = Console(width=width, file=io.StringIO(), force_terminal=False)
    for part in tables(plain(result), width):
        screen.print(part)
    return screen.file.getvalue().splitlines()


def score_rows() -> list[dict]:
    return [
        {
            "channel": channel,
            "snr_db": snr_db,
            "cbr": 1 / 48,
            "arm": arm,
            "steps": 1,
            "sampler": "stochastic",
            "psnr_db": 23.5167 + snr_db,
            "psnr_db_ci95": [23.1234, 24.9876],
            "ms_ssim": 0.91234,
            "lpips": 0.32109,
            "dists": 0.21098,
            "symbol_mse_db": -11.3012,
        }
        for channel in ("awgn", "rayleigh")
        for snr_db in (0.0, 10.0)
        for arm in ("A", "control", "jscc+cddm")
    ]


def test_a_table_of_scores_keeps_every_value() -> None:
    lines = shown({"preset": "default", "images": 96, "rows": score_rows()})
    text = "\n".join(lines)
    assert max(map(len, lines)) <= WIDTH
    assert all(value in text for value in ("23.517", "33.517", "23.123, 24.988", "0.91234", "-11.301", "jscc+cddm"))


def test_what_all_rows_share_is_said_once() -> None:
    rows = [{key: row[key] for key in ("channel", "snr_db", "cbr", "arm", "steps", "sampler", "psnr_db",
             "psnr_db_ci95", "symbol_mse_db")} for row in score_rows()]  # fmt: skip
    lines = shown({"rows": rows})
    assert max(map(len, lines)) <= WIDTH and len(lines) <= len(rows) + 4
    assert sum("stochastic" in line for line in lines) == 1


def test_a_link_shows_a_headline_not_sixty_keys() -> None:
    lines = shown(headline(LINK))
    text = "\n".join(lines)
    assert max(map(len, lines)) <= WIDTH and len(lines) < 25
    assert "+0.37 dB over control, +0.89 dB over jscc" in text
    assert "not real time: the queue grew" in text and "98000" not in text
    assert "weights dists.safetensors" in text and "640x272" in text and "energy" not in text


@pytest.mark.parametrize("command", [["models", "list"], ["models", "verify"], ["radios", "list"]])
def test_lists_fit(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    assert cli.run([*command, "--json", str(tmp_path / "all.json")]) == 0
    ((name, rows),) = json.loads((tmp_path / "all.json").read_text()).items()
    assert cli.run(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= WIDTH
    # One line a record: nothing is folded away or stacked.
    named = [row.get("name") or row["file"] for row in rows]
    assert sum(any(word in line for word in named) for line in lines) >= len(rows)
    assert name in ("models", "verified", "radios") and len(lines) <= 3 * len(rows) + 4


words = st.text("abc_. -/", max_size=60)


@given(
    st.lists(st.dictionaries(st.text("abc_.", min_size=1, max_size=20), st.one_of(
        st.none(), st.floats(), st.integers(), words, st.lists(st.floats(width=16), max_size=4)), max_size=9),
        max_size=5),
    st.integers(40, 120),
)  # fmt: skip
def test_any_records_fit(rows: list[dict], width: int) -> None:
    assert all(len(line) <= width for line in shown({"rows": rows, "one": 1}, width))


def test_numpy_values_are_shown() -> None:
    assert "2.5" in "\n".join(shown({"a": np.float64(2.5)}))


def test_the_time_left_forgets_the_first_item_and_earlier_calls() -> None:
    pace = output.Pace()
    # 400 points are there from an earlier call; the first of this one compiles for a minute, the others take 2 s
    assert pace.left("points", 400, 1000, 0.0) == ""
    assert pace.left("points", 401, 1000, 60.0) == ""
    assert pace.left("points", 402, 1000, 62.0) == "0:19:56 left"
    assert pace.left("points", 402, 1000, 63.0) == "0:19:56 left"
    for number in range(403, 600):
        told = pace.left("points", number, 1000, 62.0 + 2 * (number - 402))
    assert told == "0:13:22 left"
    # only the last items count, and another step starts anew
    for number in range(600, 640):
        told = pace.left("points", number, 1000, 460.0 + 10 * (number - 600))
    assert told == "1:00:10 left"
    assert pace.left("evaluating", 1, 3, 900.0) == "" == pace.left("evaluating", 2, 0, 901.0)
