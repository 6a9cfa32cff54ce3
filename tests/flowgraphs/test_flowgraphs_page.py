"""docs/flowgraphs.md does what it says: its files are written to an empty folder and its commands run there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gvc.paths import ROOT

PAGE = (ROOT / "docs" / "flowgraphs.md").read_text()
LINES = [line for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mine")
    for name, content in re.findall(r"`([\w.-]+\.py)`:\n\n```python\n(.*?)```", PAGE, re.DOTALL):
        (path / name).write_text(content)
    assert {entry.name for entry in path.iterdir()} == {"look.py", "eraser.py", "with_eraser.py"}
    return path


def run(command: str, folder: Path) -> str:
    exports = " ".join(line for line in LINES if line.startswith("export "))
    script = f"{exports}\n{command}".replace("REPOSITORY", str(ROOT))
    script = re.sub(r"^gvc ", f"{sys.executable} -m flowgraphs.cli ", script, flags=re.MULTILINE)
    script = re.sub(r"^python ", f"{sys.executable} ", script, flags=re.MULTILINE)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-ec", script], cwd=folder, capture_output=True, text=True, env=environment, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_block_of_ones_own_runs(folder: Path) -> None:
    assert "3 frames" in run("python with_eraser.py", folder)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_commands_run_in_their_order(folder: Path) -> None:
    for line in LINES:
        if not line.startswith("export "):
            run(line, folder)
    assert (folder / "received.cf32").stat().st_size > 0
    assert len(list((folder / "received" / "frames").glob("*.png"))) == 3
