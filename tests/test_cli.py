"""The command line: light to start, one JSON object, failures told in a line with the right exit code."""

import errno
import json
import os
import shlex
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from flowgraphs import cli, output
from flowgraphs.commands import bench
from gvc import __version__
from gvc.errors import InputError
from gvc.paths import ROOT
from gvc.storage.files import plain

HEAVY = {"torch", "sionna", "gnuradio", "pmt", "numba", "scipy", "matplotlib", "av", "pydantic"}

PROBE = '''
import os
from typing import Annotated
import typer
from flowgraphs.output import emit
from gvc.errors import InputError, LinkError

def probe(how: str, json: Annotated[str | None, typer.Option("--json")] = None):
    """Fail in the asked way."""
    if how == "input":
        raise InputError("no such clip 'x.mp4'")
    if how == "running":
        raise LinkError("the port is busy")
    if how == "interrupt":
        raise KeyboardInterrupt
    if how == "bug":
        raise ValueError("surprise")
    os.write(1, b"a native library talks\\n")
    print("so does a careless print")
    emit({"snr_db": float("nan"), "frames": 3}, json)
'''


@pytest.fixture
def probe(tmp_path: Path):
    """Runs `gvc probe ARGUMENTS` in a process; `probe` is a command that fails as told."""
    (tmp_path / "probe.py").write_text(PROBE)
    code = "import sys; from flowgraphs import cli; sys.path.insert(0, sys.argv[1]); "
    code += "cli.ENTRIES['probe'] = cli.Entry('Fail.', ('gvc probe input',), 'probe:probe'); cli.main(sys.argv[2:])"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code, str(tmp_path), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    return run


