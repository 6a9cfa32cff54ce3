"""Who imports whom among the modules of the floors, also inside functions and for types alone."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
Graph = Mapping[str, set[str]]


def modules(*floors: str) -> dict[str, Path]:
    """Every module by its dotted name; a package stands for its __init__.py."""
    found = {}
    for floor in floors:
        for path in sorted((ROOT / floor).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


def graph(known: Mapping[str, Path]) -> dict[str, set[str]]:
    """The modules among `known` that each of them imports."""
    return {name: set(_imported(path, known)) - {name} for name, path in known.items()}


def _imported(path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                if whole in known or node.module in known:
                    yield whole if whole in known else node.module


def contracted(whole: Graph, package: str) -> dict[str, set[str]]:
    """The graph between the direct children of `package`, each a module or a package with all that is in it."""

    def child(name: str) -> str | None:
        return name.removeprefix(f"{package}.").partition(".")[0] if name.startswith(f"{package}.") else None

    found: dict[str, set[str]] = {}
    for name, targets in whole.items():
        if (own := child(name)) is not None:
            found.setdefault(own, set()).update({other for target in targets if (other := child(target))} - {own})
    return found


def circles(whole: Graph) -> list[list[str]]:
    """The sets of nodes that reach each other, each sorted; none in an ordered graph."""
    reach: dict[str, set[str]] = {name: _reached(whole, targets) for name, targets in whole.items()}
    found = {tuple(sorted(m for m in reach[name] if name in reach[m])) for name in whole if name in reach[name]}
    return sorted(map(list, found))


def _reached(whole: Graph, start: Iterable[str]) -> set[str]:
    seen: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += whole[name]
    return seen
