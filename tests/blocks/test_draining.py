"""A graph ends by itself: stock blocks behind ours get every sample, as with `top.run()`."""

import subprocess
import sys
from pathlib import Path

import pytest

from gvc.paths import ROOT


def run(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "tests.blocks.draining_graph", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("repeat", range(3))
def test_what_is_still_in_buffers_reaches_a_stock_sink(tmp_path: Path, repeat: int) -> None:
    done = run("throttle", tmp_path / "samples")
    assert done.returncode == 0, done.stderr
    # Six messages of 4,000 samples and the end.
    assert done.stdout.split() == ["24001", "24001"]
    assert "stopped" not in done.stderr


def test_a_graph_that_never_ends_is_stopped_after_the_limit_and_says_so(tmp_path: Path) -> None:
    done = run("never", tmp_path / "samples")
    assert done.returncode == 0, done.stderr
    assert "did not end by itself within 1 s" in done.stderr
