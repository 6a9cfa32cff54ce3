"""Docstrings: every example in them runs and prints what it says, and every strategy has one."""

import ast
import doctest
import functools
import importlib
from pathlib import Path

import pytest

from gvc import registry

ROOT = Path(__file__).resolve().parent.parent


def examples(*folders: str) -> list:
    """(file, line, text) of every text that stands by itself and holds an example, found without an import."""
    found = []
    for path in sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        text = path.read_text()
        for node in ast.walk(ast.parse(text)) if ">>>" in text else ():
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and ">>>" in str(node.value.value):
                file = path.relative_to(ROOT)
                found.append(pytest.param(file, node.lineno, node.value.value, id=f"{file}:{node.lineno}"))
    return found


@pytest.mark.parametrize(("file", "line", "text"), examples("gvc", "models"))
def test_examples_print_what_they_say(file: Path, line: int, text: str) -> None:
    module = importlib.import_module(".".join(file.with_suffix("").parts).removesuffix(".__init__"))
    # with the names of its module; the line counts from 0
    test = doctest.DocTestParser().get_doctest(text, dict(vars(module)), module.__name__, str(ROOT / file), line - 1)
    assert test.examples
    told: list[str] = []
    failed = doctest.DocTestRunner().run(test, out=told.append).failed
    assert not failed, "".join(told)


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, of in registry.TABLE.items() for name in of])
def test_every_strategy_says_what_it_is(kind: str, name: str) -> None:
    strategy = registry.resolve(kind, name)
    while isinstance(strategy, functools.partial):
        strategy = strategy.func
    # a class does not inherit its parent's
    assert (strategy.__doc__ or "").strip(), f"{kind} '{name}', {strategy.__qualname__}, has no docstring"
