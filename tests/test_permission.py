"""Code that a file names runs only when the caller allows it."""

import sys
import time
from pathlib import Path

import pytest

from flowgraphs import cli
from gvc.config import build
from gvc.errors import ConfigError, InputError
from gvc.permission import allowing_code, code_is_allowed, code_names, names_code
from gvc.sweep.task import Addresses, attempt
from models.point import Point

MODULE = """
from pathlib import Path
Path({mark!r}).touch()
class Est: pass
def point(parameters, seed): return {{"a": 1}}
"""


@pytest.fixture
def evil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The mark that the module `evil_part` leaves when it is imported."""
    mark = tmp_path / "ran"
    (tmp_path / "evil_part.py").write_text(MODULE.format(mark=str(mark)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    sys.modules.pop("evil_part", None)
    return mark


RADIOS = {
    "channel": "channel: {name: 'evil_part:Est'}",
    "within another": "channel: {name: blockage, options: {path: 'evil_part:Est'}}",
    "estimator": "phy: {channel_estimator: 'evil_part:Est'}",
    "equaliser": "phy: {equaliser: 'evil_part:Est'}",
    "decoder": "model: {decoder: 'evil_part:Est'}",
    "sampler": "model: {sampler: 'evil_part:Est'}",
    "adaptation": "digital: {adaptation: 'evil_part:Est'}",
    "refinement": "hybrid: {refinement: 'evil_part:Est'}",
    "codec": "capacity: {codec: 'evil_part:Est'}",
}


@pytest.mark.parametrize("command", ["check", "link", "rx"])
def test_a_radio_file_that_names_code_runs_none(command, evil, capsys) -> None:
    calls = {
        "check": ["radios", "check", "r.yaml"],
        "link": ["link", "--clip", "bikes.mp4", "--radio", "r.yaml"],
        "rx": ["rx", "x.cf32", "-o", "out", "--radio", "r.yaml"],
    }
    for where, text in RADIOS.items():
        Path("r.yaml").write_text(text)
        assert cli.run(calls[command]) == 2, where
        assert "evil_part:Est" in (told := capsys.readouterr().err) and "--allow-code" in told
        assert not evil.exists(), where


def test_it_runs_when_the_caller_allows_it_or_gives_the_name(evil, capsys) -> None:
    Path("r.yaml").write_text(RADIOS["equaliser"])
    assert cli.run(["radios", "check", "r.yaml", "--allow-code"]) == 2
    assert evil.exists() and "has no 'equalise'" in capsys.readouterr().err
    # the permission ends with the call
    assert not code_is_allowed() and cli.run(["radios", "check", "r.yaml"]) == 2
    assert "--allow-code" in capsys.readouterr().err
    assert build("r.yaml", ["phy.equaliser=evil_part:Est"]).phy.equaliser == "evil_part:Est"
    assert build("sim-awgn", ["phy.equaliser=evil_part:Est"]).phy.equaliser == "evil_part:Est"
    with pytest.raises(ConfigError, match="names code"):
        build("r.yaml", ["phy.synchroniser=evil_part:Est2"])
    with allowing_code():
        assert build("r.yaml").phy.equaliser == "evil_part:Est"


POINT = {"clip": "bikes.mp4", "radio": "sim-awgn", "snr_db": 12, "cbr": "1/48", "arms": ["softcast"], "size": "64x64"}


@pytest.mark.parametrize(
    "parameters",
    [
        {"model.decoder": "evil_part:Est"},
        {"set": ["model.decoder=evil_part:Est"]},
        {"set": ['model.decoder="evil\\x5fpart:Est"']},
        {"arms": ["av1+ldpc@evil_part:Est"]},
        {"metrics": {"evil_part:Est": 1}},
        {"radio": "r.yaml"},
    ],
)
def test_a_sweep_that_names_code_anywhere_runs_none(parameters, evil) -> None:
    Path("r.yaml").write_text(RADIOS["decoder"])
    with pytest.raises(InputError, match="names code"):
        Addresses("link").task(0, {**POINT, **parameters}, 1)
    assert not evil.exists()


def test_a_worker_has_the_permission_that_its_task_carries(evil) -> None:
    Path("r.yaml").write_text(RADIOS["decoder"])
    with allowing_code():
        task = Addresses("evil_part:point").task(0, {}, 1)
        assert Point.of({**POINT, "radio": "r.yaml"}).config.model.decoder == "evil_part:Est"
    assert task.allow_code and not code_is_allowed()
    assert attempt(task) == [{"a": 1}]
    assert not Addresses("evil_part:point").task(0, {}, 1).allow_code


def test_what_is_a_name_of_code() -> None:
    assert all(names_code(name) for name in ("mine:Est", "a.b_c:d", "Ünï:Çod", "_x:_y"))
    others = ("mine", "a:1", "1a:b", "a b:c", "a:b:c", "a: b", "", ":b", "C:\\x", "a:b\n")
    assert not any(names_code(name) for name in others)
    content = {"k": ["a=mine:Est", {"m.n:Est": 1}, "x@p:Q,r:S"], "free": "note: this 12:30"}
    assert {name for _, name in code_names(content)} == {"mine:Est", "m.n:Est", "p:Q", "r:S"}


def test_looking_for_names_takes_time_in_proportion_to_the_text() -> None:
    began = time.process_time()
    assert list(code_names(["x" * 250_000, "a." * 125_000, ":" * 250_000])) == []
    assert time.process_time() - began < 3
