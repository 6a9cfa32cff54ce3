"""What every benchmark prints, and the machine it names."""

import json
import os
import subprocess
import sys
from pathlib import Path

from gvc.machine import machine

ROOT = Path(__file__).resolve().parent.parent

BENCHMARK = """
import os
from benchmarks.common import cpu_seconds, emit, parser

options = parser("Time nothing.")
options.add_argument("--repeats", type=int, default=2)
arguments = options.parse_args()
os.write(1, b"a native library talks\\n")
figures = cpu_seconds(lambda: sum(range(1000)), arguments.repeats)
emit([{"stage": "sum", **figures}], arguments.json, note="made up")
"""


def run(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "probe.py").write_text(BENCHMARK)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"}
    command = [sys.executable, "-m", "probe", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def test_json_holds_machine_command_and_rows_alone(tmp_path: Path) -> None:
    done = run(tmp_path, "--repeats", "3", "--json", "-")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result.keys() == {"machine", "command", "rows", "note"}
    assert result["command"] == "python -m probe --repeats 3 --json -"
    assert result["rows"][0]["stage"] == "sum" and result["rows"][0]["cpu_seconds"] >= 0
    assert "a native library talks" in done.stderr


def test_without_json_the_command_and_each_row_are_printed(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "# python -m probe" in done.stdout and "stage=sum" in done.stdout


def test_machine_is_read_without_anything_heavy() -> None:
    code = (
        "import sys; from gvc.machine import machine; machine(); print({'torch', 'numba', 'scipy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "set()"


def test_machine_names_cpu_cores_memory_and_versions() -> None:
    described = machine()
    assert described["cores"] >= 1 and described["memory_gib"] > 0 and described["cpu"]
    assert described["versions"]["numpy"] and described["versions"]["torch"]
    assert json.loads(json.dumps(described)) == described
