"""The order of the rooms: what stands on what inside gvc, no circles, no name twice, short files, one way to write."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

from tests.import_graph import ROOT, circles, contracted, graph, modules

ORDER = """
errors seeds noise_map decibel paths bootstrap version
border message core_yaml permission machine
registry child section
content video
phy storage channel
coding config simulation transport network
evaluation report
sweep
"""
"""The rooms of gvc from the ground up: an import goes to an earlier one. `transport` and `network`
keep their places for later."""
LONGEST = 400
LONGER: set[str] = set()
"""Files that are still to be split."""
TWICE: set[str] = set()
"""Names that still stand for two classes."""
FLOORS = ("gvc", "models", "gvc_blocks", "flowgraphs")
MODULES = modules(*FLOORS)
GRAPH = graph(MODULES)


def test_imports_inside_gvc_go_down_only() -> None:
    place = {room: number for number, room in enumerate(ORDER.split())}
    rooms = contracted(GRAPH, "gvc")
    assert rooms.keys() <= place.keys(), "give the new room its place in ORDER"
    assert {(room, other) for room, others in rooms.items() for other in others if place[other] > place[room]} == set()


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles(GRAPH) == []


@pytest.mark.parametrize("package", sorted(n for n, p in MODULES.items() if p.stem == "__init__" and n[:3] == "gvc"))
def test_no_packages_import_each_other_in_a_circle(package: str) -> None:
    assert circles(contracted(GRAPH, package)) == []


def test_circles_are_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"d"}}) == [["b", "c"], ["d"]]
    assert contracted({"p.a.x": {"p.b"}, "p.b": {"p.a.y"}, "p.a.y": {"q"}, "q": set()}, "p") == {"a": {"b"}, "b": {"a"}}


def test_no_class_name_stands_twice() -> None:
    found = defaultdict(list)
    for name, path in modules(*FLOORS, "benchmarks").items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(name)
    twice = {name: where for name, where in found.items() if len(where) > 1}
    assert {name: where for name, where in twice.items() if name not in TWICE} == {}
    assert TWICE <= twice.keys(), "cross off the names that are no longer taken twice"


def test_files_are_short() -> None:
    paths = [path for folder in (*FLOORS, "benchmarks", "tests") for path in sorted((ROOT / folder).rglob("*.py"))]
    long = {_named(path) for path in paths if len(path.read_text(encoding="utf-8").splitlines()) > LONGEST}
    assert long - LONGER == set()
    assert LONGER <= long, "cross off the files that were split"


RENAMING = {"gvc/storage/files.py", "gvc/content/fetch.py"}
"""Who gives a finished file its name: the one function for it, and set-up, which takes folders out of packages."""


def test_finished_files_get_their_names_in_one_place() -> None:
    found = set()
    for path in modules(*FLOORS, "benchmarks").values():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            call, count = ast.unparse(node.func), len(node.args) + len(node.keywords)
            renames = node.func.attr == "rename" or (node.func.attr == "replace" and count == 1)
            if call in ("os.replace", "os.rename") or (renames and "dataclasses" not in call):
                found.add(_named(path))
    assert found - RENAMING == set()


def _named(path: Path) -> str:
    return str(path.relative_to(ROOT))
