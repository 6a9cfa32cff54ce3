"""What the page of the sweeps shows is run."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

from gvc.sweep.config import Seeds, Stop, SweepConfig, load
from gvc.sweep.store import read_table

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "sweeps.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_example_of_a_file_is_one(tmp_path) -> None:
    path = tmp_path / "example.yaml"
    path.write_text(blocks("yaml")[0])
    assert len(load(path).cells) == 3


def test_every_key_of_the_file_is_told() -> None:
    keys = [f"{name}.{key}" for name, part in (("seeds", Seeds), ("stop", Stop)) for key in part.model_fields]
    assert [key for key in [*keys, "point", "fixed", "grid"] if f"`{key}`" not in PAGE] == []
    assert yaml.safe_load(blocks("yaml")[0]).keys() <= SweepConfig.model_fields.keys()


def test_the_example_of_a_point_runs(tmp_path) -> None:
    (tmp_path / "coin.py").write_text(next(block for block in blocks("python") if "def toss" in block))
    (tmp_path / "coin.yaml").write_text(blocks("yaml")[1])
    (line,) = [line for block in blocks("sh") for line in block.splitlines() if "coin.yaml" in line]
    command = [sys.executable, "-P", "-m", "flowgraphs.cli", *line.split()[1:], "--workers", "1"]
    done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    shares = [row["share"] for row in read_table(tmp_path / "coin" / "results.parquet") if row["p"] == 0.5]
    assert 4 < len(shares) <= 40 and abs(sum(shares) / len(shares) - 0.5) < 0.02


def test_the_sweeps_of_the_repository_are_valid() -> None:
    paths = [*ROOT.glob("benchmarks/sweeps/*.yaml"), *ROOT.glob("docs/results/sweeps/*.yaml")]
    assert paths and all(load(path).cells for path in paths)