def test_help_imports_nothing_heavy() -> None:
    code = f"""
import sys
import warnings
from flowgraphs.cli import run
assert run(["--help"]) == 0
print(sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == "[]"
    assert all(name in done.stdout for name in cli.ENTRIES)


def test_help_of_every_command_shows_its_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for name, entry in cli.ENTRIES.items():
        assert cli.run([name, "--help"]) == 0
        shown = " ".join(capsys.readouterr().out.split())
        assert all(example.split(" --")[0] in shown for example in entry.examples)


@pytest.mark.parametrize("name", cli.ENTRIES)
def test_examples_parse(name: str) -> None:
    """Every option and argument in an example exists and has an acceptable value."""
    for example in cli.ENTRIES[name].examples:
        program, _, *arguments = shlex.split(example)
        assert program == "gvc"
        command = cli.DeferredCommand(name, cli.ENTRIES[name]).load()
        if hasattr(command, "commands"):
            command = command.commands[arguments.pop(0)]
        if "--help" not in arguments:
            command.make_context(name, arguments)


@pytest.mark.parametrize(
    ("how", "code", "told"),
    [
        ("input", 2, "no such clip"),
        ("running", 1, "the port is busy"),
        ("interrupt", 130, "interrupted"),
        ("bug", 1, "ValueError: surprise"),
    ],
)
def test_failures_are_told_without_a_traceback(probe, how: str, code: int, told: str) -> None:
    done = probe("probe", how)
    assert (done.returncode, done.stdout) == (code, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 2


def test_debug_shows_the_traceback(probe) -> None:
    done = probe("--debug", "probe", "bug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr and "surprise" in done.stderr


@pytest.mark.parametrize(
    "arguments", [["lnik"], ["probe"], ["probe", "ok", "--nonsense"], ["probe", "ok", "extra"], ["--nonsense"]]
)
def test_bad_arguments_are_exit_code_2(probe, arguments: list[str]) -> None:
    done = probe(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Error" in done.stderr and "Traceback" not in done.stderr


def test_a_mistyped_command_names_the_nearest(probe) -> None:
    assert "'link'" in probe("lnik").stderr


@pytest.mark.parametrize("option", [["--json", "-"], ["--json=-"]])
def test_json_is_alone_on_stdout(probe, option: list[str]) -> None:
    done = probe("probe", "ok", *option)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"snr_db": None, "frames": 3}
    assert "a native library talks" in done.stderr and "careless" in done.stderr


def test_json_to_a_file(probe, tmp_path: Path) -> None:
    assert probe("probe", "ok", "--json", str(tmp_path / "r.json")).returncode == 0
    assert json.loads((tmp_path / "r.json").read_text())["frames"] == 3
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix in (".json", ".part")) == ["r.json"]


def test_json_to_an_impossible_place_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot write"):
        output.emit({}, str(tmp_path / "absent" / "r.json"))


def test_without_json_every_value_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    output.emit(
        {"clip": "a.mp4", "arms": {"jscc": {"psnr_db": 21.5}}, "rows": [{"snr_db": 0}, {"snr_db": 5, "x": None}]}
    )
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("clip", "a.mp4", "arms.jscc.psnr_db", "21.5", "rows", "snr_db", "5", "-"))


def test_steps_are_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with output.steps() as told:
        for done in range(50):
            told("sending", done, 50)
        told("evaluating", 0, 0)
    shown = capsys.readouterr().err.splitlines()
    assert [line.split(" s  ")[1] for line in shown] == ["sending 0/50", "evaluating"]


def test_lines_tell_the_time_left_at_the_speed_of_this_call(capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    clock = iter(range(0, 1000, 15))
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    with output.steps() as told:
        # 40 were there before; then one takes 15 s
        for done in range(40, 43):
            told("points", done, 1000)
    shown = [line.split(" s  ")[1] for line in capsys.readouterr().err.splitlines()]
    assert shown == ["points 40/1000", "points 41/1000", "points 42/1000, 3:59:30 left"]


def test_plain_knows_numpy_paths_and_infinities() -> None:
    value = {
        "a": np.float32(1.5),
        "b": np.arange(2),
        "c": (Path("x"), float("inf")),
        "d": {"e": np.int64(7), "f": True},
    }
    assert plain(value) == {"a": 1.5, "b": [0, 1], "c": ["x", None], "d": {"e": 7, "f": True}}


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out == f"gvc {__version__}\n"


def test_radios_are_listed_and_checked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.run(["radios", "list"]) == 0
    assert "sim-tdl-c-900ns" in capsys.readouterr().out
    assert cli.run(["radios", "check", "sim-awgn", "--set", "channel.snr_db=7"]) == 0
    assert cli.run(["radios", "check", "sim-awn"]) == 2
    assert "sim-awgn" in capsys.readouterr().err
    radio = tmp_path / "mine.yaml"
    radio.write_text("channel: {name: awgn, snr: 3}\n")
    assert cli.run(["radios", "check", str(radio)]) == 2
    assert "channel.snr_db" in capsys.readouterr().err
    radio.write_text("channel: {name: agwn}\n")
    assert cli.run(["radios", "check", str(radio)]) == 2
    assert "awgn" in capsys.readouterr().err


def test_a_termination_ends_like_an_interrupt(tmp_path: Path) -> None:
    (tmp_path / "probe.py").write_text(
        "import os, signal, time\n\ndef probe():\n"
        "    try:\n        os.kill(os.getpid(), signal.SIGTERM)\n        time.sleep(30)\n"
        "    finally:\n        print('cleaned up')\n"
    )
    code = "import sys; from flowgraphs import cli; sys.path.insert(0, sys.argv[1]); "
    code += "cli.ENTRIES['probe'] = cli.Entry('Wait.', (), 'probe:probe'); cli.main(['probe'])"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, "cleaned up\n", "gvc: interrupted\n")


def test_a_warning_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert warnings.formatwarning(UserWarning("two tracks"), UserWarning, "clip.py", 3) == "gvc: two tracks\n"


CLOSED = [
    ("radios list >&-", "gvc: cannot write to stdout: it is closed\n"),
    ("radios list >/dev/full", "gvc: cannot write to stdout: No space left on device\n"),
    ("radios list --json - >/dev/full", "gvc: cannot write to stdout: No space left on device\n"),
    ("--version >/dev/full", "gvc: cannot write to stdout: No space left on device\n"),
    ("radios list | head -c 0", ""),
    ("link --help | head -c 0", ""),
    ("radios list <&- >&- 2>&-", ""),
]


@pytest.mark.parametrize(("call", "told"), CLOSED)
def test_a_result_that_nobody_can_read_is_a_failure_in_a_line(call: str, told: str) -> None:
    script = f"set -o pipefail; {shlex.quote(sys.executable)} -m flowgraphs.cli {call}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr, done.stdout) == (1, told, "")


def test_a_result_in_a_file_needs_no_stdout(tmp_path: Path) -> None:
    script = f"{shlex.quote(sys.executable)} -m flowgraphs.cli radios list --json {tmp_path}/r.json <&- >&- 2>&-"
    assert subprocess.run(["bash", "-c", script], timeout=60, check=False).returncode == 0
    assert json.loads((tmp_path / "r.json").read_text())["radios"]


@pytest.mark.parametrize(
    "call",
    [["link", "--clip", "b\udcff.mp4"], ["radios", "check", "b\udcff"], ["radios", "check", "--set", "\udcff=1"]],
)
def test_names_that_are_no_utf_8_are_told(call: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", "flowgraphs.cli", *call], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "unexpected" not in done.stderr and "Traceback" not in done.stderr


def test_results_with_such_names_are_json() -> None:
    assert plain({"cl\udcffip": ["a\udcff.mp4", Path("b\udcff")]}) == {"cl\\udcffip": ["a\\udcff.mp4", "b\\udcff"]}


def test_few_open_files_are_refused_with_what_to_do() -> None:
    script = f"ulimit -n 16; exec {shlex.quote(sys.executable)} -m flowgraphs.cli radios list"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "gvc: only 16 files may be open at once, 128 are needed: call `ulimit -n 4096` before\n"


@pytest.mark.gr
def test_a_home_that_cannot_be_written_is_no_hindrance(tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": "/proc/1/nowhere", "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    call = ["tx", "bikes.mp4", "-o", "x.cf32", "--radio", "sim-awgn", "--frames", "1", "--set", "model.preset=small"]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "flowgraphs.cli", *call, "--set", "video.size=64x64"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "the home folder /proc/1/nowhere cannot be written" in done.stderr
    assert not list(tmp_path.glob("gvc-home-*"))


@pytest.mark.parametrize(
    ("number", "told"), [(errno.EMFILE, "ulimit -n"), (errno.ENOSPC, "disk is full"), (errno.EROFS, "reading only")]
)
def test_errors_of_the_system_say_what_to_do(number: int, told: str, monkeypatch, capsys) -> None:
    def fails(arguments: list[str], **options: object) -> None:
        raise OSError(number, os.strerror(number), "/some/file")

    monkeypatch.setattr(cli, "app", fails)
    assert cli.run(["demo"]) == 1
    shown = capsys.readouterr().err
    assert "/some/file" in shown and told in shown and "unexpected" not in shown


def test_bench_lists_what_it_can_run_and_runs_it_in_the_callers_folder(monkeypatch, capsys) -> None:
    assert cli.run(["bench", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "front_end" in shown and "front_end_gr" not in shown and "phy_links" not in shown
    assert {"link", "ldpc", "waterfalls"} <= set(bench.NAMES)
    assert not {"common", "phy_links", "impairments", "front_end_tasks"} & set(bench.NAMES)
    calls = []

    def ran(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        calls.append((command, options))
        return subprocess.CompletedProcess(command, 0, '{"machine": {}, "command": "", "rows": []}')

    monkeypatch.setattr(bench.subprocess, "run", ran)
    monkeypatch.setenv("PYTHONPATH", ".")
    assert cli.run(["bench", "link", "--json", "-"]) == 0
    ((command, options),) = calls
    assert options.get("cwd") is None and options["env"]["PYTHONPATH"] == f"{ROOT}{os.pathsep}."
    assert command[1:4] == ["-P", "-m", "benchmarks.link"]
