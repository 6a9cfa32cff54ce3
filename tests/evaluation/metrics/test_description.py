"""Every metric is described, and its description is true of its values."""

import json
from pathlib import Path

import numpy as np
import pytest

from gvc import registry
from gvc.evaluation.metrics import DEFAULT_METRICS, measure
from gvc.evaluation.metrics.description import METRICS, Description, describe, read, told
from gvc.evaluation.service.session import LIVE
from gvc.report.headline import quality
from gvc.report.reported_run import ReportedRun


def odd(reference, distorted, fps=25.0):
    """A metric from outside."""
    return np.zeros(len(reference))


odd.description = Description("Oddness", unit="%", digits=1, higher_is_better=False)
ODD = f"{__name__}:odd"


def test_all_are_described_and_the_defaults_are_among_them() -> None:
    assert sorted(METRICS) == registry.names("metric")
    assert set(DEFAULT_METRICS) <= set(METRICS) and LIVE == ("psnr_db", "ssim")
    assert len({metric.heading for metric in METRICS.values()}) == len(METRICS)


@pytest.mark.parametrize("name", METRICS)
def test_values_lie_in_the_range_and_equal_pictures_are_better(name: str) -> None:
    rng = np.random.default_rng(1)
    frames = 2 if name == "flicker" else 1
    first = np.kron(rng.integers(0, 256, (1, 11, 11, 3)), np.ones((frames, 16, 16, 1))).astype(np.uint8)
    worse = np.clip(first + rng.normal(0, 40, first.shape), 0, 255).astype(np.uint8)
    metric, columns = METRICS[name], []
    for shown in (first, worse):
        values, reason = measure(name, first, shown)
        assert values is not None, reason
        assert metric.least is None or values.min() >= metric.least - 1e-6
        assert metric.most is None or values.max() <= metric.most
        columns.append(values.mean())
    assert (columns[0] > columns[1]) == metric.higher_is_better and columns[0] != columns[1]


def test_words() -> None:
    assert (METRICS["psnr_db"].axis, METRICS["vmaf"].axis) == ("PSNR (dB)", "VMAF")
    assert (METRICS["lpips"].axis, METRICS["lpips"].heading) == ("LPIPS (lower is better)", "LPIPS (AlexNet)")
    assert describe(ODD) is odd.description and describe("no:thing") == Description("thing")


def test_a_metric_from_outside_is_reported_as_the_run_says_without_loading_it(tmp_path: Path) -> None:
    name = "not.there:odd"
    described = {name: told(ODD) | {"later": 1}, "psnr_db": {"title": "other"}}
    (tmp_path / "run.json").write_text("{}")
    arms = {"a": {name: 3.0, "psnr_db": 20.0}, "b": {name: 2.0, "psnr_db": 21.0}}
    (tmp_path / "metrics.json").write_text(json.dumps({"arms": arms, "described": described}))
    rows = quality(ReportedRun(tmp_path))
    assert [(row["title"], row["unit"], row["arrow"]) for row in rows] == [("PSNR", "dB", "↑"), ("Oddness", "%", "↓")]
    assert [cell["mean"] for cell in rows[1]["cells"]] == ["3.0", "2.0"] and rows[1]["cells"][1]["best"]
    assert read("x", 3) == Description("x")
